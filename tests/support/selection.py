"""Which tests `make test-fast` runs, and which come first: both follow from what a test needs."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

SLOW_MODULES = frozenset(
    {
        "gerbang.db.embedded",  # a PostgreSQL of its own
        "playwright.sync_api",  # a browser
        "schemathesis",
        "subprocess",
        "tests.support.clusters",
        "tests.support.programs",  # `gerbang` as a program
        "time",  # it waits, or measures
    }
)
"""What a file imports whose tests take long."""
SLOW_FIXTURES = frozenset({"browser", "data", "gateway", "moving_gateway", "own_postgres", "start", "strangers"})
"""What takes long to make for each test, or is shared by tests that take long."""
PARAMETERS_MAX = 1
EXAMPLES_FAST = 10
"""So many examples hypothesis makes of what says no number itself."""
FAST_MARK = "mark.fast"
IMPORTS = re.compile(r"(?m)^\s*(?:from ([\w.]+) )?import (\([^)]*\)|.*)")


def is_fast(item: pytest.Item) -> bool:
    """Whether a test needs nothing that takes long. What it is marked with, `fast` or `slow`, comes first."""
    if item.get_closest_marker("fast") is not None:
        return True
    if item.get_closest_marker("slow") is not None:
        return False
    needs: set[str] = set(getattr(item, "fixturenames", ()))
    imported = _imported(item.path)
    is_repeated = "hypothesis" in imported and "databases" in needs  # many examples, each with a database
    return not is_repeated and not imported & SLOW_MODULES and not needs & SLOW_FIXTURES


def is_all_slow(path: Path) -> bool:
    """Whether no test of a file is fast by what the file says alone."""
    return path.name.startswith("test_") and bool(_imported(path) & SLOW_MODULES) and FAST_MARK not in _text(path)


@cache
def _text(path: Path) -> str:
    return path.read_text("utf-8")


@cache
def _imported(path: Path) -> frozenset[str]:
    """The modules that a file imports, those of `from … import` included."""
    found: set[str] = set()
    # By its lines: to parse every file of the tests would take a second before the first of them.
    for module, names in IMPORTS.findall(_text(path)):
        each = {name.split(" as ")[0].strip() for name in names.strip("()").split(",")}
        found |= {module, *(f"{module}.{name}" for name in each)} if module else each
    return frozenset(found)


def first_few(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Of a test that has many parameters, the first."""
    seen: Counter[tuple[Path, str]] = Counter()
    kept: list[pytest.Item] = []
    for item in items:
        name = item.path, item.name.partition("[")[0]
        seen[name] += 1
        if seen[name] <= PARAMETERS_MAX:
            kept.append(item)
    return kept


def slowest_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The tests by file, those files first that have the most slow tests: workers then end at about the same time."""
    slow = Counter(item.path for item in items if not is_fast(item))
    return sorted(items, key=lambda item: -slow[item.path])
