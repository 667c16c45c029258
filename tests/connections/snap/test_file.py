"""A contract over the standard as an operator writes it: its settings are read, and `gerbang connections check` uses them."""

import json
from pathlib import Path

import pytest

from gerbang.connections.snap.settings import SnapSettings
from gerbang.connections.snap.transfers import ways
from gerbang.connections_file import look
from gerbang.domain.money import rupiah
from gerbang.settings import Settings
from tests.connections_file.pems import private, rsa_key
from tests.support.http_servers import HttpAnswer, HttpServer, ReceivedRequest
from tests.test_cli_connections import gerbang

CONTRACT = """
[connections.bca-transfers]
provider = "snap"
profile = "bca"
serves = ["payouts", "statements"]
base_url = "URL"
client_id = "our-client-id"
client_secret = { env = "BCA_SECRET" }
private_key = { file = "ours.pem" }
partner_id = "CORP"
channel_id = "95051"

[[connections.bca-transfers.accounts]]
number = "0123456789"

[connections.bca-transfers.settings]
channel_ids = { virtual_accounts = "95231" }
token_info = { authSecret = { env = "BCA_AUTH" } }
additional_info = { deviceId = "12345" }
external_id_length = 12
encoding = "hex"
calls.17 = "/openapi/v1.1/transfer-intrabank"
calls.28 = "POST /openapi/v1.0/transfer-va/update-va"
ways.bi_fast = { offered = false }
ways.skn = { maximum = 500_000_000, windows = ["08:00-12:00", "13:00-14:00"] }
bank_codes.DKI = "SYJKIDJ1"
swift_codes = ["skn"]

[[routes]]
connections = ["bca-transfers"]
purpose = "payouts"
"""


def written(folder: Path, url: str = "https://bank.example", text: str = CONTRACT) -> Path:
    key = folder / "ours.pem"
    key.write_text(private(rsa_key("ours")))
    key.chmod(0o600)
    file = folder / "connections.toml"
    file.write_text(text.replace("URL", url))
    return file


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BCA_SECRET", "BCA_AUTH"):
        monkeypatch.setenv(name, f"hush-{name}")


def test_every_setting_of_a_contract_is_read(tmp_path: Path) -> None:
    contents = look(Settings(mode="live", connections=written(tmp_path)))
    assert (contents.faults, contents.remarks) == ([], [])
    connection = contents.connections.by_name["bca-transfers"]
    settings = connection.settings
    assert isinstance(settings, SnapSettings)
    assert settings.token_info["authSecret"].value == "hush-BCA_AUTH"
    assert settings.calls == {
        "17": "/openapi/v1.1/transfer-intrabank",
        "28": "POST /openapi/v1.0/transfer-va/update-va",
    }
    limits = ways(connection)
    assert list(limits) == ["same_bank", "switcher", "skn", "rtgs"]
    assert (limits["skn"].maximum, len(limits["skn"].windows)) == (rupiah(500_000_000), 2)


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("calls.17", "calls.transfer", "has calls that cannot be read"),
        ('"/openapi/v1.1/transfer-intrabank"', '"openapi"', "has calls that cannot be read"),
        ("ways.skn", "ways.pigeon", "pigeon, which is not known"),
        ("bank_codes.DKI", "bank_codes.NOWHERE", "NOWHERE, which is not known"),
        ("13:00-14:00", "13:00-12:00", "ends before it begins"),
        ("external_id_length = 12", "external_id_length = 8", "must be a whole number, 9 to 36"),
        ('number = "0123456789"', 'number = "0123456789"\npurposes = ["statements"]', "money must go from one"),
        ('client_secret = { env = "BCA_SECRET" }', "", "client_secret is missing"),
    ],
)
def test_what_is_wrong_in_it_is_said(tmp_path: Path, old: str, new: str, part: str) -> None:
    assert old in CONTRACT
    contents = look(Settings(connections=written(tmp_path, text=CONTRACT.replace(old, new))))
    assert [str(each) for each in contents.faults if part in str(each)] != []


def test_check_gets_a_token_and_a_balance_and_shows_no_secret(tmp_path: Path) -> None:
    def bank(request: ReceivedRequest) -> HttpAnswer:
        said: dict[str, object] = {"accessToken": "abc", "expiresIn": "900"}
        if request.path == "/openapi/v1.0/balance-inquiry":
            assert request.parsed["additionalInfo"] == {"deviceId": "12345"}
            amount = {"value": "1500000.00", "currency": "IDR"}
            said = {"responseCode": "2001100", "accountInfos": [{"availableBalance": amount}]}
        return HttpAnswer(200, json.dumps(said).encode())

    with HttpServer(bank) as server:
        file = str(written(tmp_path, server.url))
        code, shown, error = gerbang(
            "connections", "check", GERBANG_CONNECTIONS=file, BCA_SECRET="hush", BCA_AUTH="hush"
        )
    assert (code, error) == (0, "")
    assert "The partner knows our-client-id and our key; a token lasts 900 seconds." in shown
    assert "Rp 1.500.000 are available." in shown
    assert "hush" not in shown + error


def test_payouts_of_a_bank_that_never_says_what_became_of_them_are_a_remark(tmp_path: Path) -> None:
    def remarks(text: str) -> list[str]:
        contents = look(Settings(mode="live", connections=written(tmp_path, text=text)))
        assert contents.faults == []
        return [str(each) for each in contents.remarks]

    plain = CONTRACT.replace('profile = "bca"', 'profile = "permata"')
    (remark,) = remarks(plain)
    assert remark.startswith("connections.bca-transfers.serves names payouts, and this bank has neither a service")
    assert "gerbang payouts list --unknown" in remark
    for service in ("14", "36"):
        assert remarks(plain.replace("calls.17", f'calls.{service} = "/v1.0/some"\ncalls.17')) == []
    assert remarks(CONTRACT) == []
