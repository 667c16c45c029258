"""Converts JSON objects to the types of requests, for all dialects, with the path of each error."""

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache, reduce
from itertools import islice
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin

import msgspec

from gerbang.api._bodies import NOT_UNICODE, Exact, Malformed
from gerbang.api._texts import FORMS, TEXT, is_blank

FAULTS_MAX = 10
_CONTROLS = re.compile(b"\xc2[\x80-\x9f]")
T = TypeVar("T")


def shaped(members: dict[str, Any], wanted: type[T], body: bytes | None = None) -> T:
    """A JSON object converted to the type `wanted`. Raises Malformed with the path of each error.

    `body` is what it was read from, which saves the checks that no text of a printable body can fail.
    """
    with suppress(msgspec.ValidationError, UnicodeEncodeError):
        return msgspec.convert(members, wanted if body is None or not _is_printable(body) else of_printable(wanted))
    # Normalize only if the plain conversion fails: a value that the type accepts is taken as it was sent.
    members = normalized(members, wanted)
    try:
        return msgspec.convert(members, wanted)
    except (msgspec.ValidationError, UnicodeEncodeError) as wrong:
        found = _from_msgspec(str(wrong)) if isinstance(wrong, msgspec.ValidationError) else Malformed("", NOT_UNICODE)
    first, *others = list(islice(_faults(members, wanted), FAULTS_MAX)) or [found]
    raise Malformed(first.field, first.why, others)


def _is_printable(body: bytes) -> bool:
    """Whether no text in a JSON body can have a control character or half a surrogate pair: none is there, or escaped."""
    return (
        body.count(b"\\") == body.count(b"\\/")
        and b"\x7f" not in body
        and (body.isascii() or _CONTROLS.search(body) is None)
    )


@cache
def of_printable(wanted: type[T]) -> type[T]:
    """A subclass of a struct whose members need not match TEXT, nor those of the structs in it."""
    member: Any = msgspec.field  # its types do not know that both defaults may be absent
    members = [
        (
            field.name,
            _without_text(field.type),
            member(default=field.default, default_factory=field.default_factory, name=field.encode_name),
        )
        for field in msgspec.structs.fields(cast("type[msgspec.Struct]", wanted))
    ]
    return cast("type[T]", msgspec.defstruct(wanted.__name__, members, bases=(wanted,), kw_only=True))


def _without_text(type_: Any) -> Any:
    """A type of a member without the pattern TEXT, wherever it stands in it."""
    of = get_args(type_)
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        return of_printable(type_)
    if get_origin(type_) is Annotated:
        if of[1].pattern != TEXT:
            return cast("Any", type_)
        lengths = msgspec.Meta(min_length=of[1].min_length, max_length=of[1].max_length)
        return cast("Any", Annotated[of[0], lengths])
    if get_origin(type_) is list:
        return list[_without_text(of[0])]
    if get_origin(type_) in (Union, UnionType):
        return reduce(lambda one, other: one | other, map(_without_text, of))
    return cast("Any", type_)


def normalized(members: dict[str, Any], wanted: type[Any]) -> dict[str, Any]:
    """A JSON object with the habits of clients removed, as far as the type `wanted` requires it.

    PHP's `[]` becomes an empty object. Empty text is dropped unless the member may be empty. An Exact number becomes an
    integer if it is whole, otherwise text with all its digits.
    """
    return _normalized(members, wanted)


def _normalized(value: Any, wanted: Any) -> Any:
    if isinstance(value, Exact) and float in get_args(wanted):
        return int(value) if value == value.to_integral_value() else format(value, "f")
    members, each = _members_of(wanted)
    if value == [] and members is not None:
        return {}
    if isinstance(value, list):
        ones = cast("list[Any]", value)
        return ones if each is None else [_normalized(one, each) for one in ones]
    if not isinstance(value, dict) or not members:
        return cast("Any", value)
    result: dict[str, Any] = {}
    for name, member in cast("dict[str, Any]", value).items():
        inside, may_be_blank = members.get(name, (None, True))
        if may_be_blank or not is_blank(member):
            result[name] = member if isinstance(member, str) or inside is None else _normalized(member, inside)
    return result


def _takes(value: object, wanted: Any) -> bool:
    try:
        msgspec.convert(value, wanted)
    except msgspec.ValidationError:
        return False
    return True


@cache
def _members_of(wanted: Any) -> tuple[dict[str, tuple[Any, bool]] | None, Any]:
    """For an object type: each member's type, and whether it may be blank; for a list type: the type of its items."""
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
    """All errors in the members of an object; for a list or a scalar, the first error."""
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
        yield Malformed(path, NOT_UNICODE)
    except msgspec.ValidationError as wrong:
        fault = _from_msgspec(str(wrong))
        allowed = [
            choice for one in (wanted, *get_args(wanted)) if get_origin(one) is Literal for choice in get_args(one)
        ]
        if allowed and not fault.field and isinstance(value, str):
            fault = Malformed("", f"must be one of {', '.join(allowed)}")
        yield Malformed(path + ("." if fault.field[:1] not in ("", "[") else "") + fault.field, fault.why)


_TYPE_NAMES = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "Exact": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
}


_BOUNDS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}


def _from_msgspec(message: str) -> Malformed:
    """A validation message of msgspec as ours: "Expected `str`, got `int` - at `$.a`" becomes "must be text, not …"."""
    what, _, where = message.partition(" - at `")
    field = where.rstrip("`").removeprefix("key").removeprefix("$").removeprefix(".")
    missing = re.fullmatch("Object missing required field `(.+)`", what)
    if missing:
        return Malformed(f"{field}.{missing[1]}" if field else missing[1], "is required")
    expected = re.fullmatch("Expected `(.+)`, got `(.+)`", what)
    if expected:
        wanted = [_TYPE_NAMES.get(name, name) for name in expected[1].split(" | ") if name != "null"]
        return Malformed(field, f"must be {' or '.join(wanted)}, not {_TYPE_NAMES.get(expected[2], expected[2])}")
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
        sentence = next((sentence for pattern, sentence in FORMS.items() if form[1] == repr(pattern)), None)
        return Malformed(field, sentence or "has characters that are not allowed here")
    if what.startswith("Invalid enum value"):
        return Malformed(field, f"is not one of the allowed values: {what.removeprefix('Invalid enum value ')}")
    return Malformed(field, what[:1].lower() + what[1:])
