"""Connections: an idle one is kept for longer than clients keep theirs, an unfinished request is not waited for for ever."""

import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from gerbang import listening
from gerbang.http_connections import Patience
from gerbang.settings import Settings, SettingsWrong
from tests.support.gateways import Databases, Gateway

ASK = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
HURRY = 0.8
ANNOUNCED = (
    b"POST /sandbox/inbox/SHOP HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n"
)


@pytest.fixture(scope="module")
def hurried(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that waits for a request's end no longer than a blink."""
    with Gateway(
        databases.fresh(), tmp_path_factory.mktemp("hurried"), patience=Patience(request=HURRY, farewell=0.2)
    ) as gateway:
        yield gateway


def line_to(gateway: Gateway) -> socket.socket:
    where = urlsplit(gateway.base_url)
    return socket.create_connection((where.hostname or "", where.port or 0), timeout=5)


def ask(line: socket.socket, sent: bytes = ASK) -> bytes:
    line.sendall(sent)
    received = b""
    while not received.endswith(b'{"status":"ok"}'):
        part = line.recv(65_536)
        assert part, f"hung up after {received!r}"
        received += part
    return received


def until_hung_up(line: socket.socket) -> tuple[bytes, float]:
    """What came until the gateway hung up, and after how many seconds it did."""
    started, received = time.monotonic(), b""
    while part := line.recv(65_536):
        received += part
    return received, time.monotonic() - started


def test_a_connection_outlives_the_idle_seconds_of_common_clients(shared_gateway: Gateway) -> None:
    with line_to(shared_gateway) as line:
        assert ask(line).startswith(b"HTTP/1.1 200 ")
        time.sleep(5.3)  # httpx and Node keep an idle connection for 5 s
        assert ask(line).startswith(b"HTTP/1.1 200 ")
    assert listening.KEEP_ALIVE_SECONDS > 60, "nginx and load balancers keep theirs for 60 s"


@pytest.mark.parametrize(
    "beginning",
    [b"", b"GET", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: ", ANNOUNCED, ANNOUNCED + b'{"grant', ASK + b"GET /h"],
)
def test_a_request_that_never_comes_whole_is_given_up(hurried: Gateway, beginning: bytes) -> None:
    with line_to(hurried) as line:
        line.sendall(beginning.replace(b"SHOP", str(hurried.shop.merchant_id).encode()))
        received, seconds = until_hung_up(line)
    assert received.rpartition(b"HTTP/1.1 ")[2].startswith(b"408 "), received
    assert received.count(b"HTTP/1.1 ") == beginning.count(ASK) + 1
    assert HURRY / 2 < seconds < 4
    assert hurried.client.get("/healthz").status_code == 200


def test_a_drip_of_bytes_does_not_put_the_end_off(hurried: Gateway) -> None:
    started = time.monotonic()
    with line_to(hurried) as line, pytest.raises(ConnectionError):
        for _ in range(100):
            line.sendall(b"G")
            time.sleep(0.05)
    assert time.monotonic() - started < 4


def test_whole_requests_far_apart_are_no_unfinished_ones(hurried: Gateway) -> None:
    with line_to(hurried) as line:
        for _ in range(2):
            line.sendall(ASK[:10])
            assert ask(line, ASK[10:]).startswith(b"HTTP/1.1 200 ")
            time.sleep(HURRY * 1.5)


def test_an_empty_line_after_an_answer_does_not_keep_a_connection_for_ever(hurried: Gateway) -> None:
    with line_to(hurried) as line:
        ask(line)
        line.sendall(b"\r\n")
        assert until_hung_up(line)[1] < 4


def test_each_request_has_its_time_however_long_the_connection_was_there(hurried: Gateway) -> None:
    with line_to(hurried) as line:
        for _ in range(2):  # a wait and half a request take longer together than one may
            time.sleep(HURRY * 0.6)
            line.sendall(ASK[:10])
            time.sleep(HURRY * 0.6)
            ask(line, ASK[10:])


def test_requests_without_a_pause_between_them_are_not_one_long_request(hurried: Gateway) -> None:
    with line_to(hurried) as line:
        line.sendall(ASK[:10])
        for _ in range(12):
            ask(line, ASK[10:] + ASK[:10])
            time.sleep(HURRY / 8)
        ask(line, ASK[10:])


@pytest.mark.parametrize("upgrade", ["Upgrade: h2c", "upgrade:h2c"])
def test_a_wish_for_http_2_is_answered_in_http_1_with_its_body_read(shared_gateway: Gateway, upgrade: str) -> None:
    keys, body = shared_gateway.shop, b'{"grantType": "client_credentials"}'
    head = [
        "POST /v1/access-token HTTP/1.1",
        "Connection: Upgrade, HTTP2-Settings",
        f"Content-Length: {len(body)}",
        "Host: x",
        "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
        upgrade,
        "Content-Type: application/json",
        f"X-MERCHANT-ID: {keys.merchant_id}",
        f"X-MERCHANT-SECRET: {keys.secret}",
    ]
    with line_to(shared_gateway) as line:
        line.sendall("\r\n".join([*head, "", ""]).encode() + body)
        received = b""
        while not received.endswith(b"}"):
            received += line.recv(65_536)
        assert received.startswith(b"HTTP/1.1 200 "), received
        assert b"accessToken" in received
        ask(line)


@pytest.mark.parametrize("host", ["nowhere.invalid", "a b", "192.0.2.1", "a" * 300, "\udcff"])
def test_an_address_that_this_machine_has_not_is_told_as_that_and_not_as_a_port_that_is_taken(host: str) -> None:
    with pytest.raises(SettingsWrong) as refused:
        listening.listen(Settings(host=host, port=0))
    assert str(refused.value) == (
        f"Cannot listen on {host} port 0: this machine has no such address. Choose another with --host or GERBANG_HOST."
    )
