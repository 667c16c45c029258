"""A bank over the national standard on localhost: a real server that checks what we sign, counts it, and answers as a test says."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from gerbang.clock import Clock, SystemClock
from gerbang.connections import Link
from gerbang.connections.snap.settings import SnapSettings
from gerbang.domain.connections import Connection, Secret
from gerbang.network import Network
from tests.connections_file.pems import private, rsa_key
from tests.support.shop_servers import read_request, shop

SECRET, CLIENT = "hush-hush", "our-client-id"


@dataclass(frozen=True)
class Received:
    """One request that the bank got."""

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        return json.loads(self.raw)


@dataclass(frozen=True)
class Reply:
    """An answer; `cut` ends the connection in its middle, and one without a status before it."""

    status: int | None
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    cut: bool = False


def json_reply(status: int, code: str | int | None = None, **members: Any) -> Reply:
    said = members if code is None else {"responseCode": code, "responseMessage": "as a test says", **members}
    return Reply(status, json.dumps(said).encode(), {"Content-Type": "application/json"})


SILENT = Reply(None)
Answering = Callable[[Received], Reply | None]
"""The answer to a call; None waits for ever."""


@dataclass
class SnapBank:
    """What the bank got, and how it answers. It turns away any call that is not signed as it must be."""

    answering: Answering
    tokens: Answering | None = None
    """How token requests are answered; by a fresh token otherwise."""
    received: list[Received] = field(default_factory=list[Received])
    issued: list[str] = field(default_factory=list[str])
    good: set[str] = field(default_factory=set[str])
    """The tokens that are taken; a test may empty it."""
    token_seconds: float = 0
    """How long a token request takes."""
    port: int = 0
    encoding: str = "base64"
    by_key: bool = False
    """Whether calls are signed by our key, without a token."""

    def of(self, end: str) -> list[Received]:
        """The calls whose path ends so."""
        return [each for each in self.received if each.path.endswith(end)]

    @property
    def token_requests(self) -> list[Received]:
        return self.of("/access-token/b2b")

    async def answer(self, call: Received) -> Reply | None:
        self.received.append(call)
        if call.path.endswith("/access-token/b2b"):
            await asyncio.sleep(self.token_seconds)
            _demand_rsa(call, f"{CLIENT}|{call.headers['x-timestamp']}")
            if self.tokens is not None and (said := self.tokens(call)) is not None:
                return said
            self.issued.append(f"token-{len(self.issued) + 1}")
            self.good.add(self.issued[-1])
            return json_reply(200, "2007300", accessToken=self.issued[-1], tokenType="Bearer", expiresIn="900")
        if self.by_key:
            hashed = hashlib.sha256(call.raw).hexdigest()
            _demand_rsa(call, f"{call.method}:{call.path}:{hashed}:{call.headers['x-timestamp']}")
            return self.answering(call)
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.good:
            return json_reply(401, "4010001")
        expected = signed(call, token, self.encoding)
        assert call.headers["x-signature"] == expected, "a call is signed over what is sent"
        return self.answering(call)


def signed(call: Received, token: str, encoding: str = "base64") -> str:
    """The signature that the standard asks for."""
    text = ":".join(
        [call.method, call.path, token, hashlib.sha256(call.raw).hexdigest(), call.headers["x-timestamp"]]
    ).encode()
    raw = hmac.digest(SECRET.encode(), text, "sha512")
    return raw.hex() if encoding == "hex" else base64.b64encode(raw).decode()


def _demand_rsa(call: Received, text: str) -> None:
    """Whether a call is signed with our key."""
    key = rsa_key("ours").public_key()
    key.verify(base64.b64decode(call.headers["x-signature"]), text.encode(), PKCS1v15(), SHA256())


@asynccontextmanager
async def snap_bank(
    answering: Answering,
    tokens: Answering | None = None,
    *,
    token_seconds: float = 0,
    encoding: str = "base64",
    good: tuple[str, ...] = (),
    by_key: bool = False,
) -> AsyncGenerator[SnapBank]:
    bank = SnapBank(answering, tokens, good=set(good), token_seconds=token_seconds, encoding=encoding, by_key=by_key)

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, raw = await read_request(reader)
            method, path, _ = head[0].split(" ")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            reply = await bank.answer(Received(method, path, headers, raw))
            if reply is None:
                await asyncio.Event().wait()
            assert reply is not None
            if reply.status is None:
                return
            lines = [f"HTTP/1.1 {reply.status} As Said", f"Content-Length: {len(reply.body)}"]
            lines += [f"{name}: {value}" for name, value in reply.headers.items()]
            whole = "\r\n".join([*lines, "", ""]).encode() + reply.body
            writer.write(whole[: -max(len(reply.body) // 2, 1)] if reply.cut else whole)
            await writer.drain()
            if reply.cut:
                return

    async with shop(peer) as bank.port:
        yield bank


def contract(bank: SnapBank, **members: Any) -> Connection:
    """Our contract with the bank."""
    settings = members.pop("settings", {})
    usual: dict[str, Any] = {
        "name": "bank",
        "provider": "snap",
        "serves": frozenset({"payouts", "statements"}),
        "base_url": f"http://127.0.0.1:{bank.port}",
        "client_id": CLIENT,
        "client_secret": Secret(SECRET, "a test"),
        "private_key": Secret(private(rsa_key("ours")), "the file ours.pem"),
        "partner_id": "PARTNER",
        "channel_id": "95051",
        "deadline_seconds": 5,
    }
    return Connection(**{**usual, **members}, settings=SnapSettings(**settings))


@asynccontextmanager
async def link_to(bank: SnapBank, clock: Clock | None = None, **members: Any) -> AsyncGenerator[Link]:
    network = Network(allow_private=True)
    try:
        yield Link(contract(bank, **members), network, clock or SystemClock())
    finally:
        await network.aclose()
