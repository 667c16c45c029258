"""Payment flags (25) of one bank over the national standard: as many as it can send, and half as many at a steady rate."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from benchmarks import gateways, models, sides
from benchmarks.bench import Bench, say
from benchmarks.dialects import V2, Request
from benchmarks.gateways import Gateway
from benchmarks.meters import Measured
from benchmarks.paced import BETWEEN
from benchmarks.sides import INBOUND
from gerbang.clock import wib

FIRST = 600_000_000_000
"""The first serial number of the payments that the bank pays."""
COMPANY = "0000"
"""With which the numbers of stored payments begin: they are four digits longer than serial numbers."""
CLIENT, SECRET = "bench-bank", "an inbound secret that is used for measuring only"
PREFIX = "/partners/bank"
TOKEN_PATH, PAYMENT_PATH = f"{PREFIX}/openapi/v1.0/access-token/b2b", f"{PREFIX}/openapi/v1.0/transfer-va/payment"
CONNECTIONS = f"""
[connections.bank]
provider = "snap"
profile = "bca"
serves = ["payments"]
company_codes = ["{COMPANY}", "1402"]
[connections.bank.inbound]
path_prefix = "{PREFIX}"
client_id = "{CLIENT}"
client_secret = {{ file = "inbound-secret" }}
public_keys = [{{ file = "bank.pub" }}]
partner_ids = ["{COMPANY}"]
allowed_addresses = ["127.0.0.1/32"]

[connections.simulator]
provider = "simulator"
serves = ["payments"]

[[routes]]
connections = ["simulator"]

[[routes]]
connections = ["bank"]
channel = "virtual_account"
option = "BCA"
"""
BODY = json.dumps(
    {
        "partnerServiceId": COMPANY.rjust(8),
        "customerNo": "SERIAL",
        "virtualAccountNo": f"{COMPANY.rjust(8)}SERIAL",
        "virtualAccountName": "TOKO MAJU BUDI SANTOSO",
        "virtualAccountEmail": "",
        "virtualAccountPhone": "",
        "trxId": "",
        "paymentRequestId": "20261128120000SERIAL0000",
        "channelCode": 6011,
        "hashedSourceAccountNo": "",
        "sourceBankCode": "014",
        "paidAmount": {"value": "150000.00", "currency": "IDR"},
        "cumulativePaymentAmount": None,
        "paidBills": "",
        "totalAmount": {"value": "150000.00", "currency": "IDR"},
        "trxDateTime": "TIMESTAMP",
        "referenceNo": "00007100001",
        "journalNum": "",
        "paymentType": "",
        "flagAdvise": "N",
        "subCompany": "00000",
        "billDetails": [],
        "freeTexts": [],
        "additionalInfo": {},
    },
    separators=(",", ":"),
)
"""As a real bank sends it."""
DIALECT = replace(
    V2,
    label="inbound",
    requests={
        **V2.requests,
        "create": replace(V2.requests["create"], body=V2.requests["create"].body.replace('"BRI"', '"BCA"')),
    },
)
"""Makes the payments that are stored beforehand."""


async def measured(bench: Bench) -> None:
    """The bank's payment flags beside `pgbench`'s pays and the gateway's own, in turns; then half as many flags at a steady rate."""
    connections, key = _connections(bench.folder)
    with gateways.serving(bench.url, bench.log, connections, processes=bench.options.processes) as gateway:
        (keys,) = bench.shops[DIALECT.named("model")]
        model = await models.derive(bench.db, bench.schema, gateway, DIALECT, keys)
        bank = Bank(bench, gateway, model, key)
        await bank.flags(seconds=1)  # a first run is not measured
        for number in range(bench.options.rounds):
            await bench.db.execute("CHECKPOINT")
            for who in sorted(("flags", *sides.WHO), reverse=bool(number % 2)):
                if who == "flags":
                    bench.results.add("inbound 25", await bank.flags())
                else:
                    name = "pay" if who == "ours" else "pgbench pay"
                    bench.results.add(f"{name} beside inbound", await bench.pays(gateway, who))
            done = bench.results.rounds
            rate = done["inbound 25"][-1].rate
            bench.results.add("inbound 25 at half the rate", await bank.flags(rate / 2))
            ratio, p99 = rate / done["pgbench pay beside inbound"][-1].rate, done["inbound 25 at half the rate"][-1].p99
            say(f"round {number + 1}: inbound {ratio:.2f} of pgbench's pays; p99 at half the rate {p99:.1f} ms")


class Bank:
    """The one bank: what it sends next, and what of it was booked."""

    def __init__(self, bench: Bench, gateway: Gateway, model: models.Model, key: rsa.RSAPrivateKey) -> None:
        self._bench = bench
        self._gateway = gateway
        self._model = model
        self._key = key
        self._next = self._stored_to = FIRST
        self._fastest = 2500.0

    async def flags(self, rate: float = 0, seconds: int = 0) -> Measured:
        """Sends payment flags, at this rate or as many as are answered. Ends the program unless each was booked."""
        seconds = seconds or self._bench.options.seconds
        count = self._bench.whole(int((rate or self._fastest) * seconds * 1.6)) + 4 * self._bench.options.connections
        if missing := max(self._next + count - self._stored_to, 0):
            missing = self._bench.whole(missing)
            await sides.store(self._bench.db, self._model.created, INBOUND, self._stored_to, missing)
            await self._bench.db.execute("ANALYZE")
            self._stored_to += missing
        first, file = self._next, self._bench.folder / "flags"
        # Timestamps and the token are good for minutes only, so each run has requests of its own.
        file.write_text(BETWEEN.join(self._signed(range(first, first + count))), "ascii")
        done = self._bench.meter.signed(self._gateway, file, rate=rate, seconds=seconds)
        # Each connection may have sent one more, and wrk takes one to look at.
        self._next = first + self._bench.whole(done.done + 2 * self._bench.options.connections)
        await self._check(first, done.done)
        self._fastest = max(self._fastest, done.rate)
        return done

    def _signed(self, serials: range) -> Iterator[str]:
        """Requests as they are sent, byte for byte."""
        token, at = self._token(), _stamp()
        request = Request("POST", PAYMENT_PATH, BODY.replace("TIMESTAMP", at))
        for serial in serials:
            body = request.body.replace("SERIAL", str(serial))
            hashed = hashlib.sha256(body.encode()).hexdigest()
            text = f"{request.method}:{request.path}:{token}:{hashed}:{at}"
            signature = base64.b64encode(hmac.digest(SECRET.encode(), text.encode(), "sha512")).decode()
            yield (
                f"{request.method} {request.path} HTTP/1.1\r\nHost: 127.0.0.1:{self._gateway.port}\r\n"
                f"Authorization: Bearer {token}\r\nX-TIMESTAMP: {at}\r\nX-SIGNATURE: {signature}\r\n"
                f"X-PARTNER-ID: {COMPANY}\r\nX-EXTERNAL-ID: 00000000{serial}\r\nCHANNEL-ID: 95231\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
            )

    def _token(self) -> str:
        at = _stamp()
        raw = self._key.sign(f"{CLIENT}|{at}".encode(), padding.PKCS1v15(), hashes.SHA256())
        signed = {"X_TIMESTAMP": at, "X_CLIENT_KEY": CLIENT, "X_SIGNATURE": base64.b64encode(raw).decode()}
        answer: Mapping[str, str] = self._gateway.ask("POST", TOKEN_PATH, {"grantType": "client_credentials"}, **signed)
        return answer["accessToken"]

    async def _check(self, first: int, done: int) -> None:
        booked = await self._bench.db.fetchval(
            "SELECT count(*) FROM inquiries WHERE connection = 'bank' AND verdict = 'accepted' AND number BETWEEN $1 AND $2",
            f"{COMPANY}{first}",
            f"{COMPANY}{self._next}",
        )
        if not done <= booked <= done + self._bench.options.connections:  # some are under way at the end
            raise SystemExit(f"Of {done:,} payment flags that were answered, {booked:,} were booked.")


def _connections(folder: Path) -> tuple[Path, rsa.RSAPrivateKey]:
    """The connections file, and the key of the bank that it names."""
    key = rsa.generate_private_key(65537, 2048)
    written = {
        "bank.pub": key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        "inbound-secret": SECRET,
        "connections.toml": CONNECTIONS,
    }
    for name, text in written.items():
        (folder / name).write_text(text, "ascii")
        (folder / name).chmod(0o600)
    return folder / "connections.toml", key


def _stamp() -> str:
    return wib(datetime.now(UTC)).isoformat(timespec="seconds")
