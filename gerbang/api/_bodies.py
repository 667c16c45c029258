"""Reads request bodies, for all dialects: limits on size and nesting, strict JSON, and the path of each error."""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, cast

import msgspec
from starlette.requests import Request

from gerbang.api._headers import header
from gerbang.api._texts import is_unicode

BODY_BYTES_MAX = 1_000_000
NESTING_MAX = 64
VALUES_MAX = 5_000
"""About ten times the largest order. Reading more would delay other requests."""
NUMBER_LENGTH_MAX = 128
"""In characters. Numbers that programs print are shorter, and longer ones are slow to convert."""
EXACT_LENGTH_MAX = 16
"""A fraction of up to so many characters survives as a float, which keeps 15 significant digits."""
PLAIN_BYTES_MAX = 65_536
_IN_NUMBERS = bytes(ord("0") if byte in b"0123456789.eE+-" else ord(" ") for byte in range(256))
_LONG_NUMBER = b"0" * (EXACT_LENGTH_MAX + 1)
_WHITE = b" \t\r\n"
_TOO_DEEP = f"the body is nested too deeply: {NESTING_MAX} levels are allowed"
_TOO_MUCH = "the body holds too many values: {most} are allowed"
NOT_UNICODE = "must be text that is Unicode, without halves of surrogate pairs"
_BOM = b"\xef\xbb\xbf"
_BRACKETS = b"[]{}"
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(_BRACKETS))


class Exact(Decimal):
    """A fraction with more digits than a float keeps. Its own type, so that it is never rounded to a float."""


class BodyTooLarge(Exception):
    """The body is larger than BODY_BYTES_MAX."""


class BodyPacked(Exception):
    """The body is compressed, and compressed bodies are not supported. `why` is a sentence for the caller."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.why = f"The body must be sent as it is, not as {how.encode(errors='replace').decode()[:60]}."


class Malformed(Exception):
    """An invalid request: `field` is the path of the wrong value, "" for the whole body; `why` says what is wrong.

    `others` are further errors in the same request, so that all of them can be corrected at once.
    """

    def __init__(self, field: str, why: str, others: Sequence["Malformed"] = ()) -> None:
        super().__init__(why)
        # A key may contain a lone surrogate, which UTF-8 cannot encode.
        self.field = field.encode(errors="replace").decode()
        self.why = why.encode(errors="replace").decode()
        self.others = others


async def body_of(request: Request) -> bytes:
    """The bytes of a request body. Raises BodyTooLarge after at most 1 MB, and BodyPacked before reading anything.

    Raises Malformed if the client disconnects before the end.
    """
    packed = header(request, b"content-encoding").strip()
    if packed and packed.lower() != "identity":
        raise BodyPacked(packed)
    length = header(request, b"content-length")
    if length.isdigit() and int(length) > BODY_BYTES_MAX:
        raise BodyTooLarge
    body = bytearray()
    while True:
        message = await request.receive()
        if message["type"] != "http.request":
            raise Malformed("", "the body was not sent to its end")
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            raise BodyTooLarge
        if not message.get("more_body"):
            return bytes(body)


async def json_body(request: Request, *, may_be_empty: bool = False) -> dict[str, Any]:
    """The JSON object in a request's body. Raises BodyTooLarge, BodyPacked or Malformed."""
    body = await body_of(request)
    return {} if may_be_empty and not body else read(request, body)


def read(request: Request, body: bytes, *, values_max: int = VALUES_MAX) -> dict[str, Any]:
    """The JSON object in a body. The content type is not checked: many clients send a default one. Raises Malformed."""
    try:
        return parse_object(body, values_max=values_max)
    except Malformed as wrong:
        kind = header(request, b"content-type").partition(";")[0].strip()
        if not isinstance(wrong.__cause__, json.JSONDecodeError) or not kind or "json" in kind.lower():
            raise
        raise Malformed("", f"{wrong.why}; its content type says {kind[:60]}, and JSON is what is read here") from None


def parse_object(body: bytes, *, values_max: int = VALUES_MAX) -> dict[str, Any]:
    """A JSON object as Python values. Fractions are floats if a float keeps every digit, otherwise Exact.

    Raises Malformed, also for repeated keys, NaN, infinite numbers, nesting beyond NESTING_MAX levels and more than
    `values_max` values.
    """
    check_size(body, values_max)
    if len(body) <= PLAIN_BYTES_MAX and (plain := _plain(body)) is not None:
        return plain
    repeated: list[tuple[dict[str, Any], str]] = []
    not_numbers: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs) and not repeated:
            times = Counter(name for name, _ in pairs)
            repeated.append((found, next(name for name in times if times[name] > 1)))
        return found

    def whole(text: str) -> int:
        return int(_short(text))

    def finite(text: str) -> float | Exact:
        number = float(_short(text))
        if not math.isfinite(number):
            return constant(text)
        return number if len(text) <= EXACT_LENGTH_MAX else Exact(text)

    def constant(text: str) -> float:
        not_numbers.append(text)
        return math.nan

    try:
        value = json.loads(
            body.removeprefix(_BOM).decode(),
            object_pairs_hook=unique,
            parse_constant=constant,
            parse_float=finite,
            parse_int=whole,
        )
    except UnicodeDecodeError:
        raise Malformed("", "the body is not UTF-8 text") from None
    except json.JSONDecodeError as wrong:
        raise Malformed("", f"the body is not valid JSON: {wrong}" if body.strip() else "the body is empty") from wrong
    except ValueError:
        raise Malformed("", "a number in the body has too many digits") from None
    if not isinstance(value, dict):
        raise Malformed("", "the body must be a JSON object")
    members = cast("dict[str, Any]", value)
    if repeated:
        found, name = repeated[0]
        path = f"{_path(members, lambda one: one is found) or ''}.{name}"
        raise Malformed(path[1:200], "this key is repeated in one object")
    if not_numbers:
        path = _path(members, lambda one: isinstance(one, float) and math.isnan(one)) or ""
        raise Malformed(path[1:200], f"{not_numbers[0][:40]} is not a number that can be worked with")
    return members


def _plain(body: bytes) -> dict[str, Any] | None:
    """The JSON object in a body that is written as we would write it, but for white space and escaped slashes; else None.

    Most bodies are, and this takes a fifth of the time. Such a body repeats no key, and its numbers keep all their digits:
    otherwise it would be other bytes when it is written again.
    """
    if _LONG_NUMBER in body.translate(_IN_NUMBERS):
        return None
    try:
        value = msgspec.json.decode(body)
        again = msgspec.json.encode(value)
    except (ValueError, RecursionError, OverflowError):
        return None
    if again != body and again.translate(None, _WHITE) != body.replace(b"\\/", b"/").translate(None, _WHITE):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def check_size(body: bytes, values_max: int = VALUES_MAX) -> None:
    """Checks how deep a body nests and how many values it holds, before it is parsed. Raises Malformed.

    Brackets and commas outside strings are counted. Strings are removed only if the whole body has many
    of them, which is rare, so that ordinary bodies are checked fast.
    """
    brackets, commas = body.count(b"[") + body.count(b"{"), body.count(b",")
    if brackets <= NESTING_MAX and brackets + commas <= values_max:
        return
    quotes_max = 4 * values_max
    if body.count(b'"') > quotes_max or body.count(b"\\") > quotes_max:
        raise Malformed("", _TOO_MUCH.format(most=values_max))
    # Remove escaped quotes; then every second piece between the remaining quotes is a string.
    bare = b"".join(body.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2])
    depth = 0
    for bracket in bare.translate(None, _ALL_BUT_BRACKETS)[: 2 * values_max]:
        depth += 1 if bracket in b"[{" else -1
        if depth > NESTING_MAX:
            raise Malformed("", _TOO_DEEP)
    if bare.count(b"[") + bare.count(b"{") + bare.count(b",") > values_max:
        raise Malformed("", _TOO_MUCH.format(most=values_max))


def _short(number: str) -> str:
    """The number, if it is short enough to be converted fast. Raises ValueError otherwise."""
    if len(number) > NUMBER_LENGTH_MAX:
        raise ValueError
    return number


def _inside(value: object) -> Iterator[tuple[str, object]]:
    """The members of an object or items of a list, each with its step in a path (".name" or "[0]")."""
    if isinstance(value, dict):
        for name, member in cast("dict[str, object]", value).items():
            yield f".{name}", member
    elif isinstance(value, list):
        for number, member in enumerate(cast("list[object]", value)):
            yield f"[{number}]", member


def _path(value: object, wanted: Callable[[object], bool]) -> str | None:
    """The path of the first value for which `wanted` is true; None if there is none."""
    if wanted(value):
        return ""
    for step, member in _inside(value):
        path = _path(member, wanted)
        if path is not None:
            return step + path
    return None


class _Metadata(msgspec.Struct):
    metadata: dict[str, msgspec.Raw] | list[Any] | None = None


def metadata_in(body: bytes, members: dict[str, Any]) -> bytes | None:
    """The metadata of a valid body as JSON, each value byte for byte as it was sent; None if there is none.

    `members` is the body as it was read.
    """
    # With an escape, a text of the body may be the key as well.
    if members.get("metadata") and body.count(b'"metadata"') == 1 and body.count(b"\\") == body.count(b"\\/"):
        compact = written(members["metadata"])
        if b'"metadata":' + compact in body:
            return compact
    metadata = msgspec.json.decode(body.removeprefix(_BOM), type=_Metadata).metadata
    return None if metadata is None else msgspec.json.encode(metadata or {})


def written(value: object) -> bytes:
    """A value as JSON, with every digit that was read and the keys in the same order."""
    return _WRITER.encode(value)


def fingerprint(path: str, value: dict[str, Any]) -> bytes:
    """A SHA-256 digest of a path and a body. White space and the order of keys do not change it. Raises Malformed."""
    try:
        canonical = _SORTED_WRITER.encode(value)
    except UnicodeEncodeError:
        where = _path(value, lambda one: isinstance(one, str) and not is_unicode(one)) or ""
        raise Malformed(where[1:200], NOT_UNICODE) from None
    return hashlib.sha256(path.encode() + b"\n" + canonical).digest()


_WRITER = msgspec.json.Encoder(decimal_format="number", enc_hook=Decimal)
_SORTED_WRITER = msgspec.json.Encoder(decimal_format="number", enc_hook=Decimal, order="deterministic")
