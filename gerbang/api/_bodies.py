"""Reading requests strictly: bounded bodies, JSON without surprises, and the path of whatever is wrong."""

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Literal, TypeVar, cast, get_args, get_origin

import msgspec
from starlette.requests import ClientDisconnect, Request

BODY_BYTES_MAX = 1_000_000
NESTING_MAX = 64
FAULTS_MAX = 10
_TOO_DEEP = f"the body is nested too deeply: {NESTING_MAX} levels are allowed"
T = TypeVar("T")


class BodyTooLarge(Exception):
    """The body is over 1 MB."""


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
    """The body, of at most 1 MB. Raises BodyTooLarge without reading more than that, Malformed when its sender hangs up."""
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


def demand_json(request: Request) -> None:
    """Raises Malformed when the content type names something other than JSON. None at all is taken for JSON."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise Malformed("", f"the content type must be application/json, not {kind[:60]}")


def plain(body: bytes) -> dict[str, Any]:
    """A JSON object as Python values.

    Raises Malformed, also for repeated keys, for NaN and numbers that no computer holds, and for nesting beyond 64.
    """
    repeated: list[tuple[dict[str, Any], str]] = []
    not_numbers: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            times = Counter(name for name, _ in pairs)
            repeated.append((found, next(name for name in times if times[name] > 1)))
        return found

    def finite(text: str) -> float:
        number = float(text)
        return number if math.isfinite(number) else constant(text)

    def constant(text: str) -> float:
        not_numbers.append(text)
        return math.nan

    try:
        value = json.loads(body.decode(), object_pairs_hook=unique, parse_constant=constant, parse_float=finite)
    except UnicodeDecodeError:
        raise Malformed("", "the body is not UTF-8 text") from None
    except RecursionError:
        raise Malformed("", _TOO_DEEP) from None
    except json.JSONDecodeError as wrong:
        raise Malformed("", f"the body is not valid JSON: {wrong}") from None
    except ValueError:
        raise Malformed("", "a number in the body has too many digits") from None
    if not isinstance(value, dict):
        raise Malformed("", "the body must be a JSON object")
    said = cast("dict[str, Any]", value)
    # Nothing nests deeper than it has brackets, and few bodies have as many as would be too deep.
    if body.count(b"{") + body.count(b"[") > NESTING_MAX:
        _demand_shallow(said)
    if repeated:
        found, name = repeated[0]
        path = f"{_path(said, lambda one: one is found) or ''}.{name}"
        raise Malformed(path[1:200], "this key is repeated in one object")
    if not_numbers:
        path = _path(said, lambda one: isinstance(one, float) and math.isnan(one)) or ""
        raise Malformed(path[1:200], f"{not_numbers[0][:40]} is not a number that can be worked with")
    return said


def _inside(value: object) -> Iterator[tuple[str, object]]:
    """The members of an object or list, each with its step in a path."""
    if isinstance(value, dict):
        for name, member in cast("dict[str, object]", value).items():
            yield f".{name}", member
    elif isinstance(value, list):
        for number, member in enumerate(cast("list[object]", value)):
            yield f"[{number}]", member


def _demand_shallow(value: object) -> None:
    level = [value]
    for _ in range(NESTING_MAX):
        level = [member for one in level for _, member in _inside(one) if isinstance(member, (dict, list))]
        if not level:
            return
    raise Malformed("", _TOO_DEEP)


def _path(value: object, wanted: Callable[[object], bool]) -> str | None:
    """Where the first value that is wanted stands in a body; None where it is not found."""
    if wanted(value):
        return ""
    for step, member in _inside(value):
        path = _path(member, wanted)
        if path is not None:
            return step + path
    return None


def shaped(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """A JSON body in the shape that is asked for. Raises Malformed with the path of each thing that is wrong."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as wrong:
        found = _told(str(wrong))
    except (msgspec.DecodeError, RecursionError) as wrong:
        raise Malformed("", f"the body is not valid JSON: {wrong}") from None
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise found from None  # what no shape asks for is looked at only now, and need not be JSON
    first, *others = list(islice(_faults(value, decoder.type), FAULTS_MAX)) or [found]
    raise Malformed(first.field, first.why, others)


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
        msgspec.json.decode(msgspec.json.encode(value), type=wanted)
    except msgspec.ValidationError as wrong:
        fault = _told(str(wrong))
        allowed = [word for one in (wanted, *get_args(wanted)) if get_origin(one) is Literal for word in get_args(one)]
        if allowed and not fault.field and isinstance(value, str):
            fault = Malformed("", f"must be one of {', '.join(allowed)}")
        yield Malformed(path + ("." if fault.field[:1] not in ("", "[") else "") + fault.field, fault.why)


def fingerprint(path: str, value: dict[str, Any]) -> bytes:
    """What two requests have in common when they say the same, whatever their spacing and order of keys."""
    try:
        canonical = msgspec.json.encode(value, order="deterministic")
    except (UnicodeEncodeError, RecursionError):
        raise Malformed("", "the body holds text that is not Unicode") from None
    return hashlib.sha256(path.encode() + b"\n" + canonical).digest()


TEXT = r"\A[^\x00-\x1f\x7f-\x9f]*\Z"
URL = r"\A[A-Za-z][A-Za-z0-9+.-]*://[^\x00-\x20\x7f-\x9f]+\Z"
EMAIL = r"\A[^\x00-\x20\x7f-\x9f@]+@[^\x00-\x20\x7f-\x9f@]+\Z"
DIGITS = r"\A[0-9]*\Z"
_FORMS = {
    TEXT: "must not have control characters",
    URL: "must be an address such as https://shop.example/thanks",
    EMAIL: "must be an e-mail address",
    DIGITS: "must be digits",
}
"""What is wrong with text that does not match a pattern."""

_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "datetime": "an instant like 2025-03-31T23:59:05Z",
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
        said = next((said for pattern, said in _FORMS.items() if form[1] == repr(pattern)), None)
        return Malformed(field, said or "has characters that are not allowed here")
    if what.startswith("Invalid enum value"):
        return Malformed(field, f"is not one of the allowed values: {what.removeprefix('Invalid enum value ')}")
    if what.startswith("Invalid RFC3339"):
        return Malformed(field, "must be an instant that exists, like 2025-03-31T23:59:05Z")
    return Malformed(field, what[:1].lower() + what[1:])
