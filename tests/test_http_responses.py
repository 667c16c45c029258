"""Responses as they reach the client: one write where everything is known, the same bytes where it comes in parts."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from gerbang.listening import listen, serve_http
from gerbang.settings import Settings

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HEAD = GET.replace(b"GET", b"HEAD")
OLD = b"GET / HTTP/1.0\r\n\r\n"
CHUNKED = (b"Transfer-Encoding", b"chunked")
TWO = (b"content-length", b"2")
WENT_WRONG = rb"HTTP/1.1 500 Internal Server Error\r\n.*connection: close\r\n\r\nInternal Server Error"


def start(*headers: tuple[bytes, bytes], status: int = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(part: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": part, "more_body": more}


def sends(*messages: dict[str, Any]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    return app


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncGenerator[int]:
    with listen(Settings(port=0, host="127.0.0.1")) as listener:
        serving = asyncio.ensure_future(serve_http(app, listener))
        try:
            yield listener.port
        finally:
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving


async def received(app: ASGIApp, request: bytes = GET) -> bytes:
    """The bytes of the response, until the server closes the connection of a client that has sent all."""
    async with served(app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        writer.write_eof()
        got = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return got


@pytest.mark.parametrize(
    ("app", "request_", "expected"),
    [
        (sends(start(TWO), body(b"ok")), GET, rb"HTTP/1.1 200 OK\r\ndate: [^\r]+\r\ncontent-length: 2\r\n\r\nok"),
        (sends(start(TWO), body(b"ok")), HEAD, rb"HTTP/1.1 200 OK\r\n.*content-length: 2\r\n\r\n"),
        (sends(start(TWO), body(b"ok")), OLD, rb"HTTP/1.1 200 OK\r\n.*: 2\r\nconnection: close\r\n\r\nok"),
        (sends(start(), body(b"ok")), OLD.replace(b"GET", b"HEAD"), rb"HTTP/1.1 200 OK\r\n.*connection: close\r\n\r\n"),
        (sends(start(TWO), body(b"o", more=True), body(b"k")), GET, rb"HTTP/1.1 200 OK\r\n.*: 2\r\n\r\nok"),
        (sends(start((b"X-A", b"caf\xe9"), TWO), body(b"ok")), GET, rb"HTTP/1.1 200 OK\r\n.*\r\nx-a: caf\xe9\r\n.*\r\n\r\nok"),
        (sends(start(TWO, (b"Connection", b"close")), body(b"ok")), GET, rb".*\r\nconnection: close\r\n\r\nok"),
        (sends(start(), body(b"ok")), GET, rb".*\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        (sends(start((b"content-length", b"0"), status=204), body(b"")), GET, rb"HTTP/1.1 204 No Content\r\n.*: 0\r\n\r\n"),
    ],
    ids=["whole", "HEAD", "1.0", "HEAD in 1.0", "in parts", "bytes in a header", "closing", "of unknown length", "empty"],
)  # fmt: skip
async def test_a_response_arrives_as_the_application_gave_it(app: ASGIApp, request_: bytes, expected: bytes) -> None:
    assert re.fullmatch(expected, await received(app, request_), re.DOTALL)


@pytest.mark.parametrize("kept", [b"", b"Connection: keep-alive\r\n"])
@pytest.mark.parametrize("headers", [[], [(b"x-a", b"b")], [CHUNKED], [(b"connection", b"close")]])
async def test_a_response_of_unknown_length_to_http_1_0_has_no_chunks_and_ends_with_the_connection(
    headers: list[tuple[bytes, bytes]], kept: bytes
) -> None:
    parts = [body(b"data: 1\n\n", more=True), body(b"", more=True), body(b"data: 22\n\n", more=True), body(b"")]
    async with served(sends(start(*headers), *parts)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(OLD[:-2] + kept + b"\r\n")
        got = await asyncio.wait_for(reader.read(), 5)  # and the sending side of the client stays open
        writer.close()
    head, _, text = got.partition(b"\r\n\r\n")
    assert text == b"data: 1\n\ndata: 22\n\n"
    assert b"\r\nconnection: close" in head
    assert b"transfer-encoding" not in head.lower()
    assert head.count(b"x-a: b") == len([name for name, _ in headers if name == b"x-a"])


@pytest.mark.parametrize("header", [(b"x-a", b"b\r\nset-cookie: c=d"), (b"x-a\r\nset-cookie", b"c"), (b"x a", b"b")])
async def test_a_header_that_would_be_two_is_never_sent(header: tuple[bytes, bytes]) -> None:
    got = await received(sends(start(header, TWO), body(b"ok")))
    assert re.fullmatch(WENT_WRONG, got, re.DOTALL)
    assert b"cookie" not in got


@pytest.mark.parametrize("part", [b"", b"a", b"abc"], ids=["nothing", "less", "more"])
async def test_a_body_of_another_length_than_announced_ends_the_connection(part: bytes) -> None:
    """The client must not take the next response for the rest of this one."""
    got = await received(sends(start(TWO), body(part)), GET + GET)
    assert got.count(b"HTTP/1.1") == 1
    assert not got.endswith(b"abc")


@pytest.mark.parametrize("failure", [None, RuntimeError("the application broke"), asyncio.CancelledError()])
async def test_a_failure_before_anything_is_written_is_a_500(failure: BaseException | None) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(TWO))
        if failure is not None:
            raise failure

    assert re.fullmatch(WENT_WRONG, await received(app), re.DOTALL)


async def test_a_stream_is_written_as_it_comes() -> None:
    """A buyer's page that waits must see the first event before there is a second."""
    go_on = asyncio.Event()

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start((b"content-type", b"text/event-stream")))
        await go_on.wait()
        await send(body(b"data: 1\n\n", more=True))
        await send(body(b""))

    async with served(stream) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert b"text/event-stream" in head
        go_on.set()
        assert await asyncio.wait_for(reader.readuntil(b"\r\n0\r\n\r\n"), 5)
        writer.close()


async def test_pipelined_requests_get_their_responses_in_order() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.02 if scope["path"] == "/1" else 0)
        await send(start((b"content-length", b"2")))
        await send(body(scope["path"].encode()))

    asked = b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in (1, 2, 3))
    got = await received(app, asked)
    assert re.findall(rb"\r\n\r\n(/\d)", got) == [b"/1", b"/2", b"/3"]


@pytest.mark.parametrize("behind", [b"", GET, GET + GET, b"GET / HT"], ids=["nothing", "one", "two", "half a one"])
async def test_what_stands_behind_an_answer_that_has_begun_is_answered_when_the_client_sends_no_more(
    behind: bytes,
) -> None:
    ended = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(TWO))
        await send(body(b"o", more=True))
        await ended.wait()
        await send(body(b"k"))

    async with served(app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET + behind)
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\no"), 5)
        writer.write_eof()
        await asyncio.sleep(0.03)
        ended.set()
        got = await asyncio.wait_for(reader.read(), 5)
        writer.close()
    assert got.startswith(b"k")
    assert got.count(b"\r\n\r\nok") == behind.count(GET)
    assert got.count(b" 400 ") == (behind == b"GET / HT")


async def test_a_refusal_waits_for_the_end_of_the_stream_before_it() -> None:
    ended = asyncio.Event()

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await ended.wait()
        await send(body(b"ok"))

    async with served(stream) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET + b"GET / HT")
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        writer.write_eof()
        await asyncio.sleep(0.03)
        ended.set()
        got = await asyncio.wait_for(reader.read(), 5)
        writer.close()
    assert got.startswith(b"2\r\nok\r\n0\r\n\r\nHTTP/1.1 400 ")


async def test_a_stream_ends_when_its_page_is_left() -> None:
    left = asyncio.Event()

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start((b"content-type", b"text/event-stream")))
        await receive()
        await receive()
        left.set()

    async with served(stream) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        writer.close()
        await asyncio.wait_for(left.wait(), 5)
