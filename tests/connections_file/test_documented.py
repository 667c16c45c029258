"""docs/connections.md: its example can be read, and every member of the file has its line."""

import re
from pathlib import Path

import msgspec
import pytest

from gerbang.connections import NoSettings, Said, missing
from gerbang.connections_file import look
from gerbang.domain.connections import Account, ClientCertificate, Connection, Inbound, Route
from gerbang.settings import Settings

from .pems import certificate, private, public, rsa_key

PAGE = (Path(__file__).resolve().parents[2] / "docs/connections.md").read_text(encoding="utf-8")


class Snap:
    """A provider of the name that the example has."""

    name = "snap"
    settings = NoSettings

    def faults(self, connection: Connection) -> list[Said]:
        return missing(connection, "base_url", "client_id", "private_key", "inbound.client_id", "inbound.public_keys")


def test_the_example_is_read_in_live_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, example = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    for name in re.findall(r'file = "([^"]+)"', example):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        key = rsa_key("client" if "client." in name else "ours" if name.startswith("secrets/") else "theirs")
        texts = {".pem": private(key), ".pub": public(key), ".crt": certificate(key, days=100)}
        path.write_text(texts.get(path.suffix, "hush"))
        path.chmod(0o600)
    monkeypatch.setenv("QRIS_CLIENT_SECRET", "hush")
    file = tmp_path / "connections.toml"
    file.write_text(example)
    file.chmod(0o644)
    contents = look(Settings(mode="live", connections=file), {"snap": Snap()})
    assert (contents.faults, contents.remarks) == ([], [])
    assert list(contents.connections.by_name) == ["bca-va", "qris"]
    assert len(contents.connections.routes) == 2


def test_the_simulators_example_is_read_in_the_sandbox(tmp_path: Path) -> None:
    example, _ = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "connections.toml"
    file.write_text(example)
    file.chmod(0o644)
    contents = look(Settings(connections=file))
    assert (contents.faults, contents.remarks) == ([], [])
    settings = contents.connections.by_name["simulator"].settings
    assert {name: each.codes for name, each in settings.channels.items()} == {
        "virtual_account": "registered",
        "qris": "minted",
    }


@pytest.mark.parametrize("type_", [Connection, ClientCertificate, Account, Inbound, Route])
def test_every_member_is_explained(type_: type[msgspec.Struct]) -> None:
    members = {each.encode_name for each in msgspec.structs.fields(type_)} - {"name"}
    rows = PAGE[PAGE.index("## Members of a connection") :]
    assert [member for member in members if f"`{member}`" not in rows] == []
