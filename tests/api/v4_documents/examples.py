"""The vendor's printed examples, and how an answer is laid beside one: same fields, same order, same types, same values.

They stand in printed/: those that begin with "seed" are the document of one-time payments, with the one comma that its
request forgets; the others are the one-time-payment reference's, with letters of chance in their ids.
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
"""The clock starts at the printed instant and ticks; a gateway needs a moment to be asked."""
Check = Callable[[Any], bool]


def text(name: str) -> str:
    """An example without its comments, which are no JSON."""
    return COMMENT.sub(lambda found: found[1] or "", (PRINTED / f"{name}.jsonc").read_text("utf-8"))


def example(name: str) -> dict[str, Any]:
    return json.loads(text(name))


def reproduces(printed: Any, answered: Any, known: dict[str, Check], ours: frozenset[str], at: str = "") -> None:
    """Demands the printed fields in the printed order, the printed types, and the printed values.

    `known` holds the paths of values that no request determines, and what must be true of each instead; `ours` the paths
    of fields that the example does not have.
    """
    if at in known:
        assert known[at](answered), f"{at} is {answered!r}, printed is {printed!r}"
        return
    assert type(answered) is type(printed), f"{at} is {answered!r}, printed is {printed!r}"
    if isinstance(printed, dict):
        said = cast("dict[str, Any]", answered)
        paths = {name: f"{at}.{name}".removeprefix(".") for name in said}
        assert [name for name in said if paths[name] not in ours] == list(cast("dict[str, Any]", printed)), at
        for name, value in cast("dict[str, Any]", printed).items():
            reproduces(value, said[name], known, ours, paths[name])
    else:
        assert answered == printed, f"{at} is {answered!r}, printed is {printed!r}"


def like(pattern: str) -> Check:
    """Of chance, but in this form."""
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def about(printed: str, form: str = "%Y-%m-%dT%H:%M:%S%z") -> Check:
    """The printed instant in the printed form and offset, some seconds later at most."""

    def holds(value: Any) -> bool:
        told, wanted = datetime.strptime(value, form), datetime.strptime(printed, form)
        return len(value) == len(printed) and value[-6:] == printed[-6:] and wanted <= told < wanted + SOON

    return holds


def the(wanted: object) -> Check:
    """Exactly this, whatever is printed."""
    return lambda value: value == wanted
