"""Secrets and keys are named and never written down; what they lead to is checked, and no sentence has anything of it."""

import os
from pathlib import Path

import pytest

from .pems import certificate, ec, private, public, rsa_key
from .written import SMALLEST, WHOLE, faults, folder_with_keys, looked_at

TOY = "connections.toy-bank"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOY_SECRET", "hush")
    monkeypatch.setenv("TOY_LINES", "hush\nhush")
    return folder_with_keys(tmp_path)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ('"hush"', 'must be { file = "…" } or { env = "…" }: a secret is never written into this file.'),
        ('["hush"]', 'must be { file = "…" } or { env = "…" }: a secret is never written into this file.'),
        ('{ value = "hush" }', 'must be { file = "…" } or { env = "…" }.'),
        ('{ file = "theirs.txt", env = "TOY_SECRET" }', 'must be { file = "…" } or { env = "…" }.'),
        ("{ file = 1 }", 'must be { file = "…" } or { env = "…" }.'),
        ('{ env = "TOY_GONE" }', "names the environment variable TOY_GONE, which is not set or empty."),
        ('{ env = "A B" }', "must name an environment variable in letters, digits and _."),
        (
            '{ env = "GERBANG_SECRET_KEY" }',
            "must name an environment variable that does not begin with GERBANG_: those are Gerbang's own settings.",
        ),
        (
            '{ env = "TOY_LINES" }',
            (
                "comes from the environment variable TOY_LINES, which holds more than one line or characters that cannot be "
                "printed."
            ),
        ),
    ],
)
def test_a_secret_is_named_by_file_or_environment_and_nothing_else(folder: Path, value: str, sentence: str) -> None:
    assert faults(folder, f"{SMALLEST}client_secret = {value}\n") == [f"{TOY}.client_secret {sentence}"]


def test_a_file_that_cannot_be_read_is_shown(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "empty").write_text("\n")
    (folder / "binary").write_bytes(b"\xff\xfe")
    (folder / "long").write_text("a" * 65_537)
    for name, sentence in {
        "gone": "does not exist",
        ".": "is a folder",
        "pipe": "is not an ordinary file",
        "empty": "is empty",
        "binary": "is not text; a key or certificate must be in PEM form",
        "long": "is longer than 64 KiB: no secret or key is",
    }.items():
        text = f'{SMALLEST}client_secret = {{ file = "{name}" }}\n'
        assert faults(folder, text) == [f"{TOY}.client_secret names the file {folder / name}, which {sentence}."]


def test_a_key_that_cannot_be_read_is_not_said_to_be_left_out_as_well(folder: Path) -> None:
    (folder / "ours.pem").unlink()
    (folder / "theirs.pub").write_bytes(b"\xff\xfe")
    text = """
[connections.bank]
provider = "snap"
profile = "mandiri"
serves = ["payments", "payouts", "refund"]
base_url = 7
client_id = "us"
client_secret = { env = "TOY_GONE" }
private_key = { file = "ours.pem" }
company_codes = ["1x"]
inbound = { path_prefix = "/a", client_id = "x", client_secret = { file = "gone" }, public_keys = [{ file = "theirs.pub" }] }
accounts = [{ number = 7, purposes = ["payouts"] }]
"""
    wrong = [each.partition(" ")[0].removeprefix("connections.bank.") for each in faults(folder, text, "live")]
    assert sorted(wrong) == [
        "accounts[1].number",
        "base_url",
        "client_secret",
        "company_codes[1]",
        "inbound.client_secret",
        "inbound.public_keys[1]",
        "private_key",
        "serves[3]",
    ]


def test_a_secret_that_every_user_can_read_is_a_remark_and_a_public_key_is_not(folder: Path) -> None:
    for name in ("theirs.pub", "ours.crt", "theirs-next.crt"):
        (folder / name).chmod(0o644)
    (folder / "theirs.txt").chmod(0o640)
    assert looked_at(folder, WHOLE).remarks == []
    (folder / "theirs.txt").chmod(0o644)
    contents = looked_at(folder, WHOLE)
    assert contents.faults == []
    assert sorted(str(each) for each in contents.remarks) == [
        f"{TOY}.{member} names the file {folder / 'theirs.txt'}, which every user of this machine can reach: run chmod "
        f"o-rwx {folder / 'theirs.txt'}."
        for member in ("inbound.client_secret", "settings.token")
    ]


def test_a_private_key_is_rsa_of_2048_bits_without_a_password(folder: Path) -> None:
    ours = private(rsa_key("ours"))
    for text, sentence in [
        (private(rsa_key("short", 1024)), "is an RSA key of 1024 bits, and 2048 are the least."),
        (private(ec.generate_private_key(ec.SECP256R1())), "is a private key of another kind than RSA."),
        (
            private(rsa_key("ours"), b"password"),
            "is locked with a password, which nobody could type in when a process ",
        ),
        (public(rsa_key("ours")), "holds a public key or a certificate, and our private key is meant."),
        (ours[:400] + ours[900:], "looks like a private key and cannot be read: it may have lost a part."),
        ("hush", "is not a private key in PEM form, with -----BEGIN PRIVATE KEY----- as its first line."),
    ]:
        (folder / "key").write_text(text)
        (shown,) = faults(folder, f'{SMALLEST}private_key = {{ file = "key" }}\n')
        assert shown.startswith(f"{TOY}.private_key comes from the file {folder / 'key'}, which {sentence}")


def test_a_partners_key_is_public_and_not_ours(folder: Path) -> None:
    no_key = "is no public key in PEM form, with -----BEGIN PUBLIC KEY----- or -----BEGIN CERTIFICATE----- as its first line."
    for text, sentence in [
        (
            private(rsa_key("theirs")),
            "holds a private key, and the partner's public key is meant: nobody but its owner ",
        ),
        (public(rsa_key("short", 1024)), "is an RSA key of 1024 bits, and 2048 are the least."),
        (public(ec.generate_private_key(ec.SECP256R1())), "is a public key of another kind than RSA."),
        (public(rsa_key("ours")), "is the public half of our own private key: the partner's is meant."),
        (certificate(rsa_key("ours"), days=9), "is the public half of our own private key: the partner's is meant."),
        (certificate(rsa_key("theirs"), days=9)[:200], no_key),
        ("hush", no_key),
    ]:
        (folder / "theirs.pub").write_text(text)
        (shown,) = faults(folder, WHOLE)
        member = f"{TOY}.inbound.public_keys[1]"
        assert shown.startswith(f"{member} comes from the file {folder / 'theirs.pub'}, which {sentence}")


def test_a_client_certificate_belongs_to_its_key_and_both_are_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "ours.crt").write_text(certificate(rsa_key("theirs"), days=9))
    assert faults(folder, WHOLE) == [
        (
            f"{TOY}.client_certificate.certificate comes from the file {folder / 'ours.crt'}, which does not belong to the "
            f"private key from the file {folder / 'ours.pem'}."
        )
    ]
    (folder / "ours.crt").write_text("hush")
    (shown,) = faults(folder, WHOLE)
    assert shown.endswith("which is not a certificate in PEM form, with -----BEGIN CERTIFICATE----- as its first line.")
    monkeypatch.setenv("TOY_CERTIFICATE", certificate(rsa_key("ours"), days=9))
    text = WHOLE.replace('{ file = "ours.crt" }', '{ env = "TOY_CERTIFICATE" }')
    assert faults(folder, text) == [
        f'{TOY}.client_certificate must have {{ file = "…" }} for both: TLS reads them from files.'
    ]


def test_no_sentence_has_a_secret_in_it(folder: Path) -> None:
    for value in ('"hush"', '{ file = "hush" }', '{ value = "hush" }', '[{ a = "hush" }]'):
        text = f"{SMALLEST}client_secret = {value}\nprivate_key = {value}\nclient_secrets = {value}\n"
        contents = looked_at(folder, text + f"settings.token = {value}\n")
        shown = "\n".join(str(each) for each in contents.faults)
        assert len(contents.faults) == 4
        assert "hush" not in shown.replace(str(folder / "hush"), "")
