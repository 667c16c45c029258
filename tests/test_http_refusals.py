"""Refusals of the HTTP layer have the form of the dialect that the request's path belongs to, or are plain text."""

import re
import time
from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import urlsplit

import msgspec
import pytest

from gerbang import api
from gerbang.http_connections import WAITING_MAX, Patience
from tests.api.v2_sessions.contracts import Contract
from tests.support.gateways import Databases, Gateway
from tests.support.openapi import read_openapi
from tests.support.peers import Answer, line_to, sent, until_hung_up
from tests.test_http_connections import REFUSED, in_chunks, post

CONTRACTS = {one.name: Contract(read_openapi(one.openapi)) for one in api.found()}
BAD_REQUEST = "#/components/responses/BadRequest/content/application~1json/schema"
PATHS = {
    "/v1/access-token": "v2_sessions",
    "/v2/payments": "v2_sessions",
    "/v2": "v2_sessions",
    "//v2//payments/%00?page=1": "v2_sessions",
    "http://pay.example/v2/payments": "v2_sessions",
    "/api/v4/payments": "v4_documents",
    "/api/%764/payments/x/": "v4_documents",
    "/sandbox/clock": "sandbox",
}
PLAIN_PATHS = ("/", "/nowhere", "/v20/payments", "/api/v5", "/detail?token=x", "/wallet/x", "/healthz", "*")
WITHOUT_PATH = {
    "preface of http 2",
    "a tunnel",
    "a tunnel and a length",
    "an address without a path",
    "an address without a path, and a body",
    "no request",
}
"""Requests of which no path can be read."""
DIALECTS = {"v2_sessions": "/v2/payments", "v4_documents": "/api/v4/payments", "sandbox": "/sandbox/clock"}

TAKES_A_BODY = DIALECTS | {"sandbox": "/sandbox/clock/advance"}

NOWHERE = {
    "v2_sessions": "/v2/nowhere",
    "v4_documents": "/api/v4/nowhere",
    "sandbox": "/sandbox/nowhere",
    "": "/nowhere",
}
WITH_CONTROLS = {
    "/v1/access-token%0A": "v2_sessions",
    "/v2/payments%0a": "v2_sessions",
    "/v2/payments/x%00/cancel": "v2_sessions",
    "/api/v4/payment_methods/qris%0A": "v4_documents",
    "/api/v4/payments/%C2%85": "v4_documents",
    "/sandbox/clock/advance%0A": "sandbox",
    "/livez%0A": "",
    "/docs%0D": "",
    "/detail%0A": "",
    "/wallet/pay%0A": "",
}

each_dialect = pytest.mark.parametrize("dialect", DIALECTS)


@pytest.fixture(scope="module")
def gateway(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with short time limits for requests."""
    patience = Patience(request=0.5, closing=5)
    with Gateway(databases.fresh(), tmp_path_factory.mktemp("refusing"), patience=patience, work=False) as gateway:
        yield gateway


@pytest.fixture
def port(gateway: Gateway) -> int:
    return urlsplit(gateway.base_url).port or 0


def with_keys(gateway: Gateway, dialect: str, asked: bytes) -> bytes:
    """A request with valid keys of its dialect, so that the body is read."""
    shop = gateway.shop
    keys = ":".join(shop.v4_keys) if dialect == "v4_documents" else f"{shop.merchant_id}:{shop.secret}"
    basic = f"Basic {b64encode(keys.encode()).decode()}"
    header = f"Authorization: {f'Bearer {shop.token}' if dialect == 'v2_sessions' else basic}\r\n"
    return asked.replace(b"\r\n", b"\r\n" + header.encode(), 1)


def sentence(dialect: str, answer: Answer) -> str:
    """Why the request was refused; fails if the answer is not of the form of the dialect's contract."""
    assert b"\r\ncontent-type: application/json\r\n" in answer.head
    assert b"\r\nconnection: close" in answer.head
    assert CONTRACTS[dialect].body_faults(BAD_REQUEST, answer.body) == []
    body = msgspec.json.decode(answer.body)
    if dialect == "v2_sessions":
        [detail] = body["error"]["details"]
        return detail["message"] if detail["field"] == "" else ""
    if dialect == "v4_documents":
        [error] = body["errors"]
        return error["detail"]
    return body["error"]["message"]


def plain(answer: Answer) -> str:
    assert b"\r\ncontent-type: text/plain; charset=utf-8\r\n" in answer.head
    assert b"\r\nconnection: close" in answer.head
    return answer.body.decode().removesuffix("\n")


@pytest.mark.parametrize("name", sorted(REFUSED.keys() - WITHOUT_PATH))
@each_dialect
def test_an_unreadable_request_is_refused_in_the_form_of_its_dialect(port: int, dialect: str, name: str) -> None:
    status, refused = REFUSED[name]
    refused = refused.replace(b"/refused", DIALECTS[dialect].encode())
    [answer] = sent(port, refused)
    assert answer.status == status
    assert sentence(dialect, answer).endswith(".")


@pytest.mark.parametrize("name", sorted(WITHOUT_PATH))
def test_a_request_without_a_path_is_refused_in_plain_text(port: int, name: str) -> None:
    before = b"GET /v2/payments HTTP/1.1\r\nHost: x\r\n\r\n"
    status, refused = REFUSED[name]
    for answer in (sent(port, refused)[-1], sent(port, before + refused)[-1], sent(port, before, refused)[-1]):
        assert answer.status == status
        assert plain(answer).endswith(".")


@pytest.mark.parametrize("path", PATHS)
def test_a_path_belongs_to_its_dialect_however_it_is_written(port: int, path: str) -> None:
    [answer] = sent(port, f"GET {path} HTTP/1.1\r\n\r\n".encode())
    assert "Host" in sentence(PATHS[path], answer)


@pytest.mark.parametrize("path", PLAIN_PATHS)
def test_a_path_of_no_dialect_is_refused_in_plain_text(port: int, path: str) -> None:
    [answer] = sent(port, f"GET {path} HTTP/1.1\r\n\r\n".encode())
    assert answer.status == 400
    assert "Host" in plain(answer)


@each_dialect
def test_an_unfinished_request_is_refused_in_the_form_of_its_dialect(gateway: Gateway, port: int, dialect: str) -> None:
    whole = with_keys(gateway, dialect, post(b"{}", path=TAKES_A_BODY[dialect]))
    for part in (whole[:-1], whole[: whole.index(b"Content")], whole[: whole.index(b" HTTP")]):
        [answer] = sent(port, part)
        assert answer.status == 408
        assert "in time" in sentence(dialect, answer)


@each_dialect
def test_a_malformed_body_is_refused_in_the_form_of_its_dialect(gateway: Gateway, port: int, dialect: str) -> None:
    path = TAKES_A_BODY[dialect].encode()
    crumbs = in_chunks(*[b"a"] * 21_000).replace(b"/chunks", path)
    broken = REFUSED["a chunk that is longer than it says"][1].replace(b"/refused", path)
    for whole, status in ((crumbs, 413), (broken, 400)):
        [answer] = sent(port, with_keys(gateway, dialect, whole))
        assert answer.status == status
        assert "chunk" in sentence(dialect, answer)


@each_dialect
def test_too_many_requests_at_once_are_refused_in_the_form_of_their_dialect(port: int, dialect: str) -> None:
    asked = f"GET {DIALECTS[dialect]} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    *others, last = sent(port, asked * 500)
    assert [answer.status for answer in others] == [401] * (WAITING_MAX + 1)
    assert last.status == 429
    assert "read some answers first" in sentence(dialect, last)


@each_dialect
def test_headers_that_are_too_long_are_refused_in_the_form_of_their_dialect(port: int, dialect: str) -> None:
    head = f"GET {DIALECTS[dialect]} HTTP/1.1\r\nHost: x\r\n".encode()
    [answer] = sent(port, head, b"X: " + b"a" * 70_000)
    assert answer.status == 431
    assert "too long" in sentence(dialect, answer)


@each_dialect
def test_an_unescaped_letter_in_an_address_is_refused_in_the_form_of_the_dialect(port: int, dialect: str) -> None:
    asked = f"GET {DIALECTS[dialect]}?name=é HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    ok = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    for answer in (sent(port, asked)[-1], sent(port, b"\r\n" + asked)[-1], sent(port, ok, asked)[-1]):
        assert answer.status == 400
        assert "percent" in sentence(dialect, answer)
    middle = asked.index(b"?")
    assert "percent" in sentence(dialect, sent(port, asked[:middle], asked[middle:])[-1])
    # After another request in the same read, where it begins is not certain.
    assert "percent" in plain(sent(port, ok + asked)[-1])


@each_dialect
def test_a_refusal_has_the_form_of_the_refused_request_and_not_of_the_one_before(port: int, dialect: str) -> None:
    for other in {**DIALECTS, "": "/nowhere"}.values():
        before = f"GET {other} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        refused = f"GET {DIALECTS[dialect]} HTTP/1.1\r\n\r\n".encode()
        for got in (sent(port, before + refused), sent(port, before, refused)):
            assert len(got) == 2
            assert "Host" in sentence(dialect, got[1])


def test_a_refused_head_request_gets_no_body(port: int) -> None:
    for path in (*DIALECTS.values(), "/nowhere"):
        with line_to(port) as line:
            line.sendall(f"HEAD {path} HTTP/1.1\r\n\r\n".encode())
            head, _, body = until_hung_up(line).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 ")
        assert body == b""


@pytest.mark.parametrize(
    "parts", [(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\nHEAD /api/v4/\xc3",), (b"HE", b"AD /api/v4/\xc3")]
)
def test_a_head_request_whose_address_cannot_be_read_gets_no_body(port: int, parts: tuple[bytes, ...]) -> None:
    with line_to(port) as line:
        for part in parts:
            line.sendall(part)
            time.sleep(0.05)
        last = until_hung_up(line).rpartition(b"HTTP/1.1 ")[2]
    assert last.startswith(b"400 ")
    assert last.endswith(b"\r\n\r\n")


def test_an_address_that_is_too_long_is_refused_in_the_form_of_its_dialect(port: int) -> None:
    for length in (8_001, 65_000, 65_600, 90_000):
        [answer] = sent(port, b"GET /v2/payments?%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * length))
        assert answer.status == 414
        assert "8,000 bytes" in sentence("v2_sessions", answer)


def test_spaces_after_a_header_are_not_part_of_its_value(gateway: Gateway, port: int) -> None:
    shop = gateway.shop
    asked = f"GET /v2/payments HTTP/1.1\r\nHost: x \r\nConnection: close \r\nAuthorization: \t Bearer {shop.token} \t \r\n\r\n"
    body = b'{"grantType":"client_credentials"}'
    keys = (
        f"X-MERCHANT-ID: {shop.merchant_id} \r\nX-MERCHANT-SECRET:{shop.secret}\t\r\nContent-Length: {len(body)} \r\n"
    )
    [listed] = sent(port, asked.encode())
    [token] = sent(
        port, f"POST /v1/access-token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{keys}\r\n".encode() + body
    )
    assert (listed.status, token.status) == (200, 200)


@pytest.mark.parametrize("path", WITH_CONTROLS)
def test_a_path_with_a_control_character_is_as_unknown_as_any_other(gateway: Gateway, port: int, path: str) -> None:
    """Before a line break at its end, `$` of a route's pattern would match."""

    def received(method: str, path: str) -> tuple[int, bytes]:
        asked = post(b"{}", b"Connection: close\r\n", path).replace(b"POST", method.encode(), 1)
        [answer] = sent(port, with_keys(gateway, dialect, asked))
        return answer.status, re.sub(rb'"traceId":"\w+"', b"", answer.body)

    dialect = WITH_CONTROLS[path]
    for method in ("GET", "POST"):
        assert received(method, path) == received(method, NOWHERE[dialect])
        assert received(method, path)[0] == 404


def test_a_refusal_repeats_nothing_of_the_request(port: int) -> None:
    marked = b"<script>SEEN</script>"
    for asked in (
        b"GET /v2/%s HTTP/1.1\r\n\r\n" % marked,
        b"GET /api/v4/%s\xc3\xa9 HTTP/1.1\r\n\r\n" % marked,
        b"GET /sandbox/clock HTTP/1.1\r\n%s : x\r\n\r\n" % marked,
        b"GET /nowhere/%s HTTP/1.1\r\nHost: %s\r\nHost: x\r\n\r\n" % (marked, marked),
        b"%s / HTTP/1.1\r\n\r\n" % marked,
    ):
        [answer] = sent(port, asked)
        assert answer.status == 400
        assert b"SEEN" not in answer.head + answer.body
