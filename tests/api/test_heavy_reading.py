"""The processor time that a body of 1 MB costs the event loop, whether accepted or refused: little for any content."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from gerbang.api._bodies import Malformed, fingerprint, metadata_in, parse_object
from gerbang.api._structs import shaped
from gerbang.api.sandbox.endpoints import inbox_item
from gerbang.api.v2_sessions import orders, requests
from gerbang.api.v4_documents.requests import Attributes
from gerbang.domain.payments import KEPT_BYTES_MAX, check_kept
from gerbang.errors import TooMuchKept
from gerbang.services.sandbox import Received
from tests.support.speed import assert_takes_at_most

PLAIN = json.dumps({f"key {n:05}": f"a value of usual length, {n:05}" for n in range(20_000)}).encode()
"""A body of almost 1 MB without anything unusual, which Python reads in some 5 ms."""
VALUES_MAX = 4_900
"""A number of JSON values a little below the limit per body."""


def megabyte(piece: str, before: str = '{"metadata":{"a":"', after: str = '"}}') -> str:
    return before + piece * ((990_000 - len(before) - len(after)) // len(piece.encode())) + after


def listed(piece: str, times: int = VALUES_MAX, last: str = "1") -> str:
    return '{"metadata":{"a":[' + f"{piece}," * times + last + "]}}"


PRODUCT = '{"type":"DIGITAL","quantity":1,"price":{"value":1,"currency":"IDR"}}'
HEAVY = {
    "60 deep, 8,000 times": megabyte("[" * 60 + "]" * 60 + ",", '{"a":[', "1]}"),
    "60 deep, as often as allowed": listed("[" * 60 + "]" * 60, 79),
    "never closed": megabyte("[", "", ""),
    "never closed objects": megabyte('{"a":', "", ""),
    "empty objects": megabyte("{},", '{"a":[', "1]}"),
    "as many empty objects as allowed": listed("{}", VALUES_MAX // 2),
    "as many small objects as allowed": listed('{"a":1}', VALUES_MAX // 2),
    "numbers": megabyte("1,", '{"a":[', "1]}"),
    "NaNs": megabyte("NaN,", '{"a":[', "1]}"),
    "NaN at the end": listed("1", last="NaN"),
    "numbers out of range": listed("1e999"),
    "one long whole number": megabyte("9", '{"a":', "}"),
    "whole numbers of 4,300 digits": megabyte("9" * 4300 + ",", '{"a":[', "1]}"),
    "whole numbers as long as allowed": listed("9" * 128),
    "fractions of 700 digits": megabyte("0." + "3" * 700 + ",", '{"a":[', "1]}"),
    "fractions as long as allowed": listed("1." + "3" * 120),
    "fractions between two doubles": listed("9007199254740993." + "0" * 100 + "1"),
    "keys": "{" + "".join(f'"k{n}":0,' for n in range(80_000)) + '"k":0}',
    "long keys": '{"metadata":{' + "".join(f'"{"k" * 190}{n}":1,' for n in range(VALUES_MAX)) + '"k":0}}',
    "one key many times": megabyte('"a":1,', "{", '"a":1}'),
    "a key twice in every object": megabyte('{"a":1,"a":1},', '{"a":[', "1]}"),
    "a key twice in as many objects as allowed": listed('{"a":1,"a":1}', VALUES_MAX // 3),
    "a key twice at the end": listed('{"a":1}', VALUES_MAX // 2, '{"a":1,"a":2}'),
    "plain text": megabyte("x"),
    "text of commas": megabyte(","),
    "text of brackets": megabyte("[{"),
    "text of escaped letters": megabyte("\\u0041"),
    "text of NULs": megabyte("\\u0000"),
    "text of escaped quotes": megabyte('\\"'),
    "text of escaped quotes and commas": megabyte('\\",'),
    "text of backslashes and commas": megabyte("\\\\,"),
    "text of lone surrogates": megabyte("\\ud800,"),
    "text of escaped surrogate pairs": megabyte("\\ud83d\\ude00,"),
    "text of euros and commas": megabyte("\u20ac,"),
    "text of emoji": megabyte("\U0001f600"),
    "a lone surrogate at the end": listed('"x"', last='"\\ud800"'),
    "text that does not end": megabyte('\\",', after=""),
    "spaces": megabyte(" ", "", "{}"),
    "lines": megabyte("\n", '{"a":', ""),
    "invalid JSON at the end": megabyte("x,", after='"'),
    "a long reference": megabyte("x", '{"clientReferenceId":"', '"}'),
    "a long reference with a newline": megabyte("x", '{"clientReferenceId":"', '\\n"}'),
    "a long e-mail address": megabyte("@", '{"customer":{"email":"', '"}}'),
    "a long URL": megabyte("a", '{"redirectUrl":{"successReturnUrl":"', '"}}'),
    "a long instant": megabyte(" ", '{"clientReferenceId":"a","expiryAt":"', '"}'),
    "a long amount": megabyte("9", '{"amount":{"currency":"IDR","value":"', '"}}'),
    "wrong products": '{"orderInformation":{"productDetails":[' + '{"type":1},' * 2_000 + "5]}}",
    "products": '{"clientReferenceId":"a","orderInformation":{"productDetails":[' + f"{PRODUCT}," * 900 + PRODUCT + "]}}",
    "an unknown field": megabyte("y", '{"clientReferenceId":"a","x":"', '"}'),
}  # fmt: skip


def read_by_v2(body: bytes) -> None:
    """All that the v2 create does with a body before it creates a payment."""
    values = parse_object(body)
    request = shaped(values, requests.CreatePayment, body)
    fingerprint("POST /v2/payments", values)
    orders.check_order(request.orderInformation)
    orders.instant(request.expiryAt, "expiryAt")
    orders.minor(request.amount, zero_is_open=False)
    orders.details(request, values, metadata_in(body, values))


def read_by_v4(body: bytes) -> None:
    request = Attributes(parse_object(body))
    for name in ("clientReferenceId", "metadata", "amount", "a", "x"):
        request.text(name)


def shown_by_the_inbox(body: bytes) -> None:
    """All that the sandbox does to show a request in its inbox."""
    inbox_item(Received(1, datetime(2025, 3, 30, tzinfo=UTC), "/", "{}", body))


@pytest.mark.parametrize(
    ("read", "times", "plain"),
    [
        (read_by_v2, 4, PLAIN),
        (read_by_v4, 4, PLAIN),
        # Only the sandbox has an inbox. It reads what Python reads: numbers of thousands of digits take long.
        (shown_by_the_inbox, 2, HEAVY["whole numbers of 4,300 digits"].encode()),
    ],
)
@pytest.mark.parametrize("body", HEAVY.values(), ids=HEAVY.keys())
def test_any_body_is_read_or_refused_in_a_few_times_what_python_needs_for_a_plain_one(
    body: str, read: Any, times: float, plain: bytes
) -> None:
    sent = body.encode()
    assert len(sent) <= 1_000_000

    def work() -> None:
        with suppress(Malformed, TooMuchKept):
            read(sent)

    assert_takes_at_most(times, lambda: json.loads(plain), work)


def test_an_order_of_200_products_is_within_the_limit_of_values() -> None:
    products = [json.loads(PRODUCT) | {"name": "Kopi Gayo 250 g", "category": "FOOD"} for _ in range(200)]
    values = parse_object(json.dumps({"orderInformation": {"productDetails": products}}).encode())
    assert len(values["orderInformation"]["productDetails"]) == 200


@pytest.mark.parametrize("text", ["[" * 5_000, ",{" * 5_000, '\\"[' * 4_000, "\\\\", '\\\\\\"' * 3_000 + "[" * 100])
def test_brackets_inside_strings_do_not_count_as_nesting(text: str) -> None:
    body = ('{"a":"' + text + '","b":[' + "[1]," * 64 + "2]}").encode()
    assert parse_object(body) == json.loads(body)


def test_brackets_after_escaped_quotes_count_as_nesting() -> None:
    for text in ('"\\\\"', '"\\""', '"\\\\\\""', '""'):
        with pytest.raises(Malformed, match="nested too deeply"):
            parse_object(('{"a":' + text + ',"b":' + "[" * 65 + "]" * 65 + "}").encode())


def test_metadata_and_order_may_have_16_kb_in_total() -> None:
    def details(metadata: int, name: int) -> None:
        product = json.loads(PRODUCT) | {"x": "x" * name}
        values = {
            "clientReferenceId": "a",
            "metadata": {"a": "x" * metadata},
            "orderInformation": {"productDetails": [product]},
        }
        request = shaped(values, requests.CreatePayment)
        check_kept(orders.details(request, values, metadata_in(json.dumps(values).encode(), values)))

    order_bytes = len(b'{"productDetails":[') + len(PRODUCT) + len(b',"x":""') + len(b"]}")
    room = KEPT_BYTES_MAX - order_bytes - len(b'{"a":""}')
    details(room // 2, room - room // 2)
    for metadata, name, field in ((room, 1, "metadata"), (0, room + 1, "order"), (1, room, "order")):
        with pytest.raises(TooMuchKept) as refused:
            details(metadata, name)
        assert refused.value.field == field
