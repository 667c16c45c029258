"""The sums of a partner's list against the lines in which they arrive."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Literal

import msgspec

from gerbang.domain.findings import Rules
from gerbang.domain.partner_lists import PartnerLine, Sum, sums_of
from gerbang.domain.remarks import CODE_CHARACTERS_MIN, Codes, normal
from gerbang.domain.statements import StatementLine


class Outcome(msgspec.Struct, frozen=True):
    """The line of one sum, or of all sums of a day; without a kind, both agree."""

    sums: tuple[Sum, ...]
    line: int | None
    kind: Literal["", "sum_differs", "sum_missing"] = ""


class Sums:
    """Sums that wait for their lines. A sum of nothing waits for none."""

    def __init__(self, rules: Rules, rows: Iterable[PartnerLine], lines: Mapping[int, StatementLine]) -> None:
        self._rules = rules
        self._waiting = {place: each for place, each in enumerate(sums_of(rows)) if each.net}
        self._lines = dict(lines)

    def compare(self) -> Iterator[Outcome]:
        """First by the batch in the remark, then by the amount, then by what else the remark says."""
        yield from self._by_batch()
        yield from self._by_amount([(place,) for place in self._waiting])
        days: dict[object, list[int]] = defaultdict(list)
        for place, each in self._waiting.items():
            days[each.settled_on].append(place)
        yield from self._by_amount([tuple(places) for places in days.values() if len(places) > 1])
        yield from self._by_words()
        yield from (Outcome((each,), None, "sum_missing") for each in self._waiting.values())

    def _by_batch(self) -> Iterator[Outcome]:
        batches: dict[str, list[int]] = defaultdict(list)
        for place, each in self._waiting.items():
            if len(code := normal(each.batch)) >= CODE_CHARACTERS_MIN:
                batches[code].append(place)
        codes = Codes.of(batches, batches)
        for number, line in list(self._lines.items()):
            named = [place for code in codes.found_in(line.text) for place in batches[code] if place in self._waiting]
            named = [place for place in named if self._same_way([place], line)]
            exact = [place for place in named if abs(self._waiting[place].net) == line.amount]
            if named:
                yield self._taken((exact or named)[:1], number, "" if exact else "sum_differs")

    def _by_amount(self, groups: Iterable[tuple[int, ...]]) -> Iterator[Outcome]:
        by_amount: dict[int, list[int]] = defaultdict(list)
        for number, line in self._lines.items():
            by_amount[line.signed].append(number)
        for group in groups:
            net = sum(self._waiting[place].net for place in group)
            fitting = [
                number for number in by_amount.get(net, ()) if number in self._lines and self._near(group, number)
            ]
            if fitting:
                yield self._taken(group, min(fitting, key=lambda number: self._lines[number].booked_on), "")

    def _by_words(self) -> Iterator[Outcome]:
        """A line that names the partner and has another amount, where one sum and one such line are left of those days."""
        words = [word.upper() for word in self._rules.sum_words]
        named: dict[date, list[int]] = defaultdict(list)
        for number, line in self._lines.items():
            if any(word in line.text.upper() for word in words):
                named[line.booked_on].append(number)
        settled: dict[date, list[int]] = defaultdict(list)
        for place, each in self._waiting.items() if named else ():
            settled[each.settled_on].append(place)
        for place in [place for places in settled.values() if len(places) == 1 for place in places]:
            day = self._waiting[place].settled_on
            lines = [number for other in self._days_of_arrival(day) for number in named.get(other, ())]
            rivals = [
                other
                for number in lines[:1]
                for days in range(-self._rules.sum_days_max, self._rules.days_apart + 1)
                for other in settled.get(self._lines[number].booked_on + timedelta(days), ())
                if other in self._waiting
            ]
            if len(lines) == 1 and len(rivals) == 1 and self._same_way([place], self._lines[lines[0]]):
                named[self._lines[lines[0]].booked_on].remove(lines[0])
                yield self._taken([place], lines[0], "sum_differs")

    def _days_of_arrival(self, settled_on: date) -> list[date]:
        return [settled_on + timedelta(days) for days in range(-self._rules.days_apart, self._rules.sum_days_max + 1)]

    def _near(self, group: Iterable[int], number: int) -> bool:
        settled = max(self._waiting[place].settled_on for place in group)
        days = (self._lines[number].booked_on - settled).days
        return -self._rules.days_apart <= days <= self._rules.sum_days_max

    def _same_way(self, group: Iterable[int], line: StatementLine) -> bool:
        return all((self._waiting[place].net > 0) == (line.direction == "credit") for place in group)

    def _taken(self, group: Iterable[int], number: int, kind: Literal["", "sum_differs"]) -> Outcome:
        del self._lines[number]
        return Outcome(tuple(self._waiting.pop(place) for place in group), number, kind)
