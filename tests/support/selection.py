"""Which tests `make test-fast` runs, and which come first: both follow from what a test needs."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
SLOW_MODULES = frozenset(
    {
        "gerbang.db.embedded",  # a PostgreSQL of its own
        "playwright.sync_api",  # a browser
        "schemathesis",
        "subprocess",
        "tests.support.clusters",
        "tests.support.fuzzing",
        "tests.support.programs",  # `gerbang` as a program
        "time",  # it waits, or measures
    }
)
"""What a file imports whose tests take long."""
SLOW_FIXTURES = frozenset({"browser", "data", "gateway", "moving_gateway", "own_postgres", "start", "strangers"})
"""What takes long to make for each test, or is shared by tests that take long."""
LONGEST = (
    "web/checkout",  # with one browser for all, which is closed where another folder's file comes between
    *("services/test_state_machine.py", "api/test_fuzz_sessions.py", "journeys/test_codes_over_snap.py", "test_run.py"),
    *("journeys/test_crash_between_steps.py", "journeys/test_crash.py", "workers/test_fairness.py"),
    *("db/test_embedded.py", "api/test_fuzz_documents.py", "services/test_payouts_left_behind.py", "test_output.py"),
    *("journeys/test_crash_at_the_bank.py", "db/test_failover.py", "channels/test_toy_channel.py"),
    *("api/test_generated_clients.py", "test_stopping.py", "api/test_fuzz_sandbox.py"),
)
"""The files that take longest, which is not seen in what they need, and folders; measured on two cores, the longest first."""
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
    """The tests by file, those files first that take longest or have most slow tests: workers then end at about the same time."""
    slow = Counter(item.path for item in items if not is_fast(item))
    places = {TESTS / name: place for place, name in enumerate(LONGEST)}
    assert all(path.exists() for path in places), "what is named in LONGEST has another name now"

    def place(path: Path) -> int:
        return places.get(path, places.get(path.parent, len(places)))

    return sorted(items, key=lambda item: (place(item.path), -slow[item.path]))
