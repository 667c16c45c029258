"""A day is closed: our ledger, the partner's list and the statement of the account are compared, and differences become findings.

Connections that share an account are compared together, under the name of the first of them. Nothing here moves money.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta

import msgspec

from gerbang.db import Tx
from gerbang.db import findings as kept
from gerbang.db import statements as read
from gerbang.domain import reconciliation
from gerbang.domain.findings import Expected, Reconciled, Rules
from gerbang.domain.kept_findings import KeptFinding, ReconciledDay, compared_again, noted, settled
from gerbang.domain.money import rupiah
from gerbang.domain.partner_lists import PartnerLine
from gerbang.domain.statements import StatementLine, gaps
from gerbang.services import movements
from gerbang.services.statements import DAYS_AROUND, NoStatement, over_until, partner_of
from gerbang.world import World

__all__ = ["CannotCompare", "Compared", "close", "list_findings", "note", "reconcile"]


class CannotCompare(Exception):
    """The day cannot be compared yet. The message is a sentence that says what is missing."""


class FindingUnknown(Exception):
    """No finding has this number."""


class Compared(msgspec.Struct, frozen=True):
    """What came of comparing a day."""

    day: ReconciledDay
    findings: list[KeptFinding]
    """Those that nobody has closed."""
    together: tuple[str, ...] = ()
    """The connections whose money moves on the same accounts."""


class Group(msgspec.Struct, frozen=True):
    """Connections that share accounts, and those accounts; none where their contracts name none."""

    names: tuple[str, ...]
    accounts: frozenset[str]


class Sides(msgspec.Struct, frozen=True):
    """What was gathered for a comparison."""

    expected: list[Expected]
    lines: dict[str, StatementLine]
    listed: list[PartnerLine] | None
    rules: Rules


async def reconcile(world: World, connection: str, day: date) -> Compared:
    """Compares a day, keeps what differs, and returns it. Raises CannotCompare, with nothing changed.

    Findings that are not there any more are closed; notes, and what people have settled, stay.
    """
    try:
        group = together(world, connection)
    except NoStatement as unknown:
        raise CannotCompare(str(unknown)) from unknown
    name = group.names[0]
    async with world.db.transaction() as tx:
        for each in group.names:
            await read.claim(tx, each)
        now = world.clock.now()
        if day > over_until(now):
            raise CannotCompare(f"{day} is not over yet, so no statement can be whole.")
        sides = await _sides(world, tx, group, day)
        found = reconciliation.compare(
            sides.expected, sides.lines, sides.listed, connection=name, first=day, last=day, rules=sides.rules
        )
        known = await kept.of_day(tx, name, day)
        await kept.write(tx, compared_again(known, found.findings, now))
        left = [each for each in (await kept.of_day(tx, name, day)).values() if each.state != "closed"]
        result = _counted(name, day, sides, found, len(left), now)
        await kept.note_day(tx, result)
    return Compared(result, sorted(left, key=lambda each: each.number), group.names)


async def list_findings(
    world: World, connection: str | None, first: date, last: date, most: int, *, closed: bool = False
) -> list[KeptFinding]:
    """Findings of some days, the oldest day first: those that nobody has closed, or all. Raises NoStatement."""
    name = None if connection is None else together(world, connection).names[0]
    async with world.db.reading() as tx:
        return await (kept.every if closed else kept.left)(tx, name, first, last, most)


async def note(world: World, number: int, text: str) -> KeptFinding:
    """Writes a note beside a finding: somebody has looked at it. Raises FindingUnknown."""
    async with world.db.transaction() as tx:
        found = noted(await _numbered(tx, number), text, world.clock.now())
        await kept.write(tx, [found])
    return found


async def close(world: World, number: int, text: str = "") -> KeptFinding:
    """Closes a finding: a person says that nothing is left to do. It moves no money. Raises FindingUnknown."""
    async with world.db.transaction() as tx:
        found = settled(await _numbered(tx, number), text, world.clock.now())
        await kept.write(tx, [found])
        await kept.count_day(tx, found.finding.connection, found.finding.day)
    return found


async def _numbered(tx: Tx, number: int) -> KeptFinding:
    found = await kept.numbered(tx, number)
    if found is None:
        raise FindingUnknown(f"There is no finding {number}; `gerbang findings list` shows them.")
    return found


def together(world: World, connection: str) -> Group:
    """The connections whose money moves on the same accounts as this one's, in the order of the file. Raises NoStatement."""
    accounts = {each.number for each in partner_of(world, connection).connection.accounts}
    contracts = [partner_of(world, name).connection for name in world.partners.names]
    names = {connection}
    while True:
        sharing = [each for each in contracts if accounts & {account.number for account in each.accounts}]
        if {each.name for each in sharing} <= names:
            break
        names |= {each.name for each in sharing}
        accounts |= {account.number for each in sharing for account in each.accounts}
    return Group(tuple(each.name for each in contracts if each.name in names), frozenset(accounts))


async def _sides(world: World, tx: Tx, group: Group, day: date) -> Sides:
    """What is compared: the day and those around it, so that what crosses midnight finds its other side. Raises CannotCompare."""
    first, last = day - DAYS_AROUND, day + DAYS_AROUND
    _check_covered(group, await read.periods(tx, group.names), day)
    lines = await read.lines(tx, group.names, first, last)
    _check_whole(lines, day)
    lists = await read.listing(tx, group.names)
    expected = await movements.expected(tx, group.names, first, last, lists, lines.values())
    _check_listed(world, lists, expected, day)
    listed = await read.listed(tx, group.names, first, last) if lists else None
    contracts = [partner_of(world, name).connection for name in group.names]
    rules = Rules(
        bank_fees=tuple(rupiah(fee) for each in contracts for fee in each.bank_fees),
        list_in_sums=not lists or any("dana_payments" in kinds for kinds in lists.values()),
        sum_words=tuple(word for each in contracts for word in each.sum_words),
    )
    return Sides(expected, lines, listed, rules)


def _check_covered(group: Group, periods: Mapping[str, Collection[tuple[date, date]]], day: date) -> None:
    """Raises CannotCompare unless a statement of each account covers the day."""
    accounts = group.accounts or periods.keys()
    names = " and ".join(group.names)
    if not accounts:
        raise CannotCompare(f"No statement of {names} was imported yet: see `gerbang statements import`.")
    for account in sorted(accounts):
        spans = sorted(periods.get(account, ()))
        if not any(first <= day <= last for first, last in spans):
            known = (
                f"the last day that is covered is {max(last for _, last in spans)}" if spans else "there is none yet"
            )
            raise CannotCompare(
                f"No statement of account {account} ({names}) covers {day}; {known}. Import or fetch one that does; where the "
                "bank printed no line on its last day, say with --to how far it reaches."
            )


Lists = Mapping[str, Mapping[str, Collection[tuple[date, date]]]]
"""Of each connection and kind of list the days of which nothing is missing."""


def _check_listed(world: World, lists: Lists, expected: Collection[Expected], day: date) -> None:
    """Raises CannotCompare where a list that must have money of the day is missing: all of it would be missing there."""
    of_day = [each for each in expected if each.day == day]
    for connection, kinds in sorted(lists.items()):
        # Payments are settled on the next day, and by some partners on the next on which banks work.
        after, until = day + timedelta(days=1), world.calendar.after(day, 1)
        if "dana_payments" in kinds and any(each.in_sum for each in of_day):
            _check_list(connection, "payments", kinds["dana_payments"], after, until)
        if "dana_payouts" in kinds and any(each.listed for each in of_day):
            _check_list(connection, "payouts", kinds["dana_payouts"], day, day)


def _check_list(connection: str, what: str, spans: Collection[tuple[date, date]], first: date, last: date) -> None:
    if any(begins <= last and first <= ends for begins, ends in spans):
        return
    days = str(first) if first == last else f"a day from {first} to {last}"
    raise CannotCompare(
        f"No list of {connection}'s {what} covers {days}; import it. Where one does that has no row on its first or last day, import it "
        "with --from and --to."
    )


def _check_whole(lines: Mapping[str, StatementLine], day: date) -> None:
    """Raises CannotCompare where balances show that lines of the day are missing."""
    for account in sorted({line.account for line in lines.values()}):
        booked = [line for line in lines.values() if line.account == account and not line.pending]
        if any(line.balance_after is None for line in booked):
            continue
        following = min((line.booked_on for line in booked if line.booked_on > day), default=None)
        for line in gaps(booked):
            if line.booked_on in (day, following):
                raise CannotCompare(
                    f"Lines of account {account} are missing before one of {line.booked_on} (line {line.position} of its "
                    f"file, {line.text[:40]!r}): its balance does not follow. Import the statement of these days again."
                )


def _counted(name: str, day: date, sides: Sides, found: Reconciled, left: int, now: datetime) -> ReconciledDay:
    ours = {each.key for each in sides.expected if each.day == day and not each.unsure}
    matched = {match.expected_key for match in found.matches}
    return ReconciledDay(
        connection=name,
        day=day,
        movements=len(ours),
        lines=sum(line.booked_on == day and not line.pending for line in sides.lines.values()),
        listed=sum(row.listed_on == day for row in sides.listed or ()),
        matched=len(ours & matched),
        findings=left,
        compared_at=now,
    )
