"""Documents: what they name exists, and what exists in the domain has its line among the words."""

import ast
import re
from pathlib import PurePosixPath

from .source import File, parsed, python_files, tracked_paths, tracked_texts

WORDS = "docs/words.md"
KINDS_OF_WORD = frozenset({"State", "Kind", "Outcome"})
NAMED_PATH = re.compile(r"`((?:gerbang|tests|docs|benchmarks)/[\w./-]+)`")
LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)[^)]*\)")


def spoken_words(file: File) -> list[tuple[int, str]]:
    """Line and text of every word that the domain lists as a state, a kind or an outcome."""
    found: list[tuple[int, str]] = []
    for node in file.tree.body:
        if isinstance(node, ast.Assign) and {ast.unparse(target) for target in node.targets} & KINDS_OF_WORD:
            constants = (each for each in ast.walk(node.value) if isinstance(each, ast.Constant))
            found += [(each.lineno, each.value) for each in constants if isinstance(each.value, str)]
    return found


def unlisted(file: File, document: str) -> list[str]:
    return [
        f"{file.path}:{line}: {word!r} has no line in {WORDS}"
        for line, word in spoken_words(file)
        if f"`{word}`" not in document
    ]


def dead_paths(path: str, text: str, existing: frozenset[str]) -> list[str]:
    """Files and folders that a document names, in backticks or as a link, and that are not there."""
    named = {found.rstrip("/.") for found in NAMED_PATH.findall(text)}
    for link in LINK.findall(text):
        steps: list[str] = [] if link.startswith("/") else list(PurePosixPath(path).parent.parts)
        for step in PurePosixPath(link.lstrip("/")).parts:
            if step == "..":
                steps = steps[:-1]
            else:
                steps.append(step)
        named.add("/".join(steps))
    return [f"{path}: {name} is named and does not exist" for name in sorted(named - existing)]


def everything_there() -> frozenset[str]:
    folders = {str(parent) for path in tracked_paths() for parent in PurePosixPath(path).parents}
    return frozenset(tracked_paths()) | folders


def test_every_state_event_and_outcome_is_among_the_words() -> None:
    document = dict(tracked_texts())[WORDS]
    files = python_files("gerbang/domain")
    assert sum(len(spoken_words(file)) for file in files) > 20, "the domain's words were not found"
    assert [breach for file in files for breach in unlisted(file, document)] == []


def test_documents_name_what_exists() -> None:
    # Decisions are never edited, so they may name what has gone since.
    documents = [
        (path, text)
        for path, text in tracked_texts()
        if path.endswith(".md") and not path.startswith("docs/decisions/") and path != "CHANGELOG.md"
    ]
    assert documents
    there = everything_there()
    assert [breach for path, text in documents for breach in dead_paths(path, text, there)] == []


def test_a_word_without_a_line_is_seen() -> None:
    file = parsed("gerbang/domain/a.py", 'from typing import Literal\nState = Literal["awake", "asleep"]\nx = "other"')
    assert [said.split()[1] for said in unlisted(file, "| `awake` | asleep |")] == ["'asleep'"]


def test_a_dead_path_is_seen() -> None:
    there = frozenset({"docs/a.md", "docs", "gerbang/ids.py"})
    text = "See `gerbang/ids.py`, `docs/`, `gerbang/<name>.py`, [a](a.md#top), [b](https://shop.test/b)."
    assert dead_paths("docs/b.md", text, there) == []
    for dead in ("`gerbang/gone.py`", "[gone](gone.md)", "[gone](../gone.md)", "[gone](recipes/gone.md)"):
        assert len(dead_paths("docs/b.md", dead, there)) == 1, dead
