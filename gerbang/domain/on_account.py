"""Our ledger against the statement of the account: each step explains lines that the steps before have left."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from gerbang.domain.findings import By, Expected, Finding, FindingKind, Match, Rules
from gerbang.domain.on_rows import lines_of
from gerbang.domain.on_sums import Sums
from gerbang.domain.pairs import pairs
from gerbang.domain.partner_lists import PartnerLine
from gerbang.domain.remarks import CODE_CHARACTERS_MIN, Codes, normal
from gerbang.domain.statements import Direction, StatementLine

ALONE_MAX = 8
"""A reference of more movements than this is no reference but a number."""
LOOKED_AT_MAX = 50
"""Of movements that share a number and a day, as many are looked at for one line."""

Equal = tuple[str, Direction, int]
"""Code, direction and amount: what has all three in common differs by its day only."""


class Account:
    """The lines of an account and what we expected of them; places in both lists stand for their entries."""

    def __init__(
        self, connection: str, rules: Rules, expected: list[Expected], lines: Mapping[str, StatementLine]
    ) -> None:
        self._connection = connection
        self._rules = rules
        self._expected = expected
        booked = [(key, line) for key, line in lines.items() if not line.pending]
        booked.sort(key=lambda each: (each[1].booked_on, each[1].position, each[0]))
        self._keys = [key for key, _ in booked]
        self._lines = [line for _, line in booked]
        self._days = [line.booked_on.toordinal() for line in self._lines]
        self._expected_days = [each.day.toordinal() for each in expected]
        self._matched: list[int | None] = [None] * len(expected)
        self._left: dict[int, None] = dict.fromkeys(range(len(booked)))
        """The lines that nothing explains so far, in their order."""
        self._by_reference, self._by_number = _codes(expected)
        known = {*self._by_reference, *self._by_number}
        codes = Codes.of(known, known)
        self._found = [_found(codes, line) for line in self._lines]
        self.findings: list[Finding] = []
        self.matches: list[Match] = []

    def by_reference(self) -> None:
        """Lines whose remark has a reference of ours, with the amount that was expected."""
        for line in list(self._left):
            same = [
                place
                for place in self._referred(line)
                if self._fits(place, line) and self._expected[place].amount == self._lines[line].amount
            ]
            if same:
                nearest = min(same, key=lambda place: (abs(self._days[line] - self._expected_days[place]), place))
                self._match(nearest, line, "reference")

    def by_number(self) -> None:
        """Lines whose remark has a number of ours, with an amount that was expected on it: first within the usual days."""
        usual = self._rules.days_apart
        for late in (usual, max(usual, self._rules.days_late_max)):
            there: dict[Equal, list[int]] = defaultdict(list)
            for line in self._left:
                for code in self._found[line]:
                    if code in self._by_number:
                        there[code, self._lines[line].direction, self._lines[line].amount].append(line)
            here = self._waiting({code for code, _, _ in there})
            for what, lines in there.items():
                self._pair(here.get(what, []), lines, usual, late)

    def _waiting(self, codes: Iterable[str]) -> dict[Equal, list[int]]:
        found: dict[Equal, list[int]] = defaultdict(list)
        for code in codes:
            for place in self._by_number[code]:
                if self._matched[place] is None:
                    each = self._expected[place]
                    found[code, each.direction, each.amount].append(place)
        return found

    def _pair(self, places: list[int], lines: list[int], early: int, late: int) -> None:
        # A movement with two numbers may have been found by the other one meanwhile.
        places = [place for place in places if self._matched[place] is None]
        lines = [line for line in lines if line in self._left]
        ours, theirs = [self._expected_days[place] for place in places], [self._days[line] for line in lines]
        for place, line in pairs(ours, theirs, early, late):
            self._match(places[place], lines[line], "number")

    def other_amounts_and_doubles(self) -> None:
        """Lines that have a code of ours and are not what was expected: another amount, twice, or the other way round."""
        for line in list(self._left):
            if self._found[line] and not self._is_bank_fee(line):
                self._other(line)

    def _is_bank_fee(self, line: int) -> bool:
        movement = self._lines[line]
        if movement.direction != "debit" or movement.amount not in self._rules.bank_fees:
            return False
        del self._left[line]
        self.matches.append(Match("fee", line_key=self._keys[line]))
        return True

    def _other(self, line: int) -> None:
        amount = self._lines[line].amount
        referred = self._referred(line)
        known = referred or list(self._numbered(line))
        same_way = [place for place in known if self._expected[place].direction == self._lines[line].direction]
        free = [place for place in same_way if self._matched[place] is None]
        # A number alone says which payment it was only where one payment waits on it.
        if free and (referred or len(free) == 1):
            self._match(free[0], line, "reference" if referred else "number")
            if not self._expected[free[0]].unsure:
                self._find("amount_differs", free[0], line)
        elif equal := [place for place in same_way if self._expected[place].amount == amount]:
            self._find("double", equal[0], line)
        elif other_way := [place for place in known if place not in same_way and self._is_return(place, amount)]:
            self._find("returned", other_way[0], line)
        elif self._lines[line].direction == "credit" and not referred:
            self._find("missing_here", known[0] if known else None, line)
        else:
            self._find_unexplained(line, known[0] if known else None)

    def _is_return(self, place: int, amount: int) -> bool:
        each = self._expected[place]
        # A bank may keep its fee of a payout that comes back, so less than was sent may come.
        return each.amount == amount or (each.direction == "debit" and amount < each.amount)

    def sums(self, rows: Iterable[PartnerLine]) -> None:
        """The sums of a partner's list, which arrive as one line each."""
        sums = Sums(self._rules, rows, {line: self._lines[line] for line in self._left if not self._found[line]})
        for outcome in sums.compare():
            line = outcome.line
            key = self._keys[line] if line is not None else ""
            if line is not None:
                del self._left[line]
                self.matches.extend(Match("sum", line_key=key, batch=each.batch) for each in outcome.sums)
            if outcome.kind:
                first = outcome.sums[0]
                self.findings.append(
                    Finding(
                        kind=outcome.kind,
                        where="account",
                        owner="operator",
                        connection=self._connection,
                        day=first.settled_on,
                        line_key=key,
                        line=self._lines[line] if line is not None else None,
                        batch=first.batch or first.settled_on.isoformat(),
                        ours=abs(first.net),
                        theirs=self._lines[line].amount if line is not None else None,
                    )
                )

    def by_amount_and_day(self) -> None:
        """Lines without any code of ours whose amount and day fit exactly one movement, which no other line fits."""
        waiting: dict[tuple[Direction, int], list[tuple[int, int]]] = defaultdict(list)
        for place, each in enumerate(self._expected):
            if self._matched[place] is None and not each.unsure:
                waiting[each.direction, each.amount].append((self._expected_days[place], place))
        there: dict[tuple[Direction, int], list[tuple[int, int]]] = defaultdict(list)
        for line in self._left:
            if not self._found[line]:
                there[self._lines[line].direction, self._lines[line].amount].append((self._days[line], line))
        for what, lines in there.items():
            places, lines_in_order = sorted(waiting.get(what, ())), sorted(lines)
            for day, line in lines_in_order:
                fitting = self._around(places, day)
                if len(fitting) == 1 and len(self._around(lines_in_order, fitting[0][0])) == 1:
                    self._match(fitting[0][1], line, "amount_and_day")

    def _around(self, dated: list[tuple[int, int]], day: int) -> list[tuple[int, int]]:
        """Up to two of those within the usual days; a third would change nothing."""
        start = bisect_left(dated, (day - self._rules.days_apart, -1))
        end = bisect_right(dated, (day + self._rules.days_apart + 1, -1))
        return dated[start : min(end, start + 2)]

    def explain(self, unknown: Iterable[PartnerLine]) -> None:
        """Rows of the partner's list that our ledger does not know, with the lines of their money where there are any."""
        rows = list(unknown)
        line_of: dict[int, int] = {}
        if not self._rules.list_in_sums:
            line_of = lines_of(rows, {line: self._lines[line] for line in self._left}, self._rules.days_apart)
        for line in line_of.values():
            del self._left[line]
        for place, row in enumerate(rows):
            line = line_of.get(place)
            self.findings.append(
                Finding(
                    kind="missing_here",
                    where="list",
                    owner="operator",
                    connection=self._connection,
                    day=row.listed_on,
                    line_key=self._keys[line] if line is not None else "",
                    line=self._lines[line] if line is not None else None,
                    partner_line=row,
                    theirs=row.gross,
                )
            )

    def rest(self) -> list[Finding]:
        """All findings, with what is left on both sides."""
        for line in list(self._left):
            # Many banks print nothing beside their fee, so its amount alone says what it is.
            if not self._is_bank_fee(line):
                self._find_unexplained(line, None)
        for place, each in enumerate(self._expected):
            if self._matched[place] is None and not each.unsure:
                self.findings.append(
                    Finding("missing_there", "account", "operator", self._connection, each.day, each, ours=each.amount)
                )
        return self.findings

    def _referred(self, line: int) -> list[int]:
        """The movements whose reference is in the remark, those of the longest code first."""
        return [place for code in self._found[line] for place in self._by_reference.get(code, ())]

    def _numbered(self, line: int) -> Iterator[int]:
        """The movements on a number in the remark, those of the usual days only and the nearest first."""
        apart = range(-self._rules.days_apart, self._rules.days_apart + 1)
        for days in sorted(apart, key=lambda days: (abs(days), days < 0)):
            for code in self._found[line]:
                day = self._days[line] - days
                places = self._by_number.get(code, [])
                start = bisect_left(places, day, key=self._expected_days.__getitem__)
                for place in places[start : start + LOOKED_AT_MAX]:
                    if self._expected_days[place] != day:
                        break
                    yield place

    def _fits(self, place: int, line: int) -> bool:
        return self._matched[place] is None and self._expected[place].direction == self._lines[line].direction

    def _match(self, place: int, line: int, by: By) -> None:
        self._matched[place] = line
        del self._left[line]
        days = self._days[line] - self._expected_days[place]
        self.matches.append(Match(by, self._expected[place].key, self._keys[line], days=days))
        if self._expected[place].unsure:
            self._find_unexplained(line, place)
        elif abs(days) > self._rules.days_apart:
            self._find("late_day", place, line)

    def _find_unexplained(self, line: int, place: int | None) -> None:
        credit = self._lines[line].direction == "credit"
        self._find("unexplained_credit" if credit else "unexplained_debit", place, line)

    def _find(self, kind: FindingKind, place: int | None, line: int) -> None:
        self._left.pop(line, None)
        expected = self._expected[place] if place is not None else None
        movement = self._lines[line]
        of_ours = expected is not None and kind in ("amount_differs", "late_day")
        self.findings.append(
            Finding(
                kind=kind,
                where="account",
                owner="merchant" if kind == "returned" and expected and expected.kind == "payout" else "operator",
                connection=self._connection,
                day=expected.day if of_ours and expected else movement.booked_on,
                expected=expected,
                line_key=self._keys[line],
                line=movement,
                ours=expected.amount if expected else None,
                theirs=movement.amount,
            )
        )


def _codes(expected: list[Expected]) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """The movements of each reference and of each number, in the order of their days."""
    references: dict[str, list[int]] = {}
    numbers: dict[str, list[int]] = {}
    in_order = sorted(range(len(expected)), key=lambda place: expected[place].day)
    for place in in_order:
        each = expected[place]
        for spelled, codes in ((each.references, references), (each.numbers, numbers)):
            for code in {normal(code) for code in spelled}:
                if len(code) >= CODE_CHARACTERS_MIN:
                    codes.setdefault(code, []).append(place)
    for code in [code for code, places in references.items() if len(places) > ALONE_MAX]:
        numbers[code] = sorted({*numbers.get(code, []), *references.pop(code)}, key=lambda place: expected[place].day)
    return references, numbers


def _found(codes: Codes, line: StatementLine) -> list[str]:
    found = codes.found_in(line.text)
    return [*found, *codes.found_in(line.reference)] if line.reference else found
