"""Documents: every path that they name exists, and every state, kind and outcome of the domain is in docs/words.md."""

import ast
import re
from pathlib import PurePosixPath

from .source import ROOT, File, parsed, python_files, tracked_paths, tracked_texts

WORDS = "docs/words.md"
KINDS_OF_WORD = frozenset({"State", "Kind", "Outcome"})
NAMED_PATH = re.compile(r"`((?:gerbang|tests|docs|benchmarks)/[\w./-]+)`")
LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)[^)]*\)")


def domain_words(file: File) -> list[tuple[int, str]]:
    """Line and text of every value of the domain's `State`, `Kind` and `Outcome` types."""
    found: list[tuple[int, str]] = []
    for node in file.tree.body:
        if isinstance(node, ast.Assign) and {ast.unparse(target) for target in node.targets} & KINDS_OF_WORD:
            constants = (each for each in ast.walk(node.value) if isinstance(each, ast.Constant))
            found += [(each.lineno, each.value) for each in constants if isinstance(each.value, str)]
    return found


def unlisted(file: File, document: str) -> list[str]:
    return [
        f"{file.path}:{line}: {word!r} has no line in {WORDS}"
        for line, word in domain_words(file)
        if f"`{word}`" not in document
    ]


def dead_paths(path: str, text: str, existing: frozenset[str]) -> list[str]:
    """Files and folders that a document names, in backticks or as a link, and that do not exist."""
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


def dead_functions(path: str, text: str) -> list[str]:
    """Functions that a document names as `gerbang/file.py:function`, and that the file does not have."""
    return [
        f"{path}: {file}:{name} is named and does not exist"
        for file, name in re.findall(r"`(gerbang/[\w/]+\.py):(\w+)`", text)
        if not re.search(rf"^\s*(?:async )?def {name}\b", (ROOT / file).read_text(), re.MULTILINE)
    ]


def existing_paths() -> frozenset[str]:
    folders = {str(parent) for path in tracked_paths() for parent in PurePosixPath(path).parents}
    return frozenset(tracked_paths()) | folders


def test_every_state_event_and_outcome_is_in_the_list_of_words() -> None:
    document = dict(tracked_texts())[WORDS]
    files = python_files("gerbang/domain")
    assert sum(len(domain_words(file)) for file in files) > 20, "the domain's words were not found"
    assert [violation for file in files for violation in unlisted(file, document)] == []


def test_documents_name_what_exists() -> None:
    # Decisions and the changelog describe the past, so they may name what no longer exists.
    documents = [
        (path, text)
        for path, text in tracked_texts()
        if path.endswith(".md") and not path.startswith("docs/decisions/") and path != "CHANGELOG.md"
    ]
    assert documents
    existing = existing_paths()
    assert [violation for path, text in documents for violation in dead_paths(path, text, existing)] == []
    assert [violation for path, text in documents for violation in dead_functions(path, text)] == []


def test_a_word_that_is_not_listed_is_found() -> None:
    file = parsed("gerbang/domain/a.py", 'from typing import Literal\nState = Literal["awake", "asleep"]\nx = "other"')
    assert [message.split()[1] for message in unlisted(file, "| `awake` | asleep |")] == ["'asleep'"]


def test_a_function_that_does_not_exist_is_found() -> None:
    text = "`gerbang/ids.py:uuid7` and `gerbang/ids.py:uuid9`"
    assert dead_functions("a.md", text) == ["a.md: gerbang/ids.py:uuid9 is named and does not exist"]


def test_a_path_that_does_not_exist_is_found() -> None:
    existing = frozenset({"docs/a.md", "docs", "gerbang/ids.py"})
    text = "See `gerbang/ids.py`, `docs/`, `gerbang/<name>.py`, [a](a.md#top), [b](https://shop.test/b)."
    assert dead_paths("docs/b.md", text, existing) == []
    for dead in ("`gerbang/gone.py`", "[gone](gone.md)", "[gone](../gone.md)", "[gone](recipes/gone.md)"):
        assert len(dead_paths("docs/b.md", dead, existing)) == 1, dead
