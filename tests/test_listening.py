"""HTTP connections over time: idle ones outlive those of common clients, and unfinished requests time out."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gerbang import listening
from gerbang.http_connections import PATIENCE, Patience
from gerbang.settings import Settings, SettingsWrong
from tests.support.gateways import Databases, Gateway

HEALTH_REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
REQUEST_SECONDS = 0.8
ANNOUNCED = (
    b"POST /sandbox/inbox/SHOP HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n"
)


@pytest.fixture(scope="module")
def impatient_gateway(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with short time limits for requests."""
    with Gateway(
        databases.fresh(),
        tmp_path_factory.mktemp("impatient_gateway"),
        patience=Patience(request=REQUEST_SECONDS, closing=0.2),
    ) as gateway:
        yield gateway


def line_to(gateway: Gateway) -> socket.socket:
    where = urlsplit(gateway.base_url)
    return socket.create_connection((where.hostname or "", where.port or 0), timeout=5)


def ask(line: socket.socket, sent: bytes = HEALTH_REQUEST) -> bytes:
    line.sendall(sent)
    received = b""
    while not received.endswith(b'{"status":"ok"}'):
        part = line.recv(65_536)
        assert part, f"hung up after {received!r}"
        received += part
    return received


def until_hung_up(line: socket.socket) -> tuple[bytes, float]:
    """What was received until the gateway closed the connection, and the seconds until then."""
    started, received = time.monotonic(), b""
    while part := line.recv(65_536):
        received += part
    return received, time.monotonic() - started


def test_a_connection_outlives_the_idle_seconds_of_common_clients(databases: Databases, tmp_path: Path) -> None:
    assert PATIENCE.idle > 60, "nginx and load balancers keep theirs for 60 s, httpx and Node for 5 s"
    with Gateway(databases.fresh(), tmp_path, patience=Patience(idle=1)) as gateway, line_to(gateway) as line:
        assert ask(line).startswith(b"HTTP/1.1 200 ")
        received, seconds = until_hung_up(line)
    assert received == b""
    assert 0.9 < seconds < 4, "the setting decides, and not the 5 s of the server's library"


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"GET",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: ",
        ANNOUNCED,
        ANNOUNCED + b'{"grant',
        HEALTH_REQUEST + b"GET /h",
    ],
)
def test_a_request_that_is_never_finished_times_out(impatient_gateway: Gateway, beginning: bytes) -> None:
    with line_to(impatient_gateway) as line:
        line.sendall(beginning.replace(b"SHOP", str(impatient_gateway.shop.merchant_id).encode()))
        received, seconds = until_hung_up(line)
    assert received.rpartition(b"HTTP/1.1 ")[2].startswith(b"408 "), received
    assert received.count(b"HTTP/1.1 ") == beginning.count(HEALTH_REQUEST) + 1
    assert REQUEST_SECONDS / 2 < seconds < 4
    assert impatient_gateway.client.get("/healthz").status_code == 200


def test_single_bytes_do_not_extend_the_time_limit(impatient_gateway: Gateway) -> None:
    started = time.monotonic()
    with line_to(impatient_gateway) as line, pytest.raises(ConnectionError):
        for _ in range(100):
            line.sendall(b"G")
            time.sleep(0.05)
    assert time.monotonic() - started < 4


def test_complete_requests_with_pauses_between_them_do_not_time_out(impatient_gateway: Gateway) -> None:
    with line_to(impatient_gateway) as line:
        for _ in range(2):
            line.sendall(HEALTH_REQUEST[:10])
            assert ask(line, HEALTH_REQUEST[10:]).startswith(b"HTTP/1.1 200 ")
            time.sleep(REQUEST_SECONDS * 1.5)


def test_an_empty_line_after_an_answer_does_not_keep_a_connection_open(impatient_gateway: Gateway) -> None:
    with line_to(impatient_gateway) as line:
        ask(line)
        line.sendall(b"\r\n")
        assert until_hung_up(line)[1] < 4


def test_each_request_has_a_time_limit_of_its_own(impatient_gateway: Gateway) -> None:
    with line_to(impatient_gateway) as line:
        for _ in range(2):  # the pause and half a request together take longer than the limit
            time.sleep(REQUEST_SECONDS * 0.6)
            line.sendall(HEALTH_REQUEST[:10])
            time.sleep(REQUEST_SECONDS * 0.6)
            ask(line, HEALTH_REQUEST[10:])


def test_requests_without_a_pause_do_not_count_as_one_long_request(impatient_gateway: Gateway) -> None:
    with line_to(impatient_gateway) as line:
        line.sendall(HEALTH_REQUEST[:10])
        for _ in range(12):
            ask(line, HEALTH_REQUEST[10:] + HEALTH_REQUEST[:10])
            time.sleep(REQUEST_SECONDS / 8)
        ask(line, HEALTH_REQUEST[10:])


@pytest.mark.parametrize("upgrade", ["Upgrade: h2c", "upgrade:h2c"])
def test_an_upgrade_to_http_2_is_answered_in_http_1_after_reading_the_body(
    shared_gateway: Gateway, upgrade: str
) -> None:
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
def test_an_address_of_another_machine_is_not_reported_as_a_port_in_use(host: str) -> None:
    with pytest.raises(SettingsWrong) as refused:
        listening.listen(Settings(host=host, port=0))
    assert str(refused.value) == (
        f"Cannot listen on {host} port 0: this machine has no such address. Choose another with --host or GERBANG_HOST."
    )
