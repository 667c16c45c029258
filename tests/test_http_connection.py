"""HTTP on the wire: however a request is cut and whatever its body says, it has one answer, which its sender can read."""

import contextlib
import http.client
import itertools
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.gateways import Databases, Gateway, Shop

LAST = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
WORDS = [
    b"upgrade:",
    b"Upgrade: h2c",
    b"connection: upgrade",
    b"host: other",
    b"content-length: 0",
    b"Content-Length: 99999",
    b"transfer-encoding: chunked",
    b"x:",
    b"HTTP/1.1 200 OK",
    b"GET /docs HTTP/1.1",
]
"""What looks like a line of a head."""


@pytest.fixture(scope="module")
def impatient(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that waits for a reader, and for the rest of a request, no longer than a blink."""
    folder = tmp_path_factory.mktemp("impatient")
    with Gateway(databases.fresh(), folder, answer_seconds=0.3, linger_seconds=0.3) as gateway:
        yield gateway


def line_to(gateway: Gateway) -> socket.socket:
    where = urlsplit(gateway.base_url)
    line = socket.create_connection((where.hostname or "", where.port or 0), timeout=5)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


def answers(gateway: Gateway, *pieces: bytes) -> list[int]:
    """The statuses of what is answered to these bytes, sent piece by piece, until the gateway hangs up."""
    with line_to(gateway) as line:
        for piece in pieces:
            line.sendall(piece)
            if piece is not pieces[-1]:
                time.sleep(0.002)  # so that each is read by itself
        received = b"".join(iter(lambda: line.recv(65_536), b""))
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


def post(shop: Shop, body: bytes, headers: bytes = b"") -> bytes:
    """What puts a body into the shop's inbox, where it can be seen as it came in."""
    head = b"POST /sandbox/inbox/%s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n"
    return head % (str(shop.merchant_id).encode(), headers, len(body)) + body


def chunked(body: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:]) if part) + b"0\r\n\r\n"


def came_in(shop: Shop) -> list[bytes]:
    """The bodies that came in, oldest first."""
    query = "SELECT body FROM inbox WHERE merchant_id = $1 ORDER BY id"
    return [row["body"] for row in shop.gateway.rows(query, shop.merchant_id)]


@pytest.mark.parametrize("word", WORDS)
def test_one_request_has_one_answer_wherever_it_is_cut_and_whatever_its_body_says(shop: Shop, word: bytes) -> None:
    body = (b"\r\n" + word) * 5 + b"\r\n\r\nGET /docs HTTP/1.1\r\nHost: x\r\n\r\n"
    sent = 0
    for wish, before in itertools.product([b"", H2C], [b"", LAST.replace(b"close", b"keep-alive")]):
        request = before + post(shop, body, wish)
        blank = request.index(b"\r\n\r\n", len(before))
        for cut in range(blank - 1, blank + 7):
            expected = [200] * (3 if before else 2)
            assert answers(shop.gateway, request[:cut], request[cut:] + LAST) == expected, (wish, before, cut)
            sent += 1
    assert came_in(shop) == [body] * sent


@pytest.mark.parametrize("wish", [b"", H2C], ids=["plain", "wish"])
def test_one_request_has_one_answer_when_every_byte_comes_by_itself(shop: Shop, wish: bytes) -> None:
    request = post(shop, b"\r\nupgrade:\r\n\r\n", wish)
    assert answers(shop.gateway, *(request[at : at + 1] for at in range(len(request))), LAST) == [200, 200]
    assert came_in(shop) == [b"\r\nupgrade:\r\n\r\n"]


def test_many_wishes_in_a_row_lose_no_body(shop: Shop) -> None:
    bodies = [b"%d upgrade:" % number for number in range(300)]
    assert answers(shop.gateway, b"".join(post(shop, body, H2C) for body in bodies) + LAST) == [200] * 301
    assert came_in(shop) == bodies


@pytest.mark.parametrize(
    "wish",
    [
        H2C,
        b"Connection: upgrade\r\nUpgrade: websocket\r\n",
        b"Upgrade: h2c\r\n",
        b"connection:Upgrade\r\nupgrade:a\r\nUPGRADE:b\r\n",
    ],
)
def test_a_body_in_chunks_is_read_beside_any_wish(shop: Shop, wish: bytes) -> None:
    body = b"\r\nupgrade: h2c\r\n\r\n"
    head = post(shop, b"", wish + b"Transfer-Encoding: chunked\r\n").replace(b"Content-Length: 0\r\n", b"")
    request = head + chunked(body)
    for cut in range(len(head) - 3, len(request)):
        assert answers(shop.gateway, request[:cut], request[cut:] + LAST) == [200, 200], cut
    assert set(came_in(shop)) == {body}


def test_a_wish_for_http_2_is_answered_in_http_1(shared_gateway: Gateway) -> None:
    keys = shared_gateway.shop
    body = b'{"grantType": "client_credentials"}'
    headers = f"X-MERCHANT-ID: {keys.merchant_id}\r\nX-MERCHANT-SECRET: {keys.secret}\r\n".encode()
    head = b"POST /v1/access-token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
    assert answers(shared_gateway, head % len(body) + H2C + headers + b"\r\n" + body + LAST) == [200, 200]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"GET /healthz\r\n\r\n", 400),
        (b"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n", 405),
        (
            b"POST /v2/payments HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"POST /v2/payments HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
        (b"POST /v2/payments HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
        (b"POST /v2/payments HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\nHost: x\n\n", 400),
    ],
)
def test_what_is_no_request_is_refused_and_ends_the_connection(
    shared_gateway: Gateway, request_: bytes, status: int
) -> None:
    assert answers(shared_gateway, request_ + LAST) == [status]
    assert answers(shared_gateway, LAST.replace(b"close", b"keep-alive") + request_ + LAST) == [200, status]


def test_http_1_0_needs_no_host(shared_gateway: Gateway) -> None:
    assert answers(shared_gateway, b"GET /healthz HTTP/1.0\r\n\r\n") == [200]


def test_a_request_behind_one_that_cannot_be_read_is_not_done(shop: Shop) -> None:
    broken = post(shop, b"", b"Transfer-Encoding: chunked\r\n").replace(b"Content-Length: 0\r\n", b"") + b"zz\r\n"
    assert answers(shop.gateway, post(shop, b"first") + broken + post(shop, b"never")) == [200, 400]
    assert answers(shop.gateway, broken + post(shop, b"never")) == [400]
    assert came_in(shop) == [b"first"]


@pytest.mark.parametrize("length", [900_000, 2_000_000])
@pytest.mark.parametrize("connection", ["close", "keep-alive"])
def test_an_answer_that_comes_before_the_body_was_sent_can_be_read(
    shared_gateway: Gateway, length: int, connection: str
) -> None:
    for path, status in (
        ("/v2/payments", 401),
        ("/sandbox/inbox/x", 404),
        ("/nothing", 404),
        (_inbox(shared_gateway), 413),
    ):
        if status == 413 and length < 1_000_000:
            continue
        line = http.client.HTTPConnection(urlsplit(shared_gateway.base_url).netloc, timeout=5)
        with contextlib.closing(line):
            line.request("POST", path, b"x" * length, {"Connection": connection, "Content-Type": "application/json"})
            answered = line.getresponse()
            assert (answered.status, bool(answered.read())) == (status, True), path


def _inbox(gateway: Gateway) -> str:
    return f"/sandbox/inbox/{gateway.shop.merchant_id}"


def test_who_never_stops_sending_behind_its_answer_is_hung_up_on(impatient: Gateway) -> None:
    for connection in (b"close", b"keep-alive"):
        head = b"POST /nothing HTTP/1.1\r\nHost: x\r\nConnection: %s\r\nContent-Length: 999999999\r\n\r\n" % connection
        with line_to(impatient) as line, pytest.raises(ConnectionError):
            line.sendall(head)
            for _ in range(1_000):
                line.sendall(b"x" * 65_536)
            pytest.fail("65 MB were taken")


def test_who_asks_before_it_sends_its_body_is_not_misread_when_it_is_refused(shared_gateway: Gateway) -> None:
    head = b"POST /nothing HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n"
    assert answers(shared_gateway, head, LAST) == [404], "the next request is not the body of this one"


def test_who_asks_before_it_sends_its_body_may_send_it(shop: Shop) -> None:
    request = post(shop, b"body", b"Expect: 100-continue\r\n")
    assert answers(shop.gateway, request[:-4], request[-4:] + LAST) == [100, 200, 200]
    assert came_in(shop) == [b"body"]


def test_an_answer_that_nobody_reads_is_given_up(impatient: Gateway) -> None:
    with line_to(impatient) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        asked = b"GET /docs/v2_sessions HTTP/1.1\r\nHost: x\r\n\r\n"
        with contextlib.suppress(ConnectionError, TimeoutError):
            line.settimeout(0.5)
            line.sendall(asked * 400)
        deadline = time.monotonic() + 4
        while _open_connections(impatient) > 1 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert _open_connections(impatient) <= 1, "it is still held for a reader that does not read"


def _open_connections(gateway: Gateway) -> int:
    """How many sockets this process has at the gateway's port: its own client's may be among them."""
    port = urlsplit(gateway.base_url).port or 0
    rows = [line.split() for line in Path("/proc/self/net/tcp").read_text("ascii").splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "01" for row in rows)


def test_with_all_connections_taken_one_more_is_told_to_come_again(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Gateway(databases.fresh(), tmp_path_factory.mktemp("narrow"), connections_max=3) as gateway:
        lines = [line_to(gateway) for _ in range(3)]
        for line in lines:
            line.sendall(LAST.replace(b"close", b"keep-alive"))
            assert line.recv(65_536).startswith(b"HTTP/1.1 200 ")
        assert answers(gateway, b"") == [503]
        for line in lines:
            line.close()
        deadline = time.monotonic() + 4
        while answers(gateway, LAST) != [200] and time.monotonic() < deadline:
            time.sleep(0.01)
        assert answers(gateway, LAST) == [200]


def test_the_machines_own_name_is_listened_on_in_both_families(shared_gateway: Gateway) -> None:
    port = urlsplit(shared_gateway.base_url).port or 0
    assert shared_gateway.settings.host == "localhost"
    families = [socket.AF_INET, socket.AF_INET6]
    for family, host in zip(families, ("127.0.0.1", "::1"), strict=True):
        with socket.socket(family, socket.SOCK_STREAM) as line:
            line.settimeout(5)
            line.connect((host, port))
            line.sendall(LAST)
            assert line.recv(1_024).startswith(b"HTTP/1.1 200 ")


def test_a_slow_neighbour_on_the_same_connection_keeps_the_order_of_answers(shop: Shop) -> None:
    """A create that waits for the database is answered before the request behind it, and before a refusal."""
    received = list[list[int]]()
    callers = [
        threading.Thread(
            target=lambda: received.append(answers(shop.gateway, post(shop, b"%d" % 1) * 3 + b"?\r\n\r\n"))
        )
        for _ in range(4)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(10)
    assert received == [[200, 200, 200, 400]] * 4
