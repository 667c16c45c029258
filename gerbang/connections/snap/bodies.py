"""Bodies as the national standard signs them: minified without reading them, and the other ways in which senders write them.

What is signed is bytes. A body that is parsed and written again has other bytes (escapes, number forms, the order of members),
so nothing here parses: texts are looked at one by one, and what is between them only loses its white space.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

_STRING = rb'"(?:[^"\\]++|\\(?:.|\Z))*+(?:"|\Z)'
"""A text with its quotes; one that never ends reaches to the end, so that no body takes more than one pass."""
_TEXT_OR_BLANKS = re.compile(_STRING + rb"|[ \t\r\n]+", re.DOTALL)
_TEXT = re.compile(_STRING, re.DOTALL)
_BLANKS = re.compile(rb"[ \t\r\n]+")
REENCODED_BYTES_MAX = 8 * 1024
"""A body that is longer is believed only as it came: real ones have one or two KiB, and the other forms take long to make."""
DIGITS_MAX = 40
"""Of one number in a body: no amount and no id is longer."""


class NotJson(Exception):
    """A body that cannot be used: it is no JSON object, or says something twice."""


def minified(body: bytes) -> bytes:
    """The body without the white space between its parts. Texts keep theirs: `"   12345"` stays padded."""
    return _TEXT_OR_BLANKS.sub(lambda found: found[0] if found[0].startswith(b'"') else b"", body)


def as_signed(body: bytes, *, reencoded: bool = True, stripped: bool = False) -> Iterator[bytes]:
    """The forms of a body that its sender may have signed, the likeliest first, each once.

    `reencoded`: also with its texts escaped as Python, PHP and JavaScript write them, for a sender that signs one form and
    sends another, or a proxy between. `stripped`: also without any white space inside of texts, which one published rule asks for.
    """
    seen: set[bytes] = set()
    for form in _forms(body, reencoded=reencoded, stripped=stripped):
        if form not in seen:
            seen.add(form)
            yield form


def _forms(body: bytes, *, reencoded: bool, stripped: bool) -> Iterator[bytes]:
    yield body  # most send what they sign, and looking for white space takes longer than a signature
    small = minified(body)
    yield small
    if reencoded and len(small) <= REENCODED_BYTES_MAX:
        for ascii_only in (False, True):
            for slashes in (False, True):
                yield _rewritten(small, ascii_only=ascii_only, slashes=slashes)
    if stripped:
        yield _BLANKS.sub(b"", body)


def _rewritten(small: bytes, *, ascii_only: bool, slashes: bool) -> bytes:
    """The body with each text escaped otherwise; a text that is none stays as it is."""

    def text(found: re.Match[bytes]) -> bytes:
        try:
            written = json.dumps(json.loads(found[0]), ensure_ascii=ascii_only)
            return (written.replace("/", "\\/") if slashes else written).encode()
        except ValueError:  # not JSON, or half of a pair of surrogates
            return found[0]

    return _TEXT.sub(text, small)


def read(body: bytes) -> dict[str, Any]:
    """The object of a body; numbers with a point are Decimals. Raises NotJson, also where it names a member twice."""
    try:
        value: object = _decoder.decode(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as wrong:
        raise NotJson("it is not JSON in UTF-8") from wrong
    if not isinstance(value, dict):
        raise NotJson("it is not a JSON object")
    return value  # pyright: ignore[reportUnknownVariableType]  # json gives text keys


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise NotJson("it names a member twice")
    return found


def _whole(digits: str) -> int:
    if len(digits) > DIGITS_MAX:
        raise NotJson("it has a number that is too long")
    return int(digits)


def _decimal(digits: str) -> Decimal:
    if len(digits) > DIGITS_MAX:
        raise NotJson("it has a number that is too long")
    try:
        return Decimal(digits)
    except ArithmeticError:  # an exponent that no number has
        raise NotJson("it has a number that cannot be used") from None


def _refused(name: str) -> Any:
    raise NotJson(f"{name} is not JSON")


_decoder = json.JSONDecoder(object_pairs_hook=_once, parse_int=_whole, parse_float=_decimal, parse_constant=_refused)
"""Made once, since making it takes a third of the time of a body. (msgspec reads faster, and takes a member that comes twice.)"""


def written(value: dict[str, Any]) -> bytes:
    """A body as we send it: compact, in UTF-8, so that it is its own minified form."""
    return msgspec.json.encode(value)
