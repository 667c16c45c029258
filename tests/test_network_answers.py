"""Answers to callbacks: the status alone decides, and malformed or endless answers do not affect other calls."""

import asyncio

import pytest

from gerbang.http_answers import ANSWER_BYTES_MAX
from tests.support.shop_servers import OK, Run, failure, flooding, read_request, shop, way_out

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("beginning", "endlessly", "status"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n", b"x", 200),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x", 200),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 200),
        (b"HTTP/1.1 500 Oops\r\nX: ", b"x", 500),
        (CHUNKED + b"2;", b"x", 200),
        (CHUNKED, b"1;x\r\ny\r\n", 200),
        (CHUNKED + b"0\r\n", b"X: y\r\n", 200),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", None),
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", None),
        (b"HTTP/1.1 100 Continue\r\nX: ", b"x", None),
        (b"", b"\r\n", None),
        (b"", b" ", None),
    ],
)
def test_little_of_an_endless_answer_is_read_and_its_status_counts(
    run: Run, beginning: bytes, endlessly: bytes, status: int | None
) -> None:
    async def story() -> None:
        sent: list[int] = []
        async with shop(flooding(beginning, endlessly, sent)) as port, way_out() as way:
            call = way.post(f"http://127.0.0.1:{port}/", b"x", {})
            if status is None:
                assert "not HTTP/1.1" in await failure(call)
            else:
                answer = await call
                assert (answer.status, answer.whole, len(answer.body) <= ANSWER_BYTES_MAX) == (status, False, True)
            await asyncio.sleep(0.05)
        assert sum(sent) < 20_000_000  # no more than sockets buffer

    run(story())


OK_HEAD = b"HTTP/1.1 200 OK\r\n"
MALFORMED_ANSWERS = {
    "nothing behind the status line": OK_HEAD,
    "no words in the status line": b"HTTP/1.1 200\r\n\r\n",
    "lines that end as on Unix": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "an old version": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "a long header line": OK_HEAD + b"X: " + b"x" * 9_000 + b"\r\nContent-Length: 2\r\n\r\nok",
    "200 header lines": OK_HEAD + b"X: y\r\n" * 200 + b"Content-Length: 2\r\n\r\nok",
    "headers without end": OK_HEAD + b"X: " + b"x" * 200_000,
    "a line that is no header": OK_HEAD + b"Fatal error in line 7\r\nContent-Length: 2\r\n\r\nok",
    "a name with a space": OK_HEAD + b"Bad Name : 1\r\n folded\r\nContent-Length: 2\r\n\r\nok",
    "bytes that are no text": OK_HEAD + b"X: \x00\xff\x01\r\nContent-Length: 2\r\n\r\nok",
    "a length too long": OK_HEAD + b"Content-Length: 100\r\n\r\nok",
    "a length too short": OK_HEAD + b"Content-Length: 1\r\n\r\nokay",
    "two lengths": OK_HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    "two lengths that differ": OK_HEAD + b"Content-Length: 2\r\nContent-Length: 1\r\n\r\nok",
    "a length that is no number": OK_HEAD + b"Content-Length: two\r\n\r\nok",
    "a length and chunks": OK_HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "a body where there is none": b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok",
    "cut chunks": CHUNKED + b"2\r\nok\r\n5\r\nye",
    "chunks that are none": CHUNKED + b"ok",
    "chunks without an end": CHUNKED + b"2\r\nok\r\n",
    "an unknown coding": OK_HEAD + b"Transfer-Encoding: br\r\n\r\nok",
    "interim answers first": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n" + OK,
    "blank lines first": b"\r\n\r\n" + OK,
    "a second answer": OK + b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("malformed", MALFORMED_ANSWERS)
def test_the_status_counts_however_malformed_the_rest_is(run: Run, malformed: str) -> None:
    async def stays_open(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(MALFORMED_ANSWERS[malformed])
            await writer.drain()

    async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(MALFORMED_ANSWERS[malformed])
        await writer.drain()

    async def story() -> None:
        async with shop(stays_open) as staying, shop(closes) as leaving, way_out(rest_seconds=0.02) as way:
            for port in (staying, staying, leaving, leaving):
                answer = await way.post(f"http://127.0.0.1:{port}/", b"x", {})
                assert (answer.status // 100, answer.seconds < 5) == (2, True)
                assert b"500" not in answer.body

    run(story())


def test_a_body_sent_slowly_after_the_status_is_cut_off_soon(run: Run) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 201 Made\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.01)

    async def story() -> None:
        async with shop(drip) as port, way_out(rest_seconds=0.1) as way:
            answer = await way.post(f"http://127.0.0.1:{port}/", b"x", {}, timeout_seconds=10)
            assert (answer.status, answer.whole) == (201, False)
            assert answer.body.startswith(b"..")
            assert answer.seconds < 5
        # The timeout passes while the rest is awaited, which does not make the call a failure.
        async with shop(drip) as port, way_out(rest_seconds=10) as way:
            assert (await way.post(f"http://127.0.0.1:{port}/", b"x", {}, timeout_seconds=0.2)).status == 201

    run(story())


def test_the_rest_of_a_malformed_answer_is_not_read_as_the_next_one(run: Run) -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0)
            writer.write(b"HTTP/1.1 500 Oops\r\n\r\n")
            await writer.drain()

    async def story() -> None:
        async with shop(peer) as port, way_out() as way:
            for _ in range(5):
                assert (await way.post(f"http://127.0.0.1:{port}/", b"x", {})).status == 204
                await asyncio.sleep(0.01)

    run(story())


@pytest.mark.parametrize(
    ("answer_bytes", "reason"),
    [
        (b"", "closed without an answer"),
        (b"HTTP/1.1 2", "closed without an answer"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "closed without an answer"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "not HTTP/1.1"),
        (b"220 mail.toko.example ESMTP\r\n", "not HTTP/1.1"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "not HTTP/1.1"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 20 + OK, "not HTTP/1.1"),
    ],
)
def test_without_a_status_there_is_no_answer(run: Run, answer_bytes: bytes, reason: str) -> None:
    async def mumble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer_bytes)
        await writer.drain()

    async def story() -> None:
        async with shop(mumble) as port, way_out() as way:
            assert reason in await failure(way.post(f"http://127.0.0.1:{port}/", b"x", {}))

    run(story())
