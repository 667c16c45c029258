"""A simulated month of one connection, with errors planted in it, and the list of the findings that must come out.

Everything follows from the seed. Where nothing is planted the sides agree, in all the ways in which real ones do:
remarks that change by the day, codes cut up or with zeros before them, money that is booked after midnight, sums less
the fees.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TypeVar
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gerbang.domain import reconciliation
from gerbang.domain.findings import Expected, FindingKind, Rules
from gerbang.domain.partner_lists import PartnerLine, sums_of
from gerbang.domain.statements import Direction, StatementLine, keyed

ACCOUNT = "0099887766"
OPENING = 500_000_000_00
BIFAST_FEE = 2_500_00
FIRST = date(2026, 11, 1)
DAYS = 30
OF_EACH_KIND = 5
"""As many errors of each of the twelve kinds are planted."""
NAMES = ("BUDI SANTOSO", "SITI AMINAH", "PT MAJU JAYA", "WAHYU", "DEWI LESTARI", "CV ABADI 2000")
_Item = TypeVar("_Item")


class Month(msgspec.Struct, frozen=True):
    """What the three sides say, and what must be found."""

    expected: tuple[Expected, ...]
    lines: Mapping[str, StatementLine]
    listed: tuple[PartnerLine, ...]
    findings: frozenset[tuple[FindingKind, str]]
    """Kind, and what it is about (`Finding.about`)."""
    rules: Rules
    first: date
    last: date

    def compared(self) -> reconciliation.Reconciled:
        """What a comparison of the three sides finds."""
        return reconciliation.compare(
            self.expected,
            self.lines,
            self.listed,
            connection="planted",
            first=self.first,
            last=self.last,
            rules=self.rules,
        )


class _Dice:
    """Numbers that follow from a seed: the same ones on every machine and with every Python."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._count = 0

    def below(self, most: int) -> int:
        self._count += 1
        digest = hashlib.blake2b(f"{self._seed}/{self._count}".encode(), digest_size=8).digest()
        return int.from_bytes(digest) % most

    def one_of(self, items: Sequence[_Item]) -> _Item:
        return items[self.below(len(items))]

    def some_of(self, items: Sequence[_Item], count: int) -> list[_Item]:
        left = list(items)
        return [left.pop(self.below(len(left))) for _ in range(count)]


def month(seed: int, payments: int = 5_000, of_each_kind: int = OF_EACH_KIND) -> Month:
    """A month with so many payments, and so many errors of each kind."""
    return _Making(seed, of_each_kind).month(payments)


class _Making:
    def __init__(self, seed: int, of_each_kind: int) -> None:
        self._dice = _Dice(seed)
        self._errors = of_each_kind
        self._expected: list[Expected] = []
        self._lines: list[StatementLine] = []
        self._line_errors: list[tuple[FindingKind, str]] = []
        """Findings about lines that nothing explains, by their remark until the lines have their keys."""
        self._listed: list[PartnerLine] = []
        self._findings: set[tuple[FindingKind, str]] = set()
        self._merchants = [UUID(int=number + 1) for number in range(12)]
        self._odd = 0

    def month(self, payments: int) -> Month:
        wallets = payments * 3 // 10
        direct = [self._direct(number) for number in range(payments - wallets)]
        in_sums = [self._in_sum(number) for number in range(wallets)]
        payouts = [self._payout(number) for number in range(max(payments // 20, 4 * self._errors))]
        for number in range(payments // 50):
            self._refund(number)
        self._plant_direct(direct, payouts)
        self._plant_listed(in_sums)
        self._unexplained()
        self._sums()
        return self._whole()

    def _day(self, most: int = DAYS) -> date:
        return FIRST + timedelta(days=self._dice.below(most))

    def _amount(self) -> int:
        """Amounts as shops have them: many are equal."""
        return (10 + self._dice.below(1_000)) * 500_00

    def _odd_amount(self) -> int:
        """An amount that nothing else in the month has, so that it is found by nothing but its code."""
        self._odd += 1
        return 7_000_000_00 + self._odd * 101

    def _line(self, day: date, amount: int, direction: Direction, text: str, *, pending: bool = False) -> int:
        self._lines.append(StatementLine(ACCOUNT, day, amount, direction, text, pending=pending))
        return len(self._lines) - 1

    def _direct(self, number: int) -> tuple[Expected, int]:
        """A payment whose money arrives by itself: by its reference, by its number, or by its amount alone."""
        way = self._dice.below(10)
        reference, paid_to = f"TRX{number:09d}K", f"0077777{number:09d}"
        if way == 1:
            paid_to = f"0077777{'9' * 6}{self._dice.below(10):03d}"  # static: any number of payments
        amount = self._odd_amount() if way == 0 else self._amount()
        expected = Expected(
            key=f"payment-{number}",
            kind="payment",
            direction="credit",
            amount=amount,
            day=self._day(),
            references=() if way == 1 else (reference,),
            numbers=(paid_to,),
            merchant_id=self._dice.one_of(self._merchants),
            payment_id=UUID(int=1_000_000 + number),
        )
        self._expected.append(expected)
        return expected, self._line(
            self._booked_on(expected.day), amount, "credit", self._remark(way, expected, number)
        )

    def _booked_on(self, day: date) -> date:
        chance = self._dice.below(20)
        return day + timedelta(days={0: 1, 1: -1}.get(chance, 0))

    def _remark(self, way: int, expected: Expected, number: int) -> str:
        name, paid_to = self._dice.one_of(NAMES), expected.numbers[0]
        if way == 0:
            return f"SETORAN {name}"
        if way in (1, 2, 3):
            return f"BRIVA {paid_to.lstrip('0')} {name}"
        if way == 4:
            return f"TRSF E-BANKING CR {paid_to[:9]} {paid_to[9:]} {name}"
        reference = f"TRX{number:09d}K"
        suffix = f" WS_OB;{self._dice.below(10**9)};X" if way == 5 else ""
        return f"{name} {reference[:7]} {reference[7:]}{suffix}" if way == 6 else f"BRIVA {paid_to} {reference}{suffix}"

    def _payout(self, number: int) -> tuple[Expected, int]:
        reference = f"PO{number:06d}Q{self._dice.below(10**4):04d}"
        amount = self._amount()
        expected = Expected(
            key=f"payout-{number}",
            kind="payout",
            direction="debit",
            amount=amount,
            day=self._day(),
            references=(reference,),
            merchant_id=self._dice.one_of(self._merchants),
            payout_id=UUID(int=2_000_000 + number),
        )
        self._expected.append(expected)
        line = self._line(expected.day, amount, "debit", f"BIFAST {reference} KE 014")
        self._line(expected.day, BIFAST_FEE, "debit", f"BIAYA BIFAST {reference}")
        return expected, line

    def _refund(self, number: int) -> None:
        reference = f"RFND{number:06d}"
        expected = Expected(
            key=f"refund-{number}",
            kind="refund",
            direction="debit",
            amount=self._amount(),
            day=self._day(),
            references=(reference,),
        )
        self._expected.append(expected)
        self._line(self._booked_on(expected.day), expected.amount, "debit", f"REFUND-{reference}-OUT")

    def _in_sum(self, number: int) -> tuple[Expected, int]:
        """A payment by a wallet, which settles it on the next day, less its fee."""
        amount = self._amount()
        fee = amount * 15 // 1_000
        expected = Expected(
            key=f"wallet-{number}",
            kind="payment",
            direction="credit",
            amount=amount,
            day=self._day(),
            references=(f"2026{number:012d}",),
            merchant_id=self._dice.one_of(self._merchants),
            payment_id=UUID(int=3_000_000 + number),
            fee=fee,
            in_sum=True,
        )
        self._expected.append(expected)
        return expected, self._row(expected.references[0], amount, fee, expected.day)

    def _row(self, reference: str, amount: int, fee: int, day: date) -> int:
        settled = day + timedelta(days=1)
        batch = f"ST{settled:%y%m%d}{self._dice.below(2)}"
        self._listed.append(
            PartnerLine(
                reference, "payment", amount, fee, amount - fee, settled, batch=batch, position=len(self._listed)
            )
        )
        return len(self._listed) - 1

    def _plant_direct(self, direct: list[tuple[Expected, int]], payouts: list[tuple[Expected, int]]) -> None:
        coded = [each for each in direct if each[0].references and each[0].references[0] in self._lines[each[1]].text]
        early = [each for each in coded if each[0].day < FIRST + timedelta(days=DAYS - 6)]
        missing, other, double, late = (early[start::4] for start in range(4))
        gone: set[int] = set()
        for expected, line in self._dice.some_of(missing, self._errors):
            gone.add(line)
            self._changed(expected, self._odd_amount())
            self._findings.add(("missing_there", expected.key))
        for expected, line in self._dice.some_of(other, self._errors):
            self._lines[line] = replace(self._lines[line], amount=self._odd_amount())
            self._findings.add(("amount_differs", expected.key))
        for expected, line in self._dice.some_of(double, self._errors):
            self._lines.append(self._lines[line])
            self._findings.add(("double", expected.key))
        for expected, line in self._dice.some_of(late, self._errors):
            days = 2 + self._dice.below(3)
            self._lines[line] = replace(self._lines[line], booked_on=expected.day + timedelta(days=days))
            self._findings.add(("late_day", expected.key))
        for expected, _ in self._dice.some_of(
            [each for each in payouts if each[0].day < FIRST + timedelta(DAYS - 2)], self._errors
        ):
            self._line(expected.day + timedelta(days=1), expected.amount, "credit", f"RETUR {expected.references[0]}")
            self._findings.add(("returned", expected.key))
        self._lines = [line for place, line in enumerate(self._lines) if place not in gone]

    def _changed(self, expected: Expected, amount: int) -> None:
        self._expected[self._expected.index(expected)] = replace(expected, amount=amount)

    def _plant_listed(self, in_sums: list[tuple[Expected, int]]) -> None:
        for expected, row in self._dice.some_of(in_sums, self._errors):
            was = self._listed[row]
            self._listed[row] = replace(was, fee=was.fee + 1_000_00, net=was.net - 1_000_00)
            self._findings.add(("fee_differs", expected.key))
        for number in range(self._errors):
            row = self._row(f"2099{number:012d}", self._amount(), 0, self._day(DAYS - 2))
            self._findings.add(("missing_here", self._listed[row].name))
            row = self._row(f"2088{number:012d}", self._amount(), 0, self._day(DAYS - 2))
            self._listed[row] = replace(self._listed[row], type="correction")
            self._findings.add(("correction", self._listed[row].name))

    def _unexplained(self) -> None:
        for number in range(self._errors):
            came, went = f"SETORAN TUNAI {number:03d} LAIN", f"PEMINDAHBUKUAN {number:03d} LAIN"
            self._line(self._day(), self._odd_amount(), "credit", came)
            self._line(self._day(), self._odd_amount(), "debit", went)
            self._line_errors.append(("unexplained_credit", came))
            self._line_errors.append(("unexplained_debit", went))
        for _ in range(self._errors):
            self._line(self._day(), self._odd_amount(), "credit", "MASIH DIPROSES", pending=True)

    def _sums(self) -> None:
        sums = sums_of(self._listed)
        odd = self._dice.some_of(
            [each for each in sums if each.settled_on < FIRST + timedelta(days=DAYS)], 2 * self._errors
        )
        differs, missing = odd[: self._errors], odd[self._errors :]
        for each in sums:
            if each in missing:
                self._findings.add(("sum_missing", each.batch))
                continue
            # Some partners print their batch, others only their name.
            printed = each in differs or self._dice.below(2)
            amount = each.net - 123_45 if each in differs else each.net
            if each in differs:
                self._findings.add(("sum_differs", each.batch))
            text = f"DOMPET SETTLEMENT {each.batch}" if printed else "DOMPET SETTLEMENT"
            self._line(each.settled_on + timedelta(days=self._dice.below(2)), amount, "credit", text)

    def _whole(self) -> Month:
        in_order = sorted(enumerate(self._lines), key=lambda each: (each[1].booked_on, each[0]))
        balance, lines = OPENING, list[StatementLine]()
        for position, (_, line) in enumerate(in_order, 1):
            balance += 0 if line.pending else line.signed
            lines.append(replace(line, position=position, balance_after=None if line.pending else balance))
        by_key = dict(keyed(lines))
        texts = {line.text: key for key, line in by_key.items()}
        self._findings.update((kind, texts[text]) for kind, text in self._line_errors)
        return Month(
            expected=tuple(self._expected),
            lines=by_key,
            listed=tuple(self._listed),
            findings=frozenset(self._findings),
            rules=Rules(bank_fees=(BIFAST_FEE,), sum_words=("DOMPET SETTLEMENT",)),
            first=FIRST,
            last=FIRST + timedelta(days=DAYS - 1),
        )
