"""Reading requests strictly: bounded bodies, JSON without surprises, and the path of whatever is wrong."""

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import cache
from itertools import islice
from typing import Any, Literal, TypeVar, cast, get_args, get_origin

import msgspec
from starlette.requests import ClientDisconnect, Request

from gerbang.api._texts import FORMS, is_blank, is_unicode

BODY_BYTES_MAX = 1_000_000
NESTING_MAX = 64
VALUES_MAX = 5_000
"""Some ten times what the largest order comes to; more of them would keep everybody else waiting."""
QUOTES_MAX = 4 * VALUES_MAX
NUMBER_LENGTH_MAX = 128
"""Any number that a program prints is shorter, and longer ones take long to read."""
EXACT_LENGTH_MAX = 16
"""A float gives a fraction of so many characters back as it was written: it keeps any 15 digits."""
FAULTS_MAX = 10
_TOO_DEEP = f"the body is nested too deeply: {NESTING_MAX} levels are allowed"
_TOO_MUCH = f"the body holds too many values: {VALUES_MAX} are allowed"
_NOT_UNICODE = "must be text that is Unicode, without halves of surrogate pairs"
_BOM = b"\xef\xbb\xbf"
_BRACKETS = b"[]{}"
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(_BRACKETS))
T = TypeVar("T")


class Exact(Decimal):
    """A fraction with more digits than a float keeps. No shape takes it for a float, which would round it."""


class BodyTooLarge(Exception):
    """The body is over 1 MB."""


class BodyPacked(Exception):
    """The body is compressed, which nobody unpacks here: send it as it is."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.why = f"The body must be sent as it is, not as {how.encode(errors='replace').decode()[:60]}."


class Malformed(Exception):
    """A request that cannot be understood: `field` is the path of what is wrong, "" when it is the whole body.

    `others` is what else is wrong with it, so that its writer need not ask again and again.
    """

    def __init__(self, field: str, why: str, others: Sequence["Malformed"] = ()) -> None:
        super().__init__(why)
        # A key may hold half a character, which no answer can.
        self.field = field.encode(errors="replace").decode()
        self.why = why.encode(errors="replace").decode()
        self.others = others


async def body_of(request: Request) -> bytes:
    """The body, of at most 1 MB. Raises BodyTooLarge without reading more than that, BodyPacked without reading any.

    Raises Malformed when its sender hangs up.
    """
    packed = request.headers.get("content-encoding", "").strip()
    if packed and packed.lower() != "identity":
        raise BodyPacked(packed)
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > BODY_BYTES_MAX:
        raise BodyTooLarge
    read = bytearray()
    try:
        async for chunk in request.stream():
            read += chunk
            if len(read) > BODY_BYTES_MAX:
                raise BodyTooLarge
    except ClientDisconnect:
        raise Malformed("", "the body was not sent to its end") from None
    return bytes(read)


async def said_in(request: Request, *, may_be_empty: bool = False) -> dict[str, Any]:
    """The JSON object in a request's body. Raises BodyTooLarge, BodyPacked or Malformed."""
    body = await body_of(request)
    return {} if may_be_empty and not body else read(request, body)


def read(request: Request, body: bytes) -> dict[str, Any]:
    """The JSON object in a body, whatever its content type says: many programs name one that they never chose."""
    try:
        return plain(body)
    except Malformed as wrong:
        kind = request.headers.get("content-type", "").partition(";")[0].strip()
        if not isinstance(wrong.__cause__, json.JSONDecodeError) or not kind or "json" in kind.lower():
            raise
        raise Malformed("", f"{wrong.why}; its content type says {kind[:60]}, and JSON is what is read here") from None


def plain(body: bytes) -> dict[str, Any]:
    """A JSON object as Python values; fractions are floats where these keep every digit, and else Exact.

    Raises Malformed, also for repeated keys, for NaN and numbers that no computer holds, for nesting beyond 64, and for
    more values than anybody has to say.
    """
    demand_light(body)
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
    said = cast("dict[str, Any]", value)
    if repeated:
        found, name = repeated[0]
        path = f"{_path(said, lambda one: one is found) or ''}.{name}"
        raise Malformed(path[1:200], "this key is repeated in one object")
    if not_numbers:
        path = _path(said, lambda one: isinstance(one, float) and math.isnan(one)) or ""
        raise Malformed(path[1:200], f"{not_numbers[0][:40]} is not a number that can be worked with")
    return said


def demand_light(body: bytes) -> None:
    """Judges how deep a body nests and how much it holds before any of it is read. Raises Malformed.

    Counted are brackets and commas outside of text, of which there are few in what anybody has to say; so text is looked
    for only in bodies that have many.
    """
    brackets, commas = body.count(b"[") + body.count(b"{"), body.count(b",")
    if brackets <= NESTING_MAX and brackets + commas <= VALUES_MAX:
        return
    if body.count(b'"') > QUOTES_MAX or body.count(b"\\") > QUOTES_MAX:
        raise Malformed("", _TOO_MUCH)
    # Quotes that stand inside of text are taken away, then every second piece between the others is text.
    bare = b"".join(body.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2])
    depth = 0
    for bracket in bare.translate(None, _ALL_BUT_BRACKETS)[: 2 * VALUES_MAX]:
        depth += 1 if bracket in b"[{" else -1
        if depth > NESTING_MAX:
            raise Malformed("", _TOO_DEEP)
    if bare.count(b"[") + bare.count(b"{") + bare.count(b",") > VALUES_MAX:
        raise Malformed("", _TOO_MUCH)


def _short(number: str) -> str:
    """A number that is read in no time. Raises ValueError for any other."""
    if len(number) > NUMBER_LENGTH_MAX:
        raise ValueError
    return number


def _inside(value: object) -> Iterator[tuple[str, object]]:
    """The members of an object or list, each with its step in a path."""
    if isinstance(value, dict):
        for name, member in cast("dict[str, object]", value).items():
            yield f".{name}", member
    elif isinstance(value, list):
        for number, member in enumerate(cast("list[object]", value)):
            yield f"[{number}]", member


def _path(value: object, wanted: Callable[[object], bool]) -> str | None:
    """Where the first value that is wanted stands in a body; None where it is not found."""
    if wanted(value):
        return ""
    for step, member in _inside(value):
        path = _path(member, wanted)
        if path is not None:
            return step + path
    return None


def shaped(said: dict[str, Any], wanted: type[T]) -> T:
    """What was said in the shape that is asked for. Raises Malformed with the path of each thing that is wrong."""
    with suppress(msgspec.ValidationError, UnicodeEncodeError):
        return msgspec.convert(said, wanted)
    # What a shape takes is meant as it was said, so only now it matters what the rest was meant to be.
    said = meant(said, wanted)
    try:
        return msgspec.convert(said, wanted)
    except (msgspec.ValidationError, UnicodeEncodeError) as wrong:
        found = _told(str(wrong)) if isinstance(wrong, msgspec.ValidationError) else Malformed("", _NOT_UNICODE)
    first, *others = list(islice(_faults(said, wanted), FAULTS_MAX)) or [found]
    raise Malformed(first.field, first.why, others)


def meant(said: dict[str, Any], wanted: type[Any]) -> dict[str, Any]:
    """What was said, as it was meant, where a shape asks for it: PHP's `[]` is an empty object, and empty text is nothing.

    Text that may be empty is left as it is. A number of many digits is whole where that is what it is, and else text with
    all of them.
    """
    return _meant(said, wanted)


def _meant(value: Any, wanted: Any) -> Any:
    if isinstance(value, Exact) and float in get_args(wanted):
        return int(value) if value == value.to_integral_value() else format(value, "f")
    members, each = _plan(wanted)
    if value == [] and members is not None:
        return {}
    if isinstance(value, list):
        ones = cast("list[Any]", value)
        return ones if each is None else [_meant(one, each) for one in ones]
    if not isinstance(value, dict) or not members:
        return cast("Any", value)
    said: dict[str, Any] = {}
    for name, member in cast("dict[str, Any]", value).items():
        inside, may_be_blank = members.get(name, (None, True))
        if may_be_blank or not is_blank(member):
            said[name] = member if isinstance(member, str) or inside is None else _meant(member, inside)
    return said


def _takes(value: object, wanted: Any) -> bool:
    try:
        msgspec.convert(value, wanted)
    except msgspec.ValidationError:
        return False
    return True


@cache
def _plan(wanted: Any) -> tuple[dict[str, tuple[Any, bool]] | None, Any]:
    """The members of a shape that is an object, and whether each may be blank; and the shape of each of a list."""
    for one in (wanted, *get_args(wanted)):
        if isinstance(one, type) and issubclass(one, msgspec.Struct):
            fields = msgspec.structs.fields(one)
            return {field.encode_name: (field.type, field.required or _takes("", field.type)) for field in fields}, None
        if get_origin(one) is dict:
            return {}, None
        if get_origin(one) is list:
            return None, get_args(one)[0]
    return None, None


def _faults(value: object, wanted: Any, path: str = "") -> Iterator[Malformed]:
    """All that is wrong with the members of an object; of a list or a plain value the first thing."""
    struct = next(
        (one for one in (wanted, *get_args(wanted)) if isinstance(one, type) and issubclass(one, msgspec.Struct)), None
    )
    if struct is not None and isinstance(value, dict):
        members = cast("dict[str, object]", value)
        for field in msgspec.structs.fields(struct):
            inside = f"{path}.{field.encode_name}".removeprefix(".")
            if field.encode_name in members:
                yield from _faults(members[field.encode_name], field.type, inside)
            elif field.required:
                yield Malformed(inside, "is required")
        return
    try:
        msgspec.convert(value, wanted)
    except UnicodeEncodeError:
        yield Malformed(path, _NOT_UNICODE)
    except msgspec.ValidationError as wrong:
        fault = _told(str(wrong))
        allowed = [word for one in (wanted, *get_args(wanted)) if get_origin(one) is Literal for word in get_args(one)]
        if allowed and not fault.field and isinstance(value, str):
            fault = Malformed("", f"must be one of {', '.join(allowed)}")
        yield Malformed(path + ("." if fault.field[:1] not in ("", "[") else "") + fault.field, fault.why)


class _Metadata(msgspec.Struct):
    metadata: dict[str, msgspec.Raw] | list[Any] | None = None


def metadata_in(body: bytes) -> bytes | None:
    """The metadata of a body that was read before, its values letter by letter; None where there is none."""
    metadata = msgspec.json.decode(body.removeprefix(_BOM), type=_Metadata).metadata
    return None if metadata is None else msgspec.json.encode(metadata or {})


def written(value: object) -> bytes:
    """JSON that keeps every digit of what was read, and the order of keys."""
    return _WRITER.encode(value)


def fingerprint(path: str, value: dict[str, Any]) -> bytes:
    """What two requests have in common when they say the same, whatever their spacing and order of keys."""
    try:
        canonical = _SORTED_WRITER.encode(value)
    except UnicodeEncodeError:
        where = _path(value, lambda one: isinstance(one, str) and not is_unicode(one)) or ""
        raise Malformed(where[1:200], _NOT_UNICODE) from None
    return hashlib.sha256(path.encode() + b"\n" + canonical).digest()


_WRITER = msgspec.json.Encoder(decimal_format="number", enc_hook=Decimal)
_SORTED_WRITER = msgspec.json.Encoder(decimal_format="number", enc_hook=Decimal, order="deterministic")

_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "Exact": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
}


_BOUNDS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}


def _told(message: str) -> Malformed:
    """Msgspec's words in ours: "Expected `str`, got `int` - at `$.a.b[0]`" is field a.b[0], "must be text, not …"."""
    what, _, where = message.partition(" - at `")
    field = where.rstrip("`").removeprefix("key").removeprefix("$").removeprefix(".")
    missing = re.fullmatch("Object missing required field `(.+)`", what)
    if missing:
        return Malformed(f"{field}.{missing[1]}" if field else missing[1], "is required")
    expected = re.fullmatch("Expected `(.+)`, got `(.+)`", what)
    if expected:
        wanted = [_WORDS.get(word, word) for word in expected[1].split(" | ") if word != "null"]
        return Malformed(field, f"must be {' or '.join(wanted)}, not {_WORDS.get(expected[2], expected[2])}")
    length = re.fullmatch(r"Expected `(\w+)` of length (.+)", what)
    if length:
        return Malformed(
            field, f"must have a length {length[2].replace('<=', 'of at most').replace('>=', 'of at least')}"
        )
    bound = re.fullmatch(r"Expected `\w+` (>=|<=|>|<) (.+)", what)
    if bound:
        return Malformed(field, f"must be {_BOUNDS[bound[1]]} {bound[2]}")
    form = re.fullmatch("Expected `str` matching regex (.+)", what)
    if form:
        said = next((said for pattern, said in FORMS.items() if form[1] == repr(pattern)), None)
        return Malformed(field, said or "has characters that are not allowed here")
    if what.startswith("Invalid enum value"):
        return Malformed(field, f"is not one of the allowed values: {what.removeprefix('Invalid enum value ')}")
    return Malformed(field, what[:1].lower() + what[1:])
