"""What `gerbang bank` makes for both sides: a connections file that a gateway takes, and keys that stay."""

import stat
from pathlib import Path
from uuid import UUID

import pytest

from gerbang import bank_simulator, connections_file
from gerbang.bank_simulator import signing
from gerbang.connections import NoSettings, Said
from gerbang.connections.simulator import PROVIDER
from gerbang.domain.connections import Connection
from gerbang.folders import FolderWrong, data_folder
from gerbang.settings import Settings


def test_a_second_start_keeps_every_key_and_id(tmp_path: Path) -> None:
    first = bank_simulator.prepare(tmp_path / "bank", "bca", "http://127.0.0.1:9100", "http://127.0.0.1:8000")
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    second = bank_simulator.prepare(tmp_path / "bank", "bca", "http://127.0.0.1:9100", "http://127.0.0.1:8000/")
    assert second == first
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == files


def test_the_banks_key_and_the_partners_belong_to_what_the_other_side_has(tmp_path: Path) -> None:
    made = bank_simulator.prepare(tmp_path / "bank", "bca", "http://127.0.0.1:9100", "http://127.0.0.1:8000")
    for private, public in (
        (made.bank_key, (made.connections_file.parent / "keys/bca.pub").read_text()),
        ((made.connections_file.parent / "secrets/bca-private-key.pem").read_text(), made.partner_key),
    ):
        assert private.startswith("-----BEGIN PRIVATE KEY-----")
        signed = signing.by_key(signing.read_private(private), b"text")
        assert signing.key_fits(signing.read_public(public), b"text", signed)


def test_secrets_are_the_owners_alone(prepared: Path) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in prepared.rglob("*") if path.is_file()}
    assert set(modes.values()) == {0o600}
    assert "bca-inbound-secret" in modes


class Snap:
    """A provider that takes every connection: what is wrong in the file is then the file's."""

    name = "snap"
    settings = NoSettings

    def faults(self, connection: Connection) -> list[Said]:
        return []


def test_a_gateway_takes_the_file(prepared: Path) -> None:
    settings = Settings(connections=prepared / "connections.toml")
    contents = connections_file.look(settings, {"snap": Snap(), "simulator": PROVIDER})
    assert (contents.faults, contents.remarks) == ([], [])
    merchant = UUID(int=1)
    serving = contents.connections.serving(merchant, "virtual_account", "BCA", "payments")
    assert [each.name for each in serving] == ["bca-va", "simulator"]
    assert [each.name for each in contents.connections.serving(merchant, None, "BCA", "payouts")] == ["simulator"]


def test_several_banks_share_a_folder_and_a_file(tmp_path: Path) -> None:
    for profile in ("bca", "bca"):
        bank_simulator.prepare(tmp_path / "bank", profile, "http://127.0.0.1:9100", "http://127.0.0.1:8000")
    text = (tmp_path / "bank/connections.toml").read_text()
    assert text.count("[connections.bca-va]") == 1
    assert text.rstrip().endswith('[[routes]]\nconnections = ["simulator"]')
    assert 'channel = "virtual_account"\noption = "BCA"' in text


def test_a_bank_that_nobody_plays_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderWrong, match="no bank 'bank-of-nowhere'"):
        bank_simulator.prepare(tmp_path / "bank", "bank-of-nowhere", "http://127.0.0.1:9100", "http://127.0.0.1:8000")


def test_payouts_go_by_a_bank_that_can_send_money(tmp_path: Path) -> None:
    urls = ("http://127.0.0.1:9100", "http://127.0.0.1:8000")
    made = bank_simulator.prepare(tmp_path / "bank", "bca", *urls, payouts=True)
    text = made.connections_file.read_text()
    assert 'serves = ["payments", "statements", "payouts"]' in text
    assert '[[routes]]\nconnections = ["bca-va"]\npurpose = "payouts"' in text
    with pytest.raises(FolderWrong, match="DANA sends no money"):
        bank_simulator.prepare(tmp_path / "bank", "dana", *urls, payouts=True)


def test_a_gateway_may_keep_its_data_around_the_banks_folder(tmp_path: Path) -> None:
    bank_simulator.prepare(tmp_path / "var/bank", "bca", "http://127.0.0.1:9100", "http://127.0.0.1:8000")
    assert data_folder(tmp_path / "var") == tmp_path / "var"
