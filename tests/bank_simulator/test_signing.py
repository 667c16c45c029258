"""The bank's own signing, by published signatures: github.com/Midtrans/SNAP-BI-Signature-Demo, and one vector of ours."""

import json

import pytest

from gerbang.bank_simulator import signing
from tests.support import snap_vectors as vectors


def test_a_published_signature_of_a_token_request_fits() -> None:
    key = signing.read_public(vectors.PUBLIC_KEY_PEM)
    text = signing.token_text("G1234325-SNAP", "2024-03-01T08:27:49.024Z")
    assert signing.key_fits(key, text, vectors.TOKEN_SIGNATURE)
    assert not signing.key_fits(key, text + b" ", vectors.TOKEN_SIGNATURE)
    assert not signing.key_fits(key, text, vectors.TOKEN_SIGNATURE.swapcase())


def test_a_published_signature_with_a_token_is_made() -> None:
    text = signing.call_text(
        "post", "/v1.0/qr/qr-mpm-generate", vectors.HMAC_BODY, "2024-03-05T10:37:16.196Z", "myaccesstoken"
    )
    made = signing.by_secret("myclientsecret", text)
    assert made == vectors.HMAC_SIGNATURE
    assert signing.secret_fits("myclientsecret", text, made)
    assert not signing.secret_fits("myclientsecret", text, made.lower())


def test_a_published_signature_without_a_token_fits() -> None:
    text = signing.call_text("POST", "/v1.0/debit/notify", vectors.NOTIFY_BODY, "2024-05-02T14:43:08+07:00", None)
    assert signing.key_fits(signing.read_public(vectors.PUBLIC_KEY_PEM), text, vectors.NOTIFY_SIGNATURE)


def test_blanks_inside_a_text_are_signed_and_others_are_not() -> None:
    stamp, path = "2025-07-01T09:15:00+07:00", "/snap/v1.0/transfer-va/inquiry"
    spaced = json.dumps(json.loads(vectors.PADDED_BODY), ensure_ascii=False, indent=3).encode()
    assert signing.minified(spaced) == vectors.PADDED_BODY
    assert signing.body_hash(spaced) == vectors.PADDED_HASH
    made = signing.by_secret(
        vectors.PADDED_SECRET, signing.call_text("POST", path, spaced, stamp, vectors.PADDED_TOKEN)
    )
    assert made == vectors.PADDED_SIGNATURE


@pytest.mark.parametrize("text", ['{"a": "\\\\" , "b": " \\" x "}', '{ "a" : [ 1 , "  2" ] }', "", '"  "'])
def test_what_is_minified_says_the_same(text: str) -> None:
    short = signing.minified(text.encode()).decode()
    assert (json.loads(short) if text else short) == (json.loads(text) if text else "")
    assert len(short) <= len(text)


def test_a_body_that_is_not_there_is_hashed_as_an_empty_one() -> None:
    assert signing.body_hash(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_letters_are_not_taken_for_the_others() -> None:
    text = b"text"
    made = signing.by_secret("secret", text, "hex")
    assert len(made) == 128
    assert signing.secret_fits("secret", text, made, "hex")
    assert not signing.secret_fits("secret", text, made)
    key = signing.new_key()
    written = signing.by_key(key, text, "hex")
    assert signing.key_fits(signing.read_public(signing.public_pem(key)), text, written, "hex")
    assert not signing.key_fits(signing.read_public(signing.public_pem(key)), text, "no letters at all")


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("2025-07-01T09:15:00+07:00", True),
        ("2025-07-01T02:15:00.123Z", True),
        ("2025-07-01T02:15:00-00:00", True),
        ("2025-07-01 09:15:00+07:00", False),
        ("2025-07-01T09:15:00", False),
        ("yesterday", False),
        ("", False),
    ],
)
def test_a_timestamp_has_a_date_a_time_and_a_zone(text: str, reads: bool) -> None:
    assert (signing.read_stamp(text) is not None) == reads
