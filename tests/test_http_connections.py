"""HTTP connections against hostile and broken clients.

One request gets one answer, refusals keep their order, and answers reach the client or are dropped.
"""

import gc
import http.client
import re
import select
import socket
import subprocess
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from gerbang.http_connections import TARGET_BYTES_MAX, WAITING_MAX, Connection, Patience
from tests.support.gateways import Gateway, Shop
from tests.support.peers import Echo, answers, echo, line_to, sent, sent_all, until_hung_up

HEADER_LIKE = (
    "upgrade:",
    "Upgrade: h2c",
    "connection: upgrade",
    "host: y",
    "content-length: 5",
    "transfer-encoding: chunked",
    "expect: 100-continue",
    "http2-settings: AAEA",
    "GET /healthz HTTP/1.1",
    "x-not-upgraded:",
)
UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
LAST_RECEIVED = ("GET", "/last", "")


@pytest.fixture(scope="module")
def server() -> Iterator[Echo]:
    with echo(Patience(closing=5)) as running:
        yield running


@pytest.fixture(scope="module")
def impatient_server() -> Iterator[Echo]:
    """A server with short time limits."""
    with echo(Patience(request=0.4, answer=0.4, closing=0.4)) as running:
        yield running


def post(body: bytes, more: bytes = b"", path: str = "/body") -> bytes:
    return b"POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s" % (path.encode(), more, len(body), body)


def in_chunks(*chunks: bytes, more: bytes = b"", trailer: bytes = b"") -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"POST /chunks HTTP/1.1\r\nHost: x\r\n%sTransfer-Encoding: chunked\r\n\r\n%s0\r\n%s\r\n" % (
        more,
        body,
        trailer,
    )


# -- one request, one answer ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("upgrade", [b"", UPGRADE], ids=["plain", "upgrade"])
@pytest.mark.parametrize("line", HEADER_LIKE)
def test_one_request_gets_one_answer_wherever_it_is_split(server: Echo, line: str, upgrade: bytes) -> None:
    """The body contains lines like header lines, and ends with bytes like a request."""
    inner = b"GET /smuggled HTTP/1.1\r\nHost: y\r\nX: "
    body = f"\r\n{line}".encode() * 40 + inner + b"a" * (7 * 40 - len(inner)) + b"\r\n\r\n"
    whole = post(body, upgrade)
    blank = whole.index(b"\r\n\r\n")
    cuts = range(blank - 2, blank + 14)
    for got in sent_all(server.port, [(whole[:cut], whole[cut:] + LAST) for cut in cuts]):
        assert [answer.received for answer in got] == [("POST", "/body", body.decode()), LAST_RECEIVED]


@pytest.mark.parametrize("upgrade", [b"", UPGRADE], ids=["plain", "upgrade"])
def test_pipelined_requests_keep_their_bodies_wherever_they_are_split(server: Echo, upgrade: bytes) -> None:
    inner = LAST.replace(b"last", b"smuggled")
    parts = [
        post(inner, upgrade, "/1"),
        post(b"", upgrade, "/2"),
        in_chunks(b"a", inner, more=upgrade),
        b"GET /4 HTTP/1.1\r\nHost: x\r\n" + upgrade + b"\r\n",
        post(inner, upgrade, "/5"),
    ]
    whole = b"".join([*parts, LAST])
    hidden = inner.decode()
    expected = [("POST", "/1", hidden), ("POST", "/2", ""), ("POST", "/chunks", "a" + hidden), ("GET", "/4", "")]
    expected += [("POST", "/5", hidden), LAST_RECEIVED]
    for got in sent_all(server.port, [(whole[:cut], whole[cut:]) for cut in range(1, len(whole), 3)]):
        assert [answer.received for answer in got] == expected
    assert "/smuggled" not in server.asked


def test_a_request_sent_byte_by_byte_is_read_like_any_other(server: Echo) -> None:
    whole = post(b"\r\nupgrade: x", UPGRADE) + LAST
    with line_to(server.port) as line:
        for at in range(len(whole)):
            line.sendall(whole[at : at + 1])
            time.sleep(0.0005)
        got = answers(until_hung_up(line))
    assert [answer.received for answer in got] == [("POST", "/body", "\r\nupgrade: x"), LAST_RECEIVED]


def test_upgrade_headers_are_removed_and_all_others_are_passed_on(server: Echo) -> None:
    upgrade = b"UPGRADE: websocket\r\nConnection: upgrade\r\nX-A:  b \r\nUpgrade: h2c\r\nX-A: c\r\n"
    [first, _] = sent(server.port, post(b"{}", upgrade) + LAST)
    assert re.findall(rb'"headers":(\[.*?\])', first.body) == [b'["host","connection","x-a","x-a","content-length"]']


def test_a_trailer_is_not_passed_on_as_a_header(server: Echo) -> None:
    trailers = b"Authorization: Bearer x\r\nHost: y\r\nUpgrade: h2c\r\nConnection: upgrade\r\n"
    [first, last] = sent(server.port, in_chunks(b"a", trailer=trailers), LAST)
    assert b'["host","transfer-encoding"]' in first.body
    assert last.received == LAST_RECEIVED


@pytest.mark.parametrize(
    "trailer", [b"Connection: close\r\n", b"Connection: x, close\r\n", b"Proxy-Connection: close\r\n"]
)
@pytest.mark.parametrize("upgrade", [b"", UPGRADE], ids=["plain", "upgrade"])
def test_an_answer_says_close_if_a_trailer_closes_the_connection(server: Echo, trailer: bytes, upgrade: bytes) -> None:
    """The parser reads nothing after it, and a proxy must not reuse the connection."""
    whole = in_chunks(b"a", more=upgrade, trailer=trailer)
    for parts in ((whole + LAST,), (whole[:-9], whole[-9:] + LAST)):
        [answer] = sent(server.port, *parts)
        assert answer.received == ("POST", "/chunks", "a")
        assert b"connection: close" in answer.head


# -- refusals ---------------------------------------------------------------------------------------------------------

GET = b"GET /refused HTTP/1.1\r\n"
POST = b"POST /refused HTTP/1.1\r\n"
REFUSED = {
    "two hosts": (400, GET + b"Host: x\r\nHost: x\r\n\r\n"),
    "no host": (400, GET + b"\r\n"),
    "two hosts in 1.0": (400, b"GET /refused HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n"),
    "two hosts and an upgrade": (400, GET + b"Host: x\r\nhost: y\r\n" + UPGRADE + b"\r\n"),
    "http 2": (400, b"GET /refused HTTP/2.0\r\nHost: x\r\n\r\n"),
    "http 0.9": (400, b"GET /refused\r\n\r\n"),
    "http 1.2": (400, b"GET /refused HTTP/1.2\r\nHost: x\r\n\r\n"),
    "preface of http 2": (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "a tunnel": (400, b"CONNECT refused:443 HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a tunnel and a length": (400, b"CONNECT refused:443 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"),
    "two lengths": (400, POST + b"Host: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
    "a length and chunks": (400, POST + b"Host: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "chunks and a length": (400, POST + b"Host: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"),
    "an unknown coding": (400, POST + b"Host: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"),
    "an unknown coding and an upgrade": (400, POST + b"Host: x\r\n" + UPGRADE + b"Transfer-Encoding: identity\r\n\r\n"),
    "chunks in 1.0": (400, b"POST /refused HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "an address without end": (414, b"GET /refused" + b"a" * TARGET_BYTES_MAX + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a folded line": (400, POST + b"Host: x\r\nContent-Length: 1\r\n 2\r\n\r\nabcdefghijkl"),
    "a space before the colon": (400, POST + b"Host: x\r\nContent-Length : 3\r\n\r\nabc"),
    "a bare line feed": (400, POST + b"Host: x\nContent-Length: 3\r\n\r\nabc"),
    "a bare carriage return": (400, POST + b"Host: x\rContent-Length: 3\r\n\r\nabc"),
    "a chunk that is longer than it says": (400, POST + b"Host: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n"),
    "a chunk whose length is no number": (400, POST + b"Host: x\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n"),
    "an address without a path": (400, b"GET http://refused HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a letter in an address": (400, b"GET /refused?\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n"),
    "headers without end": (431, GET + b"Host: x\r\n" + b"A: b\r\n" * 300 + b"\r\n"),
    "an address without a path, and a body": (400, b"POST http://x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"),
    "no request": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_an_unreadable_request_is_refused_once_and_nothing_after_it_is_read(server: Echo, name: str) -> None:
    status, refused = REFUSED[name]
    for got in sent_all(server.port, [(refused + LAST,), (refused, LAST), (refused[:-3], refused[-3:] + LAST)]):
        assert [answer.status for answer in got] == [status]
        assert b"connection: close" in got[0].head
        assert len(re.findall(rb"\r\ndate: \w{3}, [^\r]+ GMT\r\n", got[0].head)) == 1
    *before, last = sent(server.port, post(b"1") + post(b"2") + refused + LAST)
    assert [answer.received for answer in before] == [("POST", "/body", "1"), ("POST", "/body", "2")]
    assert last.status == status


@pytest.mark.parametrize("name", [*REFUSED, "half a method"])
def test_a_refusal_after_a_head_request_has_the_body_that_it_announces(server: Echo, name: str) -> None:
    """A client would take a missing one for a connection that was cut."""
    head = b"HEAD /kept HTTP/1.1\r\nHost: x\r\n\r\n"
    _, refused = REFUSED.get(name, (400, b"PO"))
    for parts in ((head, refused), (head + refused,)):
        with line_to(server.port) as line:
            for part in parts:
                line.sendall(part)
                time.sleep(0.02)
            line.shutdown(socket.SHUT_WR)
            kept, _, rest = until_hung_up(line).partition(b"\r\n\r\n")
        assert kept.startswith(b"HTTP/1.1 200 ")
        [answer] = answers(rest)
        assert answer.body


def test_a_target_of_the_greatest_length_is_read(server: Echo) -> None:
    target = b"/?" + b"a" * (TARGET_BYTES_MAX - 2)
    for cut in (20, TARGET_BYTES_MAX):
        whole = b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % target
        assert [answer.status for answer in sent(server.port, whole[:cut], whole[cut:] + LAST)] == [200, 200]


@pytest.mark.parametrize("escaped", ["%0A", "%0d%0a", "%00", "%1f", "%7F", "%C2%85", "/%0A/x"])
def test_a_path_with_a_control_character_reaches_no_application(server: Echo, escaped: str) -> None:
    asked = post(b"12", path=f"/hidden{escaped}")
    [first, second, last] = sent(server.port, asked + asked, LAST)
    assert (first.status, second.status, last.received) == (404, 404, LAST_RECEIVED)
    assert not [path for path in server.asked if path.startswith("/hidden")]


def test_http_1_0_needs_no_host(server: Echo) -> None:
    [answer] = sent(server.port, b"GET /old HTTP/1.0\r\n\r\n")
    assert answer.received == ("GET", "/old", "")


def test_a_refusal_waits_for_the_answers_before_it() -> None:
    with echo() as server, line_to(server.port) as line:
        line.sendall(b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n" + post(b"1") + GET + b"\r\n" + LAST)
        line.setblocking(False)
        with pytest.raises(BlockingIOError):
            time.sleep(0.1)
            line.recv(1)
        server.let_go()
        line.settimeout(5)
        assert [answer.status for answer in answers(until_hung_up(line))] == [200, 200, 400]


def test_a_pipelined_request_with_a_broken_body_is_never_started() -> None:
    with echo() as server, line_to(server.port) as line:
        broken = REFUSED["a chunk that is longer than it says"][1]
        line.sendall(b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n" + broken)
        time.sleep(0.05)
        server.let_go()
        assert [answer.status for answer in answers(until_hung_up(line))] == [200, 400]
        assert server.asked == ["/held"]


def test_too_many_pipelined_requests_are_refused(server: Echo) -> None:
    got = sent(server.port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 5_000)
    assert [answer.status for answer in got] == [200] * (WAITING_MAX + 1) + [429]


def test_a_body_in_too_many_chunks_is_refused(server: Echo) -> None:
    [answer] = sent(server.port, in_chunks(*[b"a"] * 21_000))
    assert answer.status == 413


def test_a_disconnect_is_reported_to_all_requests_of_the_connection() -> None:
    with echo() as server:
        with line_to(server.port) as line:
            line.sendall(b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n" + b"GET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.05)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # closing resets the connection
        assert server.gone.wait(5)


# -- delivery of answers ----------------------------------------------------------------------------------------------

BIG = 2_000_000


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /early HTTP/1.1\r\nHost: x\r\n", 401),
        (b"POST /early HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", 401),
        (b"POST /early HTTP/1.0\r\n", 401),
        (b"POST /early HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n", 401),
        (b"POST /early HTTP/1.1\r\nHost: x\r\n" + UPGRADE, 401),
        (b"POST /early HTTP/1.1\r\nHost: x\r\nHost: y\r\n", 400),
        (b"POST /early HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 300, 431),
    ],
)
def test_an_answer_before_the_body_reaches_a_client_that_reads_after_sending(
    server: Echo, head: bytes, status: int
) -> None:
    whole = head + b"Content-Length: %d\r\n\r\n" % BIG + LAST.ljust(BIG)
    with line_to(server.port) as line:
        line.sendall(whole)
        got = answers(until_hung_up(line))
    assert [answer.status for answer in got] == [status]
    assert b"connection: close" in got[0].head


@pytest.mark.parametrize(("path", "status"), [("/v2/payments", 413), ("/v1/access-token", 401), ("/nowhere", 404)])
def test_common_clients_get_the_answer_to_a_body_that_is_not_read(
    shared_gateway: Gateway, path: str, status: int
) -> None:
    token = shared_gateway.shop.token
    for close in ({}, {"Connection": "close"}):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **close}
        where = shared_gateway.base_url.removeprefix("http://")
        client = http.client.HTTPConnection(where, timeout=10)
        client.request("POST", path, b" " * BIG, headers)
        answer = client.getresponse()
        assert (answer.status, bool(answer.read())) == (status, True)
        client.close()
        flags = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
        curl = ["curl", "-s", "-o", "-", "-w", "\n%{http_code}", "-H", "Expect:", *flags, "--data-binary", "@-"]
        done = subprocess.run(
            [*curl, shared_gateway.base_url + path], input=b" " * BIG, capture_output=True, timeout=20, check=True
        )
        assert done.stdout.rpartition(b"\n")[2] == str(status).encode()


def test_a_client_that_sends_a_long_body_gets_the_401_for_a_wrong_key(shared_gateway: Gateway) -> None:
    for path in ("/v2/payments", "/api/v4/payments"):
        client = http.client.HTTPConnection(shared_gateway.base_url.removeprefix("http://"), timeout=10)
        client.request("POST", path, b" " * 900_000, {"Authorization": "Bearer x", "Content-Type": "application/json"})
        answer = client.getresponse()
        assert (answer.status, bool(answer.read())) == (401, True)
        client.close()


def test_a_request_that_times_out_is_answered_once(impatient_server: Echo) -> None:
    [answer] = sent(impatient_server.port, post(b" " * 1_000)[:-1])
    assert answer.status == 408
    [first, second] = sent(impatient_server.port, post(b"1") + b"GET /h")
    assert (first.status, second.status) == (200, 408)


def test_a_client_that_keeps_sending_after_the_last_answer_is_disconnected(impatient_server: Echo) -> None:
    with line_to(impatient_server.port) as line:
        line.sendall(GET + b"\r\n")
        assert answers(until_hung_up(line))[0].status == 400
        started = time.monotonic()
        with pytest.raises(ConnectionError):
            while time.monotonic() < started + 5:
                line.sendall(b"a")
                time.sleep(0.02)


def test_few_bytes_are_read_after_the_last_answer(server: Echo) -> None:
    with line_to(server.port) as line:
        line.sendall(GET + b"\r\n")
        with pytest.raises(ConnectionError):
            for _ in range(400):
                line.sendall(b"a" * 1_000_000)


def test_a_client_that_closes_its_sending_side_gets_its_answers(shop: Shop) -> None:
    where = urlsplit(shop.gateway.base_url)
    body = b'{"grantType": "client_credentials"}'
    head = (
        f"X-MERCHANT-ID: {shop.merchant_id}\r\nX-MERCHANT-SECRET: {shop.secret}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    for times in (1, 3):
        with line_to(where.port or 0) as line:
            line.sendall((b"POST /v1/access-token HTTP/1.1\r\nHost: x\r\n" + head.encode() + body) * times)
            line.shutdown(socket.SHUT_WR)
            started = time.monotonic()
            assert [answer.status for answer in answers(until_hung_up(line))] == [200] * times
            assert time.monotonic() - started < 5, "the connection ends with its last answer"


HELD = b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n"
UNFINISHED = {
    "nothing": b"",
    "half a method": b"PO",
    "half a head": post(b"12")[:30],
    "half a body": post(b"12")[:-1],
    "half a chunk": in_chunks(b"12")[:-9],
    "half a head with an upgrade": post(b"12", UPGRADE)[:60],
    "half a body with an upgrade": post(b"12", UPGRADE)[:-1],
}


@pytest.mark.parametrize("before", [b"", HELD, HELD + post(b"1"), HELD + post(b"1") * 4], ids=["0", "1", "2", "5"])
@pytest.mark.parametrize("part", UNFINISHED)
def test_every_whole_request_is_answered_and_half_a_one_refused_when_the_client_sends_no_more(
    before: bytes, part: str
) -> None:
    whole = before.count(b" HTTP/1.1\r\n")
    with echo() as server, line_to(server.port) as line:
        line.sendall(before + UNFINISHED[part])
        line.shutdown(socket.SHUT_WR)
        time.sleep(0.03)
        server.let_go()
        started = time.monotonic()
        got = answers(until_hung_up(line))
        assert time.monotonic() - started < 5, "the connection ends with its last answer"
        assert [answer.status for answer in got] == [200] * whole + [400] * (part != "nothing")
        assert whole == 0 or len(server.asked) == whole, "a request that is refused was begun"


GONE = {
    "before a byte": b"",
    "in a head": b"GET / HTTP/1.1\r\nA: b",
    "in a body": post(b"12")[:-1],
    "answered": post(b"12"),
    "answered with an upgrade": post(b"12", UPGRADE),
    "refused": GET + b"\r\n",
    "answered early": post(b"12", path="/early")[:-1],
}


@pytest.mark.parametrize("when", GONE)
def test_a_closed_connection_is_freed_without_the_garbage_collector(impatient_server: Echo, when: str) -> None:
    def remembered() -> int:
        return sum(isinstance(one, Connection) for one in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        before = remembered()
        lines = [line_to(impatient_server.port) for _ in range(5)]
        for line in lines:
            line.sendall(GONE[when])
        time.sleep(0.05)
        for line in lines:
            line.close()
        end = time.monotonic() + 5
        while remembered() > before and time.monotonic() < end:
            time.sleep(0.02)
        assert remembered() <= before
    finally:
        gc.enable()


# -- answers that are not read ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("close", [b"", b"Connection: close\r\n"])
def test_an_answer_that_is_not_read_is_dropped(impatient_server: Echo, close: bytes) -> None:
    with line_to(impatient_server.port) as line:
        line.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n" + close + b"\r\n")
        reset = select.poll()
        reset.register(line, 0)  # it reports resets only
        started = time.monotonic()
        assert reset.poll(5_000), "it was still waiting"
        assert time.monotonic() - started > 0.3


def test_an_answer_that_is_read_slowly_is_sent_completely(server: Echo) -> None:
    with line_to(server.port) as line:
        line.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        time.sleep(0.1)
        [answer] = answers(until_hung_up(line))
    assert (answer.status, len(answer.body)) == (200, 20_000_000)
