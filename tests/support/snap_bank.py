"""A bank that calls a gateway over the national standard. It signs by code of its own, so that the gateway's is proved by it."""

import base64
import hashlib
import hmac
import itertools
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.connections_file.pems import public, rsa_key

WIB = timezone(timedelta(hours=7))
CLIENT, SECRET = "bank-client-1", "inbound-secret-of-the-tests"
COMPANY = "1402"
"""With which the sandbox's numbers by chance at BCA begin."""
_serial = itertools.count(1)


BANK = """
[connections.bank]
provider = "snap"
profile = "{profile}"
serves = ["payments"]
{more}
[connections.bank.inbound]
path_prefix = "/partners/bank"
client_id = "{client}"
client_secret = {{ file = "inbound-secret" }}
public_keys = [{{ file = "bank.pub" }}]
{inbound}
"""
CALLED_ONLY = 'settings.codes = { virtual_account = "ours", qris = "ours", ewallet = "ours" }\n'
"""This bank only calls: it is asked for no codes."""
SIMULATOR = """
[connections.simulator]
provider = "simulator"
serves = ["payments", "payouts"]

[[routes]]
connections = ["simulator"]
"""


def connections(folder: Path, profile: str = "bca", *, more: str = "", inbound: str = "", option: str = "BCA") -> Path:
    """A connections file with one bank over the standard, for one option of virtual accounts, and the simulator for the rest."""
    route = f'[[routes]]\nconnections = ["bank"]\nchannel = "virtual_account"\noption = "{option}"\n'
    codes = f'company_codes = ["{COMPANY}", "1401", "1304"]\n{"" if "settings" in more else CALLED_ONLY}'
    return _file(
        folder, BANK.format(profile=profile, more=codes + more, inbound=inbound, client=CLIENT) + SIMULATOR + route
    )


def live_connections(folder: Path, *channels: str, more: str = "") -> Path:
    """A connections file for live mode: one bank, which serves these channels."""
    routes = "".join(f'[[routes]]\nconnections = ["bank"]\nchannel = "{channel}"\n' for channel in channels)
    return _file(folder, BANK.format(profile="generic", more=more, inbound="", client=CLIENT) + routes)


def _file(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bank.pub").write_text(public(rsa_key("bank")), "ascii")
    (folder / "inbound-secret").write_text(SECRET, "ascii")
    (folder / "inbound-secret").chmod(0o600)
    file = folder / "connections.toml"
    file.write_text(text, "utf-8")
    return file


def stamp(at: datetime | None = None) -> str:
    return (at or datetime.now(UTC)).astimezone(WIB).isoformat(timespec="seconds")


@dataclass
class Bank:
    """What it sends can be changed request by request."""

    client: httpx.Client
    prefix: str = "/partners/bank/openapi/v1.0"
    secret: str = SECRET
    hex_signatures: bool = False
    asymmetric: bool = False
    no_token_signed: bool = False
    token: str = ""
    headers: dict[str, str | None] = field(default_factory=dict[str, "str | None"])
    """Of every call, over its own; None leaves one out."""

    def sign_in(self, **headers: str | None) -> httpx.Response:
        """A token request (73); the token is used from then on."""
        at = headers.get("X-TIMESTAMP") or stamp()
        raw = rsa_key("bank").sign(f"{CLIENT}|{at}".encode(), padding.PKCS1v15(), hashes.SHA256())
        signature = raw.hex() if self.hex_signatures else base64.b64encode(raw).decode()
        own: dict[str, str | None] = {"X-TIMESTAMP": at, "X-CLIENT-KEY": CLIENT, "X-SIGNATURE": signature}
        sent = {name: value for name, value in (own | headers).items() if value is not None}
        answer = self.client.post(
            f"{self.prefix}/access-token/b2b", json={"grantType": "client_credentials"}, headers=sent
        )
        self.token = answer.json().get("accessToken", "")
        return answer

    def call(
        self,
        path: str,
        body: dict[str, Any] | bytes,
        *,
        signed: bytes | None = None,
        signed_path: str | None = None,
        method: str = "POST",
        **headers: str | None,
    ) -> httpx.Response:
        """A signed call. `signed` is the form of the body that is signed, where it is not the compact one."""
        raw = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        given = {name.replace("_", "-").upper(): value for name, value in headers.items()}
        at = given.get("X-TIMESTAMP") or stamp()
        hashed = hashlib.sha256(raw if signed is None else signed).hexdigest()
        token = [] if self.asymmetric or self.no_token_signed else [self.token]
        text = ":".join([method, signed_path or self.prefix + path, *token, hashed, at]).encode()
        if self.asymmetric:
            made = rsa_key("bank").sign(text, padding.PKCS1v15(), hashes.SHA256())
        else:
            made = hmac.new(self.secret.encode(), text, "sha512").digest()
        own: dict[str, str | None] = {
            "AUTHORIZATION": f"Bearer {self.token}".strip(),
            "X-TIMESTAMP": at,
            "X-SIGNATURE": made.hex() if self.hex_signatures else base64.b64encode(made).decode(),
            "X-PARTNER-ID": COMPANY,
            "X-EXTERNAL-ID": external_id(),
            "CHANNEL-ID": "95231",
            "CONTENT-TYPE": "application/json",
        }
        sent = {name: value for name, value in (own | self.headers | given).items() if value is not None}
        return self.client.request(method, self.prefix + path, content=raw, headers=sent)

    def inquire(self, number: str, **changes: Any) -> httpx.Response:
        """A direct inquiry (24), as a real bank sends it."""
        headers = {name: changes.pop(name) for name in [*changes] if name.startswith("X_")}
        return self.call("/transfer-va/inquiry", inquiry(number) | changes, **headers)

    def pay(self, number: str, value: str = "20000.00", **changes: Any) -> httpx.Response:
        """A payment flag (25), as a real bank sends it."""
        headers = {name: changes.pop(name) for name in [*changes] if name.startswith("X_")}
        return self.call("/transfer-va/payment", payment(number, value) | changes, **headers)


def external_id() -> str:
    return f"{next(_serial):020d}"


def request_id() -> str:
    return f"20261128120000{next(_serial):016d}"


def parts(number: str) -> dict[str, Any]:
    """The names of an account as the standard has them: the company code padded to eight characters."""
    company, customer = number[: len(COMPANY)].rjust(8), number[len(COMPANY) :]
    return {"partnerServiceId": company, "customerNo": customer, "virtualAccountNo": company + customer}


def inquiry(number: str) -> dict[str, Any]:
    return parts(number) | {
        "trxDateInit": stamp(),
        "channelCode": 6011,
        "language": "",
        "amount": None,
        "hashedSourceAccountNo": "",
        "sourceBankCode": "014",
        "passApp": "",
        "inquiryRequestId": request_id(),
        "additionalInfo": {},
    }


def payment(number: str, value: str) -> dict[str, Any]:
    return parts(number) | {
        "virtualAccountName": "TOKO",
        "virtualAccountEmail": "",
        "virtualAccountPhone": "",
        "trxId": "",
        "paymentRequestId": request_id(),
        "channelCode": 6011,
        "hashedSourceAccountNo": "",
        "sourceBankCode": "014",
        "paidAmount": {"value": value, "currency": "IDR"},
        "cumulativePaymentAmount": None,
        "paidBills": "",
        "totalAmount": {"value": value, "currency": "IDR"},
        "trxDateTime": stamp(),
        "referenceNo": "00007100001",
        "journalNum": "",
        "paymentType": "",
        "flagAdvise": "N",
        "subCompany": "00000",
        "billDetails": [],
        "freeTexts": [],
        "additionalInfo": {},
    }
