"""Makes typed values of what a TOML file holds, and reports everything that is wrong at once, each with its path."""

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin

import msgspec

from gerbang.connections_file.references import ReferenceWrong, resolve
from gerbang.domain.connections import Pem, Secret

S = TypeVar("S", bound=msgspec.Struct)
SHOWN_LENGTH_MAX = 40
"""A longer text is not shown again: it may be a secret in the wrong place."""
_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_WORDS: dict[Any, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "a text in quotes"}
_LISTS = (tuple, list, set, frozenset)
_WRONG = object()


class Fault(msgspec.Struct, frozen=True):
    """One member that is wrong: its path, such as `connections.bca-va.deadline_seconds`, and a sentence that goes on after it."""

    path: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.path} {self.sentence}" + ("" if self.sentence.endswith("?") else ".")


@dataclass
class Decoder:
    """Reads one file. Relative paths in it begin at `folder`. What is wrong becomes a fault, what is unsafe a remark."""

    folder: Path
    faults: list[Fault] = field(default_factory=list[Fault])
    remarks: list[Fault] = field(default_factory=list[Fault])

    def wrong(self, path: str, sentence: str) -> None:
        self.faults.append(Fault(path, sentence))

    def table(self, value: object, path: str) -> dict[str, Any]:
        """A table; an empty one, and a fault, where it is something else."""
        if isinstance(value, dict):
            return cast(dict[str, Any], value)
        self.wrong(path, f"must be a table{_shown(value)}")
        return {}

    def known(self, names: Iterable[str], table: Mapping[str, object], path: str) -> None:
        """Reports each member of a table that is not one of these names."""
        known = set(names)
        for key in table:
            if key not in known:
                self.wrong(joined(path, key), f"is not known: {suggestion(key, known, 'remove it')}")

    def struct(
        self, type_: type[S], value: object, path: str, given: Mapping[str, Any] | None = None, also: Iterable[str] = ()
    ) -> S | None:
        """A struct of the type, with `given` for members that are not read here; None where it cannot be made.

        `also` are members that were read before. A member that is wrong and may be left out counts as left out, so that the rest can still be shown.
        """
        before = len(self.faults)
        table = self.table(value, path)
        if not isinstance(value, dict):
            return None
        values, possible = dict(given or {}), True
        fields = [each for each in msgspec.structs.fields(type_) if each.name not in values]
        self.known([*(each.encode_name for each in fields), *also], table, path)
        for each in fields:
            at = joined(path, each.encode_name)
            if each.encode_name in table:
                read = self.value(each.type, table[each.encode_name], at)
                if read is not _WRONG:
                    values[each.name] = read
                    continue
            elif each.required:
                self.wrong(at, f"is missing: it must be {in_words(each.type)}")
            possible = possible and not each.required
        if not possible:
            return None
        try:
            return type_(**values)
        except ValueError as wrong:
            if len(self.faults) == before:  # else it may be wrong for what is reported already
                self.wrong(path, str(wrong).rstrip("."))
            return None

    def value(self, type_: Any, value: Any, path: str) -> Any:
        """What one member holds; `_WRONG`, and a fault, where it is not of the type."""
        type_ = _without_none(type_)
        if get_origin(type_) is Annotated and (get_origin(get_args(type_)[0]) in (*_LISTS, dict)):
            type_ = get_args(type_)[0]
        origin: Any = get_origin(type_)
        arguments: tuple[Any, ...] = get_args(type_)
        if type_ is Secret or type_ is Pem:
            return self._referenced(type_, value, path)
        if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
            made = self.struct(type_, value, path)
            return _WRONG if made is None else made
        if origin in _LISTS and (len(arguments) == 1 or arguments[1:] == (...,)):
            return self._list(origin, arguments[0], value, path)
        if origin is dict:
            read = {
                key: self.value(arguments[1], each, joined(path, key)) for key, each in self.table(value, path).items()
            }
            return _WRONG if any(each is _WRONG for each in read.values()) or not isinstance(value, dict) else read
        try:
            return msgspec.convert(value, cast(Any, type_))
        except msgspec.ValidationError:
            near = suggestion(value, _choices(type_), "")
            self.wrong(path, f"must be {in_words(type_)}{_shown(value)}{f': {near}' if near else ''}")
            return _WRONG

    def _list(self, origin: Any, element: Any, value: Any, path: str) -> Any:
        if not isinstance(value, list):
            self.wrong(path, f"must be a list in brackets{_shown(value)}")
            return _WRONG
        items = cast(list[Any], value)
        read = [self.value(element, each, f"{path}[{number}]") for number, each in enumerate(items, 1)]
        if origin is frozenset or origin is set:
            return cast(Any, origin)(each for each in read if each is not _WRONG)
        return _WRONG if any(each is _WRONG for each in read) else origin(read)

    def _referenced(self, type_: type[Secret] | type[Pem], value: Any, path: str) -> Any:
        try:
            found = resolve(value, self.folder, secret=type_ is Secret)
        except ReferenceWrong as wrong:
            self.wrong(path, str(wrong))
            return _WRONG
        if found.remark:
            self.remarks.append(Fault(path, found.remark))
        return type_(found.text, found.source, found.file)


def joined(path: str, key: str) -> str:
    """The path of a member, written as TOML has it."""
    name = key if _BARE.fullmatch(key) else json.dumps(key)
    return f"{path}.{name}" if path else name


def suggestion(word: object, known: Iterable[str], otherwise: str) -> str:
    """`did you mean …?` where a known word is near, else what else to do, with all that are known."""
    words = sorted(known)
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6) if isinstance(word, str) else []
    if near:
        return f"did you mean {near[0]}?"
    return f"{otherwise}, or use one of {', '.join(words)}" if otherwise and words else otherwise


def in_words(type_: Any) -> str:
    """What a member takes: as its type describes it, else by its kind."""
    type_ = _without_none(type_)
    if get_origin(type_) is Annotated:
        described = [each.description for each in type_.__metadata__ if isinstance(each, msgspec.Meta)]
        return next(filter(None, described), None) or in_words(get_args(type_)[0])
    if choices := _choices(type_):
        return f"one of {', '.join(choices)}"
    if type_ is Secret or type_ is Pem:
        return '{ file = "…" } or { env = "…" }'
    if get_origin(type_) in _LISTS:
        return f"a list in brackets, each {in_words(get_args(type_)[0])}"
    if type_ in _WORDS:
        return _WORDS[type_]
    return "a table" if _is_table(type_) else f"a value of the kind {type_}"


def _is_table(type_: Any) -> bool:
    return get_origin(type_) is dict or (isinstance(type_, type) and issubclass(type_, msgspec.Struct))


def _choices(type_: Any) -> tuple[str, ...]:
    return get_args(type_) if get_origin(type_) is Literal else ()


def _without_none(type_: Any) -> Any:
    """X of `X | None`: TOML has no null."""
    if get_origin(type_) in (Union, UnionType):
        rest = [each for each in get_args(type_) if each is not NoneType]
        if len(rest) == 1:
            return rest[0]
    return type_


def _shown(value: object) -> str:
    match value:
        case bool():
            return f", not {str(value).lower()}"
        case str() if len(value) <= SHOWN_LENGTH_MAX:
            return f", not {json.dumps(value, ensure_ascii=not value.isprintable())}"
        case str():
            return ", not a text that is longer"
        case dict():
            return ", not a table"
        case list():
            return ", not a list"
        case _:
            return f", not {str(value)[:SHOWN_LENGTH_MAX]}"
