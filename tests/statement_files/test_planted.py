"""A month with planted errors gives exactly the planted findings, whatever the seed, whole or day by day."""

import time
import tracemalloc
from collections import Counter
from datetime import timedelta
from typing import get_args

import pytest
from msgspec.structs import replace

from gerbang import statement_files
from gerbang.domain import reconciliation
from gerbang.domain.findings import FindingKind, Reconciled
from gerbang.domain.statements import StatementLine, keyed
from gerbang.statement_files.planted import ACCOUNT, Month, month
from tests.statement_files import writers

SEEDS = range(1, 7)


def compared(month: Month) -> Reconciled:
    return reconciliation.compare(
        month.expected,
        month.lines,
        month.listed,
        connection="bank",
        first=month.first,
        last=month.last,
        rules=month.rules,
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_a_month_gives_exactly_the_planted_findings(seed: int) -> None:
    planted = month(seed)
    found = compared(planted).findings
    assert Counter((each.kind, each.about) for each in found) == Counter(planted.findings)
    assert Counter(each.kind for each in found) == dict.fromkeys(get_args(FindingKind), 5)
    assert len({each.key for each in found}) == len(found) == 60


def test_a_month_without_errors_has_no_findings() -> None:
    planted = month(7, of_each_kind=0)
    assert len(planted.expected) > 5_000
    assert compared(planted).findings == ()


def test_the_same_seed_makes_the_same_month_and_another_seed_another_one() -> None:
    assert month(1, 200, 1) == month(1, 200, 1) != month(2, 200, 1)


def test_day_by_day_gives_the_same_findings_as_the_whole_month() -> None:
    planted = month(3)
    around = timedelta(days=8)
    found: Counter[tuple[FindingKind, str]] = Counter()
    for number in range((planted.last - planted.first).days + 1):
        day = planted.first + timedelta(days=number)
        first, last = day - around, day + around
        near = Month(
            expected=tuple(each for each in planted.expected if first <= each.day <= last),
            lines={key: line for key, line in planted.lines.items() if first <= line.booked_on <= last},
            listed=tuple(row for row in planted.listed if first <= row.listed_on <= last),
            findings=frozenset(),
            rules=planted.rules,
            first=day,
            last=day,
        )
        found.update((each.kind, each.about) for each in compared(near).findings)
    assert found == Counter(planted.findings)


def test_a_month_that_went_through_files_of_its_bank_gives_the_same_findings() -> None:
    planted = month(4)
    booked = [line for line in planted.lines.values() if not line.pending]
    middle = len(booked) // 2
    known: dict[str, StatementLine] = {}
    # Two files that overlap, the second of them twice.
    for part in (booked[: middle + 300], booked[middle:], booked[middle:]):
        for statement in statement_files.read(writers.bri(part, account=ACCOUNT).encode()):
            known |= keyed(statement.lines)
    assert len(known) == len(booked)
    read_again = replace(planted, lines=known)
    assert Counter((each.kind, each.about) for each in compared(read_again).findings) == Counter(planted.findings)


@pytest.mark.slow
def test_twenty_thousand_lines_take_a_few_seconds_and_little_memory() -> None:
    planted = month(5, 20_000)
    assert len(planted.lines) > 15_000
    tracemalloc.start()
    started = time.thread_time()
    found = compared(planted)
    seconds, (_, peak) = time.thread_time() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert Counter((each.kind, each.about) for each in found.findings) == Counter(planted.findings)
    # Memory is measured meanwhile, which takes most of the time.
    assert seconds < 20
    assert peak < 60 * 2**20
