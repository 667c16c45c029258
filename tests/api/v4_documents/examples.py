"""The vendor's examples, and the comparison of an answer with one: same fields in the same order, same types and values.

They are in printed/. Those that begin with "seed" are from the document of one-time payments, with one missing comma
added; the others are from the one-time payment reference, with random letters in their ids.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

PRINTED = Path(__file__).parent / "printed"
COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*')
SOON = timedelta(seconds=30)
"""Tolerance of instants: the gateway's clock starts at the printed instant and goes on until the request arrives."""
Check = Callable[[Any], bool]


def text(name: str) -> str:
    """The text of an example without its comments, which are not valid JSON."""
    return COMMENT.sub(lambda found: found[1] or "", (PRINTED / f"{name}.jsonc").read_text("utf-8"))


def example(name: str) -> dict[str, Any]:
    return json.loads(text(name))


def reproduces(printed: Any, answered: Any, known: dict[str, Check], ours: frozenset[str], at: str = "") -> None:
    """Checks that an answer has the printed fields in the printed order, with the printed types and values.

    `known` maps the path of each value that the request does not determine to its check. `ours` has the paths of fields
    that Gerbang adds to the example.
    """
    if at in known:
        assert known[at](answered), f"{at} is {answered!r}, printed is {printed!r}"
        return
    assert type(answered) is type(printed), f"{at} is {answered!r}, printed is {printed!r}"
    if isinstance(printed, dict):
        fields = cast("dict[str, Any]", answered)
        paths = {name: f"{at}.{name}".removeprefix(".") for name in fields}
        assert [name for name in fields if paths[name] not in ours] == list(cast("dict[str, Any]", printed)), at
        for name, value in cast("dict[str, Any]", printed).items():
            reproduces(value, fields[name], known, ours, paths[name])
    else:
        assert answered == printed, f"{at} is {answered!r}, printed is {printed!r}"


def like(pattern: str) -> Check:
    """A check that a value matches a regular expression."""
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def about(printed: str, form: str = "%Y-%m-%dT%H:%M:%S%z") -> Check:
    """A check for the printed instant, or at most `SOON` later, in the printed format and offset."""

    def check(value: Any) -> bool:
        instant, printed_instant = datetime.strptime(value, form), datetime.strptime(printed, form)
        return (
            len(value) == len(printed)
            and value[-6:] == printed[-6:]
            and printed_instant <= instant < printed_instant + SOON
        )

    return check


def the(wanted: object) -> Check:
    """A check for exactly this value, whatever the example prints."""
    return lambda value: value == wanted
