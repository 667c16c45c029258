"""A partner of a few lines that calls the simulated bank: its signatures are written here by hand from the standard's text."""

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gerbang.clock import MovableClock
from tests.support.simulated_banks import Answered, Simulated, simulated

NOWHERE = "http://127.0.0.1:1"
JAKARTA = timezone(timedelta(hours=7))

_counter = itertools.count(1)


class TinyPartner:
    """Calls one bank with the keys that were made for its partner."""

    def __init__(self, bank: Simulated, folder: Path) -> None:
        self.bank, self.profile, self.ids = bank, bank.bank.profile, bank.bank.wiring.ids
        raw = (folder / f"secrets/{self.profile.name}-private-key.pem").read_bytes()
        key = load_pem_private_key(raw, password=None)
        assert isinstance(key, RSAPrivateKey)
        self.key = key
        self.secret = (folder / f"secrets/{self.profile.name}-client-secret").read_text()
        self.token = ""
        self.http = bank.http

    @property
    def stamp(self) -> str:
        return self.bank.bank.clock.now().astimezone(JAKARTA).isoformat(timespec="seconds")

    def by_key(self, text: str) -> str:
        return base64.b64encode(self.key.sign(text.encode(), PKCS1v15(), SHA256())).decode()

    async def sent(self, path: str, body: bytes, headers: Mapping[str, str], method: str = "POST") -> Answered:
        answer = await self.http.request(method, self.bank.url + path, content=body, headers=headers)
        return Answered(answer.status_code, answer.content)

    async def get_token(self, **changed: str) -> Any:
        stamp = changed.pop("X-TIMESTAMP", self.stamp)
        client = changed.pop("X-CLIENT-KEY", self.ids.client_id)
        headers = {"X-TIMESTAMP": stamp, "X-CLIENT-KEY": client, "X-SIGNATURE": self.by_key(f"{client}|{stamp}")}
        answer = await self.sent(self.profile.here["73"], b'{"grantType": "client_credentials"}', headers | changed)
        document = json.loads(answer.body)
        self.token = document.get("accessToken", "")
        return document

    async def raw(self, service: str, document: object, **changed: str) -> Answered:
        """One call. `changed` replaces headers, or with `path`, `method` and `signed` what they say; None of it leaves one out."""
        if self.profile.signed_by == "secret" and not self.token:
            await self.get_token()
        path = changed.pop("path", self.profile.here.get(service, "/nowhere"))
        method = changed.pop("method", {"28": "PUT", "29": "PUT", "31": "DELETE"}.get(service, "POST"))
        method = self.profile.methods.get(service, method)
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        digest, stamp = hashlib.sha256(body).hexdigest(), changed.get("X-TIMESTAMP", self.stamp)
        if self.profile.signed_by == "secret":
            text = f"{method}:{path}:{self.token}:{digest}:{stamp}"
            mac = hmac.new(self.secret.encode(), text.encode(), hashlib.sha512)
            signature = mac.hexdigest() if self.profile.letters == "hex" else base64.b64encode(mac.digest()).decode()
        else:
            signature = self.by_key(f"{method}:{path}:{digest}:{stamp}")
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {self.token}" if self.token else "",
            "X-TIMESTAMP": stamp,
            "X-SIGNATURE": signature,
            "X-PARTNER-ID": self.ids.partner_id,
            "X-EXTERNAL-ID": f"{next(_counter):015d}",
            "CHANNEL-ID": "95051",
        } | changed
        wire = json.dumps(document, ensure_ascii=False).encode()  # blanks on the wire are not signed
        return await self.sent(path, wire, {name: value for name, value in headers.items() if value}, method)

    async def call(self, service: str, document: Mapping[str, Any], **changed: str) -> Any:
        """One call, and its answer's JSON. The status always agrees with the responseCode."""
        answer = await self.raw(service, document, **changed)
        found = json.loads(answer.body)
        assert found["responseCode"].startswith(str(answer.status))
        return found

    def transfer(self, value: str = "150000.00", **changed: Any) -> dict[str, Any]:
        """The body of a transfer."""
        return {
            "partnerReferenceNo": f"PAYOUT-{next(_counter)}",
            "amount": {"value": value, "currency": "IDR"},
            "beneficiaryAccountNo": "8800112233",
            "beneficiaryAccountName": "SARI DEWI",
            "beneficiaryBankCode": "CENAIDJA",
            "sourceAccountNo": self.ids.account,
            "transactionDate": self.stamp,
        } | changed


@asynccontextmanager
async def partner_of(
    folder: Path, profile: str = "bca", gateway: str = NOWHERE, clock: MovableClock | None = None
) -> AsyncGenerator[TinyPartner]:
    """A simulated bank with its partner. Unless a clock is given, the bank's stands still, so that no day ends meanwhile."""
    async with simulated(folder, profile, gateway, clock or MovableClock(ticking=False)) as bank:
        yield TinyPartner(bank, folder)
