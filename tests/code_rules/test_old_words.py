"""Words that were replaced by the trade's standard terms must not come back: in names, in prose or in file names.

A word is found inside snake_case and CamelCase too. What a word means is in docs/words.md.
"""

import re
from collections.abc import Iterator
from functools import cache

import pytest

from .source import File, identifiers, parsed, python_files, tracked_texts

RECORDS = "say ledger, accounts or records"
EVENTS = "say event, callback, notify, sent or received"
OLD_WORDS: dict[str, str] = {
    **dict.fromkeys(("house", "houses"), "say Gerbang, the gateway, this process, the platform or the code"),
    **dict.fromkeys(("judge", "judges", "judged", "judging"), "say classify, check or decide"),
    **dict.fromkeys(("tell", "tells", "told", "telling"), "say show, return, answer, send or report"),
    **dict.fromkeys(("hear", "hears", "heard", "hearing"), EVENTS),
    **dict.fromkeys(("till", "tills"), "say retail outlet"),
    **dict.fromkeys(("tally", "tallies"), "say counter"),
    **dict.fromkeys(("wish", "wishes"), "say CodeRequest or request"),
    **dict.fromkeys(("ladder", "ladders"), "say retry schedule"),
    **dict.fromkeys(("purse", "purses"), "say balance or account"),
    **dict.fromkeys(("street", "streets"), "name the thing itself"),
    **dict.fromkeys(("truth", "truths"), "say invariant"),
    **dict.fromkeys(("voice", "voices"), "say CallbackFormat"),
    **dict.fromkeys(("pulse", "pulses"), "say page version"),
    **dict.fromkeys(("desk", "desks"), "say endpoints"),
    **dict.fromkeys(("dealing", "dealings"), "say offer"),
    "books": RECORDS,
    "facts": "say spec",
    "news": EVENTS,
    "standing": "say static",
}
"""Old word -> what to write instead. Banned in every tracked text file."""

OLD_NAMES: dict[str, str] = {
    "Block": "say Instructions",
    "Commands": "say Batches",
    "Cursors": "say NumberAllocator",
    "Front": "say Router",
    "Opening": "say CodePlan",
    "Seals": "say Keyring",
}
"""Old name -> what to write instead. These are plain English in lower case, so banned only in CamelCase names in Python."""

OLD_PHRASE = re.compile(r"(?<!MONEY\.)\b(?:set|sets|setting)[ _-]aside\b", re.IGNORECASE)
"""Money is held in suspense; for a payout it is reserved. The callback MONEY.SET_ASIDE keeps its name on the wire."""

EXCEPTIONS: dict[tuple[str, str], str] = {
    ("tests/code_rules/test_old_words.py", "*"): "this list itself",
    ("gerbang/web/checkout/guides/", "tell"): "what a buyer says to a cashier",
    ("gerbang/statement_files/bri.py", "desk"): "the name of a column in BRI's files, DESK_TRAN",
    ("tests/statement_files/writers.py", "desk"): "the name of a column in BRI's files, DESK_TRAN",
}
"""(path or folder with a slash, word; `*` for all) -> why it is right there. One that is not needed fails a test."""

WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

Found = tuple[str, int, str]
"""Path, line (0 for the path itself) and old word."""


def words_in(text: str) -> list[str]:
    """The words of a text as they are written; snake_case and CamelCase names are split."""
    return WORD.findall(text)


def old_words(path: str, text: str) -> Iterator[Found]:
    """Every old word and phrase in a path and in the text of its file."""
    lines = (path, *text.splitlines())
    # Splitting lines into words is slow, so only lines that contain the letters of an old word are split.
    spelled = "\n".join(lines).lower()
    candidates = [word for word in (*OLD_WORDS, "aside") if word in spelled]
    for number, line in enumerate(lines):
        if candidates and any(word in line.lower() for word in candidates):
            yield from ((path, number, word.lower()) for word in words_in(line) if word.lower() in OLD_WORDS)
            yield from ((path, number, "set aside") for _ in OLD_PHRASE.finditer(line))


def old_names(file: File) -> Iterator[Found]:
    """Every CamelCase name in a Python file that has a word which is only banned there."""
    if not any(word in file.text for word in OLD_NAMES):
        return
    for line, name in identifiers(file):
        yield from ((file.path, line, word) for word in words_in(name) if word in OLD_NAMES)


def excepted_by(path: str, word: str) -> set[tuple[str, str]]:
    """The entries of EXCEPTIONS that allow a word in a file."""
    return {
        (where, which)
        for where, which in EXCEPTIONS
        if which in ("*", word) and (path == where or (where.endswith("/") and path.startswith(where)))
    }


@cache
def everything_found() -> tuple[Found, ...]:
    """Every old word and name in the repository, exceptions included."""
    in_texts = [found for path, text in tracked_texts() for found in old_words(path, text)]
    in_names = [found for file in python_files("gerbang", "tests", "benchmarks") for found in old_names(file)]
    return (*in_texts, *in_names)


def complaint(path: str, line: int, word: str) -> str:
    instead = OLD_WORDS.get(word) or OLD_NAMES.get(word) or "say held in suspense, or reserved for a payout"
    return f"{path}:{line}: {word!r} is an old word; {instead}"


@pytest.mark.slow
def test_no_old_word_is_used() -> None:
    found = [each for each in everything_found() if not excepted_by(each[0], each[2])]
    assert [complaint(*each) for each in found] == []


@pytest.mark.slow
def test_every_exception_is_still_needed_and_explained() -> None:
    used = {entry for path, _, word in everything_found() for entry in excepted_by(path, word)}
    assert EXCEPTIONS.keys() - used == set()
    assert all(len(reason.split()) >= 3 for reason in EXCEPTIONS.values())


@pytest.mark.parametrize(
    "text",
    [
        "the whole house",
        "HOUSE = 1",
        "def house_of(x): ...",
        "class FrontDesk: ...",
        "shopHouse",
        "it is told twice",
        "a static_pulse",
        "money is set aside",
        "set_aside = 1",
    ],
)
def test_an_old_word_is_found(text: str) -> None:
    assert len(list(old_words("docs/a.md", f"first line\n{text}"))) == 1


@pytest.mark.parametrize(
    "text",
    ["an invoice", "outstanding", "a warehouse", "unheard", "until", "MONEY.SET_ASIDE", "a bookshop", "newsletter"],
)
def test_a_word_that_only_contains_an_old_word_is_allowed(text: str) -> None:
    assert list(old_words("docs/a.md", text)) == []


def test_an_old_word_in_a_path_is_found() -> None:
    assert list(old_words("tests/program_books.py", "")) == [("tests/program_books.py", 0, "books")]


@pytest.mark.parametrize(
    "text", ["class Front: ...", "x = Opening()", "def plan(block: Block): ...", "from a import NumberCursors"]
)
def test_an_old_class_name_is_found_and_the_same_word_in_lower_case_is_allowed(text: str) -> None:
    assert list(old_names(parsed("gerbang/a.py", text)))
    assert list(old_names(parsed("gerbang/a.py", '"""Front matter. Blocks."""\nblock = cursors = opening = 1'))) == []
