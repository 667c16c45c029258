"""The parser of HTTP responses: the result does not depend on how the bytes are split, and no input makes it slow."""

import socket
from http.client import HTTPResponse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gerbang.http_answers import ANSWER_BYTES_MAX, Incoming, NotHttp
from tests.support.speed import assert_takes_at_most

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def read(*pieces: bytes, ended: bool = True) -> Incoming:
    incoming = Incoming()
    for piece in pieces:
        if not incoming.over:
            incoming.feed(piece)
    if ended and not incoming.over:
        incoming.end(cleanly=True)
    return incoming


@pytest.mark.parametrize(
    ("said", "status", "body", "whole", "clean"),
    [
        (OK + b"Content-Length: 2\r\n\r\nok", 200, b"ok", True, True),
        (OK + b"Content-Length: 0\r\n\r\n", 200, b"", True, True),
        (OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", True, False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True, True),
        (CHUNKED + b"3\r\nyes\r\n0\r\n\r\n", 200, b"yes", True, True),
        (CHUNKED + b"3;a=b\r\nyes\r\n2 ;c\r\n, \r\n1\r\nI\r\n0\r\nX: y\r\n\r\n", 200, b"yes, I", True, True),
        (CHUNKED + b"3\r\nyes\r\n5\r\nperh", 200, b"yes5\r\nperh", False, False),
        (CHUNKED + b"3\r\nyes!\r\n0\r\n\r\n", 200, b"3\r\nyes!\r\n0\r\n\r\n", False, False),
        (b"HTTP/1.0 200 OK\r\n\r\nold", 200, b"old", True, False),
        (
            b"HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n" + OK + b"\r\nok",
            200,
            b"ok",
            True,
            False,
        ),
        (b"HTTP/1.1 404 \r\nContent-Length: 1\r\n\r\n?", 404, b"?", True, True),
        (b"HTTP/1.1 502\nContent-Length: 1\n\n?", 502, b"?", True, True),
        (OK + b"Content-Length: 10\r\n\r\nhalf", 200, b"half", False, False),
        (OK + b"X: y", 200, b"", False, False),
    ],
)
def test_an_answer_is_parsed_the_same_however_it_is_split(
    said: bytes, status: int, body: bytes, whole: bool, clean: bool
) -> None:
    expected = (status, body, whole, clean)
    cuts = [[said], [said[at : at + 1] for at in range(len(said))]]
    cuts += [[said[:at], said[at:]] for at in range(1, len(said))]
    for pieces in cuts:
        got = read(*pieces)
        assert (got.status, got.body, got.whole, got.connection_is_reusable) == expected


def test_names_of_headers_are_in_lower_case_and_repeated_ones_are_joined() -> None:
    got = read(OK + b"X-One: a\r\nx-one:b \r\nnot a header\r\nContent-Length: 0\r\n\r\n")
    assert got.headers == {"x-one": "a, b", "content-length": "0"}
    assert (got.whole, got.connection_is_reusable) == (True, False)


@given(st.binary(max_size=200), st.sampled_from([b"", OK, CHUNKED, OK + b"Content-Length: 3\r\n\r\n"]))
def test_no_bytes_break_the_parser_and_nothing_after_the_status_changes_it(rest: bytes, begun: bytes) -> None:
    try:
        got = read(begun + rest)
    except NotHttp:
        assert begun == b""
    else:
        assert begun == b"" or got.status == 200


def read_by_http_client() -> None:
    """An answer in 5,000 chunks, not far from ANSWER_BYTES_MAX."""
    ours, theirs = socket.socketpair()
    with ours, theirs, HTTPResponse(ours) as response:
        theirs.sendall(CHUNKED + b"1\r\nx\r\n" * 5_000 + b"0\r\n\r\n")
        response.begin()
        assert len(response.read()) == 5_000


@pytest.mark.parametrize(
    "endlessly", [CHUNKED + b"1\r\nx\r\n" * 20_000, OK + b"X:\n" * 20_000 + b"\n", OK + b"X:" + b"x" * 90_000]
)
def test_the_most_expensive_answer_takes_a_few_times_what_pythons_own_client_needs(endlessly: bytes) -> None:
    assert_takes_at_most(4, read_by_http_client, lambda: read(endlessly))
    assert len(read(endlessly).body) <= ANSWER_BYTES_MAX
