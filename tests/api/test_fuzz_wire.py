"""Malformed HTTP: broken framing, wrong lengths, NULs, other protocols. The server never answers 5xx and stays up."""

import base64
import re
import socket
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import jwt
import pytest

from tests.support.gateways import Gateway, Shop

TOO_MUCH = 1_000_001


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@contextmanager
def connected(gateway: Gateway) -> Generator[socket.socket]:
    where = urlsplit(gateway.base_url)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=5) as line:
        yield line


def received_on(line: socket.socket, seconds: float) -> bytes:
    """Everything received until the server closes the connection or sends nothing for that many seconds."""
    line.settimeout(seconds)
    received = b""
    try:
        while part := line.recv(65_536):
            received += part
    except (TimeoutError, ConnectionError):
        pass
    return received


def sent(gateway: Gateway, *parts: bytes, seconds: float = 0.3) -> bytes:
    """Sends bytes on a new connection and returns what is received."""
    with connected(gateway) as line:
        try:
            for part in parts:
                line.sendall(part)
        except ConnectionError:
            pass  # the server has closed the connection
        return received_on(line, seconds)


def answers(received: bytes, *, without_body: bool = False) -> list[Answer]:
    """Parses the HTTP responses in a stream of bytes by their Content-Length."""
    found: list[Answer] = []
    while received:
        head, _, received = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        assert re.fullmatch(r"HTTP/1\.1 [1-5][0-9][0-9] [ -~]+", first), first
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        # Without a Content-Length the body lasts until the connection closes.
        length = 0 if without_body else int(headers.get("content-length", len(received)))
        found.append(Answer(int(first.split()[1]), headers, received[:length]))
        received = received[length:]
    return found


def statuses_of(gateway: Gateway, received: bytes) -> list[int]:
    """The statuses received. Checks that none is 5xx, that no internals are shown, and that the server still answers."""
    for internal in (b"Traceback", b'File "', b"asyncpg", b"starlette", b"uvicorn", b"Exception"):
        assert internal not in received
    statuses = [answer.status for answer in answers(received)]
    assert all(status < 500 for status in statuses), received[:500]
    assert gateway.client.get("/healthz").status_code == 200
    return statuses


def request(shop: Shop, line: str, *headers: str, body: bytes = b"", close: bool = True) -> bytes:
    """A request with the merchant's credentials for its API, and a Content-Length unless the headers frame the body."""
    basic = base64.b64encode(":".join(shop.v4_keys).encode()).decode()
    named = [
        "Host: localhost",
        f"Authorization: {f'Basic {basic}' if V4 in line else f'Bearer {shop.token}'}",
        *headers,
    ]
    if close:
        named.append("Connection: close")
    if body and not any(header.lower().startswith(("content-length", "transfer-encoding")) for header in headers):
        named.append(f"Content-Length: {len(body)}")
    return "\r\n".join([line, *named, "", ""]).encode("utf-8", "surrogateescape") + body


V4 = "/api/v4/"
CHUNKED = "POST /v2/payments HTTP/1.1", "Content-Type: application/json", "Transfer-Encoding: chunked"
PLAIN = "POST /v2/payments HTTP/1.1", "Content-Type: application/json"


@pytest.mark.parametrize(
    ("head", "body", "expected"),
    [
        (CHUNKED, b"ZZ\r\n{}\r\n0\r\n\r\n", [400]),
        (CHUNKED, b"-1\r\n{}\r\n0\r\n\r\n", [400]),
        (CHUNKED, b"2\r\n{}garbage\r\n0\r\n\r\n", [400]),
        (CHUNKED, b"FFFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n", [400]),
        (CHUNKED, b"2\r\n{}\r\n0\r\n\r\n", [400]),
        (CHUNKED, b"2\r\n{}\r\n", []),
        ((*PLAIN, "Content-Length: 5"), b"{}", []),
        ((*PLAIN, "Content-Length: 1"), b"{}", [400]),
        ((*PLAIN, "Content-Length: -1"), b"{}", [400]),
        ((*PLAIN, "Content-Length: two"), b"{}", [400]),
        ((*PLAIN, "Content-Length: 99999999999999999999999"), b"{}", [400]),
        ((*PLAIN, "Content-Length: 2", "Content-Length: 3"), b"{}", [400]),
        ((*PLAIN, "Content-Length: 2", "Transfer-Encoding: chunked"), b"2\r\n{}\r\n0\r\n\r\n", [400]),
        ((*PLAIN, "Transfer-Encoding: gzip"), b"{}", [400]),
        ((*PLAIN, "Content-Encoding: gzip"), b"\x1f\x8b\x08\x00", [415]),
        ((*PLAIN, "Content-Length: 0"), b"", [400]),
        (PLAIN, b"", [400]),
    ],
)
@pytest.mark.parametrize("path", ["/v2/payments", "/api/v4/payments"])
def test_a_body_with_wrong_framing_is_refused_or_not_answered(
    shop: Shop, path: str, head: tuple[str, ...], body: bytes, expected: list[int]
) -> None:
    line, *headers = head
    received = sent(shop.gateway, request(shop, line.replace("/v2/payments", path), *headers, body=body))
    assert statuses_of(shop.gateway, received) == expected


def test_a_body_one_byte_over_the_limit_is_refused(shop: Shop) -> None:
    paths = (
        "/v2/payments",
        "/v2/payments/simulations",
        "/sandbox/bank/reports",
        "/api/v4/payments",
        "/api/v4/disbursements",
    )
    for head in [(f"POST {path} HTTP/1.1", "Content-Type: application/json") for path in paths]:
        received = sent(shop.gateway, request(shop, *head, body=b" " * TOO_MUCH), seconds=2)
        assert statuses_of(shop.gateway, received)[:1] == [413]
    whole = b'{"clientReferenceId":"' + b"x" * (TOO_MUCH - 1 - 24) + b'"}'
    assert len(whole) == TOO_MUCH - 1
    assert statuses_of(shop.gateway, sent(shop.gateway, request(shop, *PLAIN, body=whole), seconds=2)) == [400]


def test_a_chunked_body_one_byte_over_the_limit_is_refused(shop: Shop) -> None:
    chunk = b"%x\r\n%s\r\n" % (100_000, b" " * 100_000)
    received = sent(shop.gateway, request(shop, *CHUNKED, body=chunk * 10 + b"1\r\n \r\n0\r\n\r\n"), seconds=2)
    assert statuses_of(shop.gateway, received)[:1] == [413]


def test_a_huge_body_is_refused_before_it_is_sent_in_full(shop: Shop) -> None:
    announced = request(shop, *PLAIN, "Content-Length: 10000000000", "Expect: 100-continue")
    started = time.monotonic()
    assert 413 in statuses_of(shop.gateway, sent(shop.gateway, announced, seconds=20))
    assert time.monotonic() - started < 20, "the connection stayed open"


def test_large_headers_are_answered_or_refused(shop: Shop) -> None:
    for header in (
        "X-REQUEST-ID: " + "x" * 100_000,
        "Cookie: " + "c=1; " * 100_000,
        "Authorization: Bearer " + "x" * 500_000,
    ):
        received = sent(shop.gateway, request(shop, *PLAIN, header, body=b"{}"), seconds=1)
        assert statuses_of(shop.gateway, received)[:1] in ([400], [401], [431])
    many = [f"X-{number}: y" for number in range(10_000)]
    assert statuses_of(shop.gateway, sent(shop.gateway, request(shop, "GET /v2/payments HTTP/1.1", *many), seconds=2))


def test_an_endless_request_head_is_cut_off(shop: Shop) -> None:
    for endless in (b"GET /", b"GET /healthz HTTP/1.1\r\nX: ", b"GET /healthz HTTP/1.1\r\nX: a\r\n"):
        flood = (
            b"".join(b"X-%d: a\r\n" % number for number in range(100_000)) if endless.endswith(b"\n") else b"a" * 10**6
        )
        with connected(shop.gateway) as line, pytest.raises(ConnectionError):
            line.sendall(endless)
            for _ in range(100):
                line.sendall(flood)
        assert statuses_of(shop.gateway, b"") == []


def test_closing_the_connection_in_mid_body_is_not_logged_as_a_failure(
    shop: Shop, capfd: pytest.CaptureFixture[str]
) -> None:
    page: str = shop.create(mode="REDIRECT", paymentMethod=None, paymentMethodOptions=None)["paymentUrl"]
    paths = [
        "/v2/payments",
        "/api/v4/payments",
        f"/sandbox/inbox/{shop.merchant_id}",
        f"/detail/choose?{urlsplit(page).query}",
    ]
    for path in paths:
        with connected(shop.gateway) as line:
            line.sendall(request(shop, f"POST {path} HTTP/1.1", "Content-Length: 100", body=b"{"))
            time.sleep(0.1)
    time.sleep(0.2)
    assert statuses_of(shop.gateway, b"") == []
    printed = capfd.readouterr()
    assert "failed" not in printed.out + printed.err


def test_pipelined_requests_are_answered_in_their_order(shop: Shop) -> None:
    first = shop.create()["id"]
    second = shop.create()["id"]
    wanted = (first, "none", second)
    requests = [request(shop, f"GET /v2/payments/{one} HTTP/1.1", close=one == second) for one in wanted]
    got = answers(sent(shop.gateway, b"".join(requests), seconds=1))
    assert [answer.status for answer in got] == [200, 404, 200]
    assert first.encode() in got[0].body
    assert second.encode() in got[2].body


def test_an_http_1_0_request_is_answered_and_the_connection_closed(shop: Shop) -> None:
    started = time.monotonic()
    received = sent(shop.gateway, request(shop, "GET /v2/payments HTTP/1.0", close=False), seconds=20)
    assert statuses_of(shop.gateway, received) == [200]
    assert time.monotonic() - started < 20, "the connection stayed open"


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n\r\n",
        b"GET /healthz\r\n\r\n",
        b"get /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"FOO /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET  /healthz  HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://elsewhere.example/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT bank.example:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
        b"\x00\x01\x02\x03\x04\xff\xfe" * 1000,
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost:\r\n\r\n",
        b"GET /docs HTTP/1.1\r\nHost: evil.example/@\\\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n: no name\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-\xff\xfe: \xff\xfe\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\xff\xfe?\xff=\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /?" + b"a=b&" * 50_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET",
        b"",
    ],
)
def test_malformed_http_does_no_harm(shop: Shop, data: bytes) -> None:
    statuses_of(shop.gateway, sent(shop.gateway, data))


ODD_PATHS = """/v2/payments/%00 /v2/payments/%ff%fe /v2/payments/%ed%a0%80 /v2/payments/%F0%9F%92%B0 /v2/payments/%0d%0aX-Evil:1
/v2/payments/.. /v2/payments/../../healthz /v2/payments/%2e%2e%2f%2e%2e%2fetc%2fpasswd /v2//payments //etc/passwd
/docs/../../etc/passwd /docs/%2e%2e/%2e%2e/pyproject.toml /docs/..%5c..%5cetc%5cpasswd /docs/v2_sessions%00/openapi.yaml
/docs/.git/config /v2/qr/..%2f..%2fetc%2fpasswd.png /v2/qr/%00.png /v2/qr/.png /v2/qr/x.exe /v2/payments/{}/ /v2/ /v2 /v1
/sandbox/inbox/%00 /sandbox/callbacks/%00 /sandbox/deliveries/%ff/resend /v2/payments?page=%00 /v2/payments?page=%ff
/v2/payments?clientReferenceId=%00 /v2/payments?clientReferenceId=%ff%fe /v2/payments?clientReferenceId=%ed%a0%80
/v2/payments?clientReferenceId=a%00b&perPage=1 /v2/charges?clientReferenceId=%0d%0a /v2/payments?page=1&page=2&page=%
/v2/payments?perPage=1e400 /v2/payments?page=9999999999999999999999 /v2/payments?page=-1 /v2/payments?page=%D9%A1
/v2/payments?=&&;;%%%zz /v2/payments#fragment /v2/payments/00000000-0000-0000-0000-000000000000
/detail/x /detail/%00 /detail?token=%00 /detail?token=a.b.c
/api/v4/payments/%00 /api/v4/payments/%ff%fe /api/v4/payments/contract_%ed%a0%80 /api/v4/payments/contract_%0d%0aX-Evil:1
/api/v4/payments/../../../healthz /api/v4/%2e%2e/%2e%2e/etc%2fpasswd /api/v4//payments /api/v4/ /api/v4 /api /api/v4/payments//
/api/v4/payment_methods/qris/%00/payments /api/v4/payment_methods/%71ris/x /api/v4/payment_methods/virtual_bank_accounts/va_%ff
/api/v4/payments?page[number]=%00 /api/v4/payments?page%5Bsize%5D=1e400 /api/v4/payments?page[size]=%D9%A1 /api/v4/payments?sort=%ff
/api/v4/payments?filter[referenceId]=%00 /api/v4/payments?filter[referenceId]=%ff%fe /api/v4/payments?referenceId=%ed%a0%80
/api/v4/payments?filter[referenceId]=external_id_%00%00%00%00%00 /api/v4/payments?filter[status]=%f0%9f%92%b0 /api/v4/payments?status
/api/v4/payments?filter[createdAfter]=%00 /api/v4/payments?createdAfter=0001-01-01T00:00:00%2B14:00 /api/v4/payments?filter[]=&page[]=
/api/v4/payments?createdBefore=9999-12-31T23:59:59-14:00 /api/v4/payments?filter[status]=paid&filter[status]=%zz&&;;=="""


@pytest.mark.parametrize("path", ODD_PATHS.split())
def test_odd_paths_and_queries_are_never_answered_with_5xx(shop: Shop, path: str) -> None:
    """Sent as bytes, since an HTTP client would normalize the path."""
    for method in ("GET", "POST"):
        received = sent(shop.gateway, request(shop, f"{method} {path} HTTP/1.1"), seconds=2)
        statuses = statuses_of(shop.gateway, received)
        assert statuses
        assert b"root:" not in received
        assert b"X-Evil" not in received.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/access-token",
        "/v2/payments",
        "/v2/payments/x",
        "/v2/payments/x/cancel",
        "/v2/charges",
        "/v2/qr/x.png",
        "/v2/payments/simulations",
        "/api/v4/payments",
        "/api/v4/payments/x",
        "/api/v4/payments/x/tasks/",
        "/api/v4/payment_methods/qris",
        "/api/v4/banks",
        "/sandbox/clock",
        "/sandbox/inbox",
        "/sandbox/callbacks/payment",
        "/healthz",
        "/docs",
    ],
)
@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PATCH", "QUERY", "PROPFIND"])
def test_a_method_that_is_not_allowed_is_answered_with_the_allowed_ones(shop: Shop, method: str, path: str) -> None:
    received = sent(shop.gateway, request(shop, f"{method} {path} HTTP/1.1"), seconds=2)
    got = answers(received, without_body=method == "HEAD")
    if not got:
        # The HTTP parser does not know QUERY and closes the connection.
        assert method == "QUERY"
        return
    assert statuses_of(shop.gateway, received if method != "HEAD" else b"") is not None
    if method == "HEAD" and got[0].status != 405:
        assert got[0].status in (200, 307, 400, 404)
        return
    assert got[0].status in (400, 405)
    if got[0].status == 405:
        assert {"GET", "POST", "PUT"} & set(got[0].headers["allow"].split(", "))
        assert method not in got[0].headers["allow"]


def forged(shop: Shop) -> Iterator[str]:
    """Authorization headers with forged or malformed credentials."""
    claims = {"iss": "backend-portal", "exp": 9_999_999_999, "merchantId": str(shop.merchant_id), "sub": "x"}
    head, body, signature = shop.token.split(".")
    yield "Bearer " + jwt.encode(claims, "a key of thirty-two characters or more", algorithm="HS256")
    yield "Bearer " + jwt.encode(claims, "", algorithm="none")
    yield f"Bearer {head}.{body}."
    yield f"Bearer {head}.{body}.{signature[:-2]}"
    yield f"Bearer {head}.{base64.urlsafe_b64encode(b'{' * 1000).decode()}.{signature}"
    yield "Bearer " + "." * 10_000
    yield from (
        "Bearer",
        "Bearer ",
        "Bearer \udcff\udcfe",
        "Basic",
        "Basic !!!",
        "Digest x",
        "bearer a b c",
        "\udc80",
        "",
    )
    for pair in (
        b"",
        b":",
        b"\x00:\x00",
        b"\xff\xfe:x",
        b"x" * 40_000,
        f"{shop.merchant_id}:wrong".encode(),
        f"{shop.v4_keys[0]}:x".encode(),
    ):
        yield "Basic " + base64.b64encode(pair).decode()


def test_forged_and_broken_credentials_are_refused(shop: Shop) -> None:
    for value in forged(shop):
        for path in ("/v2/payments", "/sandbox/clock", "/api/v4/payments", "/api/v4/payments/x"):
            text = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {value}\r\n\r\n"
            received = sent(shop.gateway, text.encode("utf-8", "surrogateescape"), seconds=2)
            assert statuses_of(shop.gateway, received) == [401], value[:100]


def test_200_unfinished_requests_do_not_delay_another_request(shop: Shop) -> None:
    half = request(shop, *PLAIN, "Content-Length: 100")
    with ThreadPoolExecutor(1) as pool:
        lines = [connected(shop.gateway) for _ in range(200)]
        opened = [line.__enter__() for line in lines]
        for number, line in enumerate(opened):
            line.sendall(half[: -1 - number % 50])
        # The server closes unfinished requests after a minute.
        assert pool.submit(shop.create).result(30)["status"] == "REQUIRE_ACTION"
        for line in lines:
            line.__exit__(None, None, None)
    assert statuses_of(shop.gateway, b"") == []
