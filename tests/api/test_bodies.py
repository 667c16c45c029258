"""Reading the JSON of requests: the fast way for ordinary bodies gives what the careful way gives for all."""

import json
from typing import Any, cast

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gerbang.api._bodies import PLAIN_BYTES_MAX, Exact, Malformed, metadata_in, parse_object
from gerbang.api._structs import shaped
from gerbang.api.v2_sessions import requests

PRICE = {"value": 1, "currency": "IDR"}
TEXTS = st.text(max_size=8) | st.sampled_from(["a", "b", "a b", "/", "\\/", '"', "\n", "é", "😀", "1.50", "e", "\x7f"])
PLAIN_NUMBERS = "0 -0 1 -1.5 1.50 1e5 1E5 1.0 -0.0 01 12345678901234567 1234567.123456789 0.1234567890123456"
ODD_NUMBERS = "19999.999999999999999999 18446744073709551616 1e400 NaN"


def _written(value: Any, draw: st.DrawFn) -> str:
    """A value as JSON, with white space, escapes and repeated keys as clients may write them."""
    white = st.sampled_from(["", "", "", " ", "\n\t"])
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=draw(st.booleans())).replace("/", draw(st.sampled_from(["/", "\\/"])))
    if isinstance(value, list):
        return (
            "[" + ",".join(draw(white) + _written(item, draw) + draw(white) for item in cast("list[Any]", value)) + "]"
        )
    return str(value.number) if isinstance(value, _Number) else json.dumps(value)


class _Number:
    """A number as it is written."""

    def __init__(self, number: str) -> None:
        self.number = number


NUMBERS = st.sampled_from([*f"{PLAIN_NUMBERS} {ODD_NUMBERS}".split(), "1" * 129]).map(_Number)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Objects, of which some repeat a key, hold odd numbers or are no JSON."""
    values = st.recursive(
        TEXTS | NUMBERS | st.booleans() | st.none(),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=5,
    )
    members = draw(st.lists(st.tuples(TEXTS, values), max_size=4))
    written = ",".join(
        f"{_written(name, draw)}:{draw(st.sampled_from(['', ' ']))}{_written(v, draw)}" for name, v in members
    )
    return f"{{{written}}}".encode(errors="surrogatepass")


def _read(body: bytes) -> object:
    """What is read, or the error."""
    try:
        return parse_object(body)
    except Malformed as wrong:
        return wrong.field, wrong.why


@given(bodies())
@example(b'{"a": 1, "a": 2}')
@example(b'{"a": "\\\\/"}')
@example(b'{"a": 1234567.123456789}')
@example(b'{"a ": 1, "a": 2}')
@example(b'{"a": "\\ud800"}')
def test_an_ordinary_body_is_read_as_every_body_is(body: bytes) -> None:
    # A long body is never read the fast way, and white space behind it changes nothing.
    assert repr(_read(body)) == repr(_read(body + b" " * PLAIN_BYTES_MAX))


def _shaped(body: bytes, *, quickly: bool) -> object:
    """A create request as it is read, or all errors in it."""
    try:
        members = parse_object(body)
        read = shaped(members, requests.CreatePayment, body if quickly else None)
        return msgspec.to_builtins(read), metadata_in(body, members if quickly else {})
    except Malformed as wrong:
        return [(one.field, one.why) for one in (wrong, *wrong.others)]


@given(
    st.lists(st.sampled_from(["Budi", "é", "😀", "", " ", "\x00", "\n", "\x7f", "\x85", "\xa0", "\ud800", "/", "\\", "\\/", '"']), max_size=3),
    st.booleans(),
    st.sampled_from(["/", "\\/"]),
    st.sampled_from([None, (",", ":")]),
)  # fmt: skip
def test_a_create_is_read_the_same_with_and_without_the_checks_of_texts(
    pieces: list[str], escaped: bool, slash: str, separators: tuple[str, str] | None
) -> None:
    text = "".join(pieces)
    asked = {
        "clientReferenceId": "order-1",
        "customer": {"givenName": text, "email": "budi@example.id"},
        "orderInformation": {"productDetails": [{"type": "DIGITAL", "quantity": 1, "name": text, "price": PRICE}]},
        "metadata": {"note": text, "inside": {"metadata": 1.50}},
    }
    written = json.dumps(asked, ensure_ascii=escaped, separators=separators)
    body = written.replace("/", slash).encode(errors="surrogatepass")
    assert _shaped(body, quickly=True) == _shaped(body, quickly=False)


@pytest.mark.parametrize(
    ("body", "metadata"),
    [
        (b'{"metadata":{"a":1.5}}', b'{"a":1.5}'),
        (b'{"metadata":{"a":1.50}}', b'{"a":1.50}'),
        (b'{"metadata": {"a": {"b":  1}}}', b'{"a":{"b":  1}}'),
        (b'{"x":{"metadata":{"a":1.5}},"metadata":{"a":1.50}}', b'{"a":1.50}'),
        (b'{"x":{"metadata":{"a":1.5}},"m\\u0065tadata":{"a":1.50}}', b'{"a":1.50}'),
        (b'{"m\\u0065tadata":{"a":1.50},"x":{"metadata":{"a":1.5}}}', b'{"a":1.50}'),
        (b'{"x":{"metadata":{"a":1.5}},"\\u006detadata":{"a":1.5 },"url":"https:\\/\\/x"}', b'{"a":1.5}'),
        (b'{"metadata":{"a":1.50,"b":"\\/"}}', b'{"a":1.50,"b":"\\/"}'),
        (b'{"metadata":{}}', b"{}"),
        (b'{"metadata":[]}', b"{}"),
        (b'{"metadata":null}', None),
    ],
)
def test_each_value_of_metadata_is_kept_byte_for_byte(body: bytes, metadata: bytes | None) -> None:
    assert metadata_in(body, parse_object(body)) == metadata


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"amount": 19999.999999999999999999}', Exact("19999.999999999999999999")),
        (b'{"amount": 123456789012345678}', 123456789012345678),
        (b'{"amount":20000.5}', 20000.5),
    ],
)
def test_a_number_keeps_its_digits(body: bytes, value: object) -> None:
    assert parse_object(body) == {"amount": value}


@pytest.mark.parametrize("body", [b'{"a":1,"a":1}', b'{"a":1,"b":{"c":1,"c":2}}', b'{"a" : 1 , "a" : 1 }'])
def test_a_repeated_key_is_refused_however_it_is_written(body: bytes) -> None:
    with pytest.raises(Malformed, match="repeated"):
        parse_object(body)
