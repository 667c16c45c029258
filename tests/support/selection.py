"""Which tests `make test-fast` runs, and which come first: both follow from what a test needs."""

import ast
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

SLOW_MODULES = frozenset(
    {
        "gerbang.db.embedded",  # a PostgreSQL of its own
        "hypothesis",  # many examples
        "playwright.sync_api",  # a browser
        "schemathesis",
        "subprocess",
        "tests.support.clusters",
        "tests.support.programs",  # `gerbang` as a program
        "time",  # it waits, or measures
    }
)
"""What a file imports whose tests take long."""
SLOW_FIXTURES = frozenset({"browser", "data", "gateway", "moving_gateway", "own_postgres", "start"})
"""What takes long to make for each test, or is shared by tests that take long."""


def is_fast(item: pytest.Item) -> bool:
    """Whether a test needs nothing that takes long, or is marked `fast`: one of its kind that is always run."""
    if item.get_closest_marker("fast") is not None:
        return True
    return not _imported(item.path) & SLOW_MODULES and not SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ()))


@cache
def _imported(path: Path) -> frozenset[str]:
    """The modules that a file imports, those of `from … import` included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{each.name}" for each in node.names)
    return frozenset(found)


def slowest_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The tests by file, those files first that have the most slow tests: workers then end at about the same time."""
    slow = Counter(item.path for item in items if not is_fast(item))
    return sorted(items, key=lambda item: -slow[item.path])
