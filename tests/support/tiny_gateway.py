"""A gateway of a few lines that answers services 73, 24 and 25 as a test wants, and keeps each request byte by byte.

It shares no code with Gerbang: what the simulated bank sends is compared with what is written here by hand.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

TOKEN = "token-of-the-gateway"


@dataclass
class Received:
    """One request. Names of headers as they were sent."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass
class TinyGateway:
    """What it answers, and what it was asked."""

    url: str = ""
    bills: dict[str, int] = field(default_factory=dict[str, int])
    """Number without blanks -> rupiah."""
    payments: list[str] = field(default_factory=list[str])
    """How the next payments are answered: `silence`, `hung up`, a code such as `5002500`, or `00`, `01`, `02` as flag; then `00`."""
    others: dict[str, Any] = field(default_factory=dict[str, Any])
    """The answer to every other call."""
    received: list[Received] = field(default_factory=list[Received])

    def calls(self, end: str) -> list[Received]:
        return [each for each in self.received if each.path.endswith(end)]

    def answer(self, request: Received) -> tuple[int, dict[str, Any]] | str:
        if request.path.endswith("/access-token/b2b"):
            return 200, {
                "responseCode": "2007300",
                "responseMessage": "Successful",
                "accessToken": TOKEN,
                "tokenType": "Bearer",
                "expiresIn": "900",
            }
        if not request.path.endswith(("/inquiry", "/payment")) or self.others:
            return 200, self.others or {"responseCode": "2000000", "responseMessage": "Successful"}
        body = request.document
        data = {name: body[name] for name in ("partnerServiceId", "customerNo", "virtualAccountNo") if name in body}
        number = body["partnerServiceId"].strip() + body["customerNo"]
        if request.path.endswith("/inquiry"):
            if number not in self.bills:
                return 404, {"responseCode": "4042412", "responseMessage": "Invalid Bill/Virtual Account"}
            data |= {
                "inquiryStatus": "00",
                "virtualAccountName": "SARI DEWI",
                "inquiryRequestId": body.get("inquiryRequestId", ""),
                "totalAmount": {"value": f"{self.bills[number]}.00", "currency": "IDR"},
            }
            return 200, {"responseCode": "2002400", "responseMessage": "Successful", "virtualAccountData": data}
        return self._payment(data, body)

    def _payment(self, data: dict[str, Any], body: dict[str, Any]) -> tuple[int, dict[str, Any]] | str:
        how = self.payments.pop(0) if self.payments else "00"
        if how in {"silence", "hung up"}:
            return how
        if len(how) == 7:
            return int(how[:3]), {"responseCode": how, "responseMessage": "As the test wants"}
        if how.startswith("18"):
            document = {"responseCode": "4042518", "responseMessage": "Inconsistent Request"}
            return 404, document | {"virtualAccountData": data | {"paymentFlagStatus": how[2:]}}
        data |= {"paymentFlagStatus": how, "paymentRequestId": body.get("paymentRequestId", "")}
        return 200, {"responseCode": "2002500", "responseMessage": "Successful", "virtualAccountData": data}


@asynccontextmanager
async def tiny_gateway() -> AsyncGenerator[TinyGateway]:
    gateway = TinyGateway()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode("latin-1").strip().split("\r\n")
                headers = dict(line.split(": ", 1) for line in lines)
                body = await reader.readexactly(int(headers.get("Content-Length", "0")))
                request = Received(first.split()[1], headers, body)
                gateway.received.append(request)
                answered = gateway.answer(request)
                if answered == "silence":
                    await reader.read()  # until the bank gives up
                if isinstance(answered, str):
                    break
                status, document = answered
                text = json.dumps(document).encode()
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    gateway.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield gateway
    finally:
        server.close()
