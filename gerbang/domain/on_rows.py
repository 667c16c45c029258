"""Rows of a partner's list that our ledger does not know, and the lines by which their money moved on the account."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from gerbang.domain.partner_lists import PartnerLine
from gerbang.domain.remarks import CODE_CHARACTERS_MIN, Codes, normal
from gerbang.domain.statements import Direction, StatementLine


def lines_of(rows: Sequence[PartnerLine], lines: Mapping[int, StatementLine], days_apart: int) -> dict[int, int]:
    """The line of each row: by its reference or number and the amount, else by amount and day where both are unique."""
    left = dict(lines)
    found = _by_code(rows, left)
    for line in found.values():
        del left[line]
    fitting: dict[int, list[int]] = defaultdict(list)
    there: dict[tuple[Direction, int, date], list[int]] = defaultdict(list)
    for line, movement in left.items():
        there[movement.direction, movement.amount, movement.booked_on].append(line)
    rows_of: dict[int, int] = defaultdict(int)
    for place, row in enumerate(rows):
        for amount in {row.gross, row.net} if place not in found else ():
            for days in range(-days_apart, days_apart + 1):
                # A third would change nothing, and equal amounts may be many.
                near = there.get((row.direction, amount, row.listed_on + timedelta(days)), [])[:2]
                fitting[place] += near
    for lines_of_row in fitting.values():
        for line in lines_of_row:
            rows_of[line] += 1
    unique = {place: each[0] for place, each in fitting.items() if len(each) == 1 and rows_of[each[0]] == 1}
    return {**found, **unique}


def _by_code(rows: Sequence[PartnerLine], lines: Mapping[int, StatementLine]) -> dict[int, int]:
    waiting: dict[tuple[str, Direction, int], list[int]] = defaultdict(list)
    known: set[str] = set()
    for place in reversed(range(len(rows))):
        row = rows[place]
        for code in {normal(row.reference), normal(row.number)}:
            if len(code) >= CODE_CHARACTERS_MIN:
                known.add(code)
                for amount in {row.gross, row.net}:
                    waiting[code, row.direction, amount].append(place)
    codes = Codes.of(known, known)
    found: dict[int, int] = {}
    for line, movement in lines.items():
        for code in (*codes.found_in(movement.text), *codes.found_in(movement.reference)):
            places = waiting[code, movement.direction, movement.amount]
            while places and places[-1] in found:
                places.pop()
            if places:
                found[places.pop()] = line
                break
    return found
