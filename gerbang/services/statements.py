"""Statements of banks and lists of partners are read: from files, whole or not at all, or from the bank itself."""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import msgspec

from gerbang import statement_files
from gerbang.clock import wib
from gerbang.connections import BankMovement, Declined, Link, Silence, Statements
from gerbang.db import statements as kept
from gerbang.db.statements import StatementImport
from gerbang.domain.connections import Connection
from gerbang.domain.statements import Statement, StatementLine, StatementWrong, gaps, keyed, oldest_first
from gerbang.partners import Partner
from gerbang.statement_files import LISTS, FileKind
from gerbang.world import World

FETCHED = "fetched"
"""The kind of what the bank itself gave."""
FETCH_SECONDS = 600
DAYS_AROUND = timedelta(days=8)
SETTLING_HOURS = 1
"""Of a day that is over: banks' statements may be a quarter of an hour late."""
__all__ = ["Imported", "NoStatement", "fetch", "import_file", "recent"]


class NoStatement(Exception):
    """Nothing could be read, or for nobody. The message is a sentence for whoever asked."""


class Imported(msgspec.Struct, frozen=True):
    """What was read of one account, or a partner's list."""

    connection: str
    account: str
    """"" for a partner's list."""
    kind: str
    lines: int
    new_lines: int
    known_before: bool
    """Whether this very file was read before: nothing was changed then."""
    first_on: date | None = None
    """The days of which nothing is missing now."""
    last_on: date | None = None
    missing_before: tuple[date, ...] = ()
    """Days before whose lines something is missing, as their balances show."""


class Source(msgspec.Struct, frozen=True):
    """Where lines come from, and what is said of them beside them."""

    hash: str
    kind: str
    file_name: str = ""
    first: date | None = None
    """The days that it covers, where they are said."""
    last: date | None = None


async def import_file(
    world: World,
    connection: str,
    data: bytes,
    *,
    file_name: str = "",
    account: str | None = None,
    kind: FileKind | None = None,
    first: date | None = None,
    last: date | None = None,
    made_on: date | None = None,
) -> list[Imported]:
    """Reads a file of a connection, and keeps what is new in it. Raises StatementWrong, with nothing changed, or NoStatement.

    `first` and `last` say which days it covers, where that is more than its lines show; `made_on` is for days without a
    year, today if it is not given.
    """
    contract = partner_of(world, connection).connection
    source = Source(hashlib.sha256(data).hexdigest(), "", file_name, first, last)
    found = kind or statement_files.kind_of(data)
    source = msgspec.structs.replace(source, kind=found)
    if found in LISTS:
        return [await _keep_list(world, connection, data, found, source)]
    if account is None and len(contract.accounts) == 1:
        account = contract.accounts[0].number
    read = statement_files.read(data, kind, account, made_on or wib(world.clock.now()).date())
    by_account: dict[str, list[Statement]] = {}
    for statement in read:
        named = _ours(contract, statement, account)
        by_account.setdefault(named.account, []).append(named)
    if not by_account:
        raise StatementWrong(0, "the file has no statement in it")
    return await _keep(world, connection, by_account, source)


async def fetch(world: World, connection: str, account: str | None, first: date, last: date) -> list[Imported]:
    """Asks the bank for the statement of some days, both included, and keeps what is new. Raises NoStatement, StatementWrong."""
    partner = partner_of(world, connection)
    bank, number = partner.provider, account or _account_to_fetch(partner.connection)
    if not isinstance(bank, Statements) or partner.connection.base_url is None:
        raise NoStatement(f"{connection} gives no statements itself: import its files.")
    if first > last:
        raise NoStatement(f"The days are the wrong way round: {first} is after {last}.")

    async def read(link: Link) -> list[BankMovement]:
        return [each async for each in bank.statement(link, number, first, last)]

    try:
        movements = await partner.call(f"the statement of {number}", read, seconds=FETCH_SECONDS)
    except (Silence, Declined) as failed:
        raise NoStatement(f"{connection} gave no statement of {number}: {failed}. Nothing was changed.") from failed
    lines = _in_order([_line(each) for each in movements if first <= each.booked_on <= last])
    if missing := _missing_before(lines):
        raise StatementWrong(
            0, f"the bank's statement is not whole: something is missing before a line of {missing[0]}"
        )
    statement = Statement(number, "IDR", tuple(lines))
    hashed = hashlib.sha256(f"{FETCHED} {number} {first} {last}".encode()).hexdigest()
    source = Source(hashed, FETCHED, "", first, last)
    return await _keep(world, connection, {number: [statement]}, source)


async def recent(world: World, connection: str | None, most: int) -> list[StatementImport]:
    """What was read last, newest first."""
    if connection is not None:
        partner_of(world, connection)
    async with world.db.reading() as tx:
        return await kept.newest_imports(tx, connection, most)


def partner_of(world: World, connection: str) -> Partner:
    """The partner of a connection. Raises NoStatement for a name that is not in the file."""
    partner = world.partners.named(connection)
    if partner is None:
        known = ", ".join(world.partners.names) or "none"
        raise NoStatement(f"There is no connection {connection}; there are: {known}.")
    return partner


def over_until(now: datetime) -> date:
    """The last day that is over, as far as statements are concerned."""
    return wib(now - timedelta(hours=SETTLING_HOURS)).date() - timedelta(days=1)


def _account_to_fetch(contract: Connection) -> str:
    numbers = [each.number for each in contract.accounts if not each.purposes or "statements" in each.purposes]
    if len(numbers) != 1:
        known = ", ".join(numbers) or "none"
        raise NoStatement(f"Say of which account of {contract.name}, with --account; there are: {known}.")
    return numbers[0]


def _ours(contract: Connection, statement: Statement, asked: str | None) -> Statement:
    """The statement under the number that the contract has for its account. Raises StatementWrong for another's."""
    if statement.currency not in ("", "IDR"):
        raise StatementWrong(0, f"the account {statement.account} is in {statement.currency}, not in rupiah")
    known = [asked] if asked else [each.number for each in contract.accounts]
    for number in known:
        if number.lstrip("0") == statement.account.lstrip("0"):
            lines = tuple(msgspec.structs.replace(line, account=number) for line in statement.lines)
            return msgspec.structs.replace(statement, account=number, lines=lines)
    if known:
        raise StatementWrong(
            0,
            f"the file is of account {statement.account[:40]}, which is none of {contract.name}'s: {', '.join(known)}",
        )
    return statement


async def _keep(
    world: World, connection: str, by_account: dict[str, list[Statement]], source: Source
) -> list[Imported]:
    """Keeps all of it in one transaction."""
    async with world.db.transaction() as tx:
        await kept.claim(tx, connection)
        now = world.clock.now()
        done: list[Imported] = []
        for account, statements in sorted(by_account.items()):
            before = await kept.imported(tx, connection, source.hash, account)
            count = sum(len(each.lines) for each in statements)
            if before is not None and source.kind != FETCHED and source.first is None and source.last is None:
                span = (before.first_on, before.last_on)
                done.append(Imported(connection, account, source.kind, count, 0, True, *span))
                continue
            new = 0
            for statement in statements:
                if statement.lines and not statement.partial:
                    until = max(line.booked_on for line in statement.lines)
                    await kept.drop_pending(tx, connection, account, until)
                new += await kept.add_lines(tx, connection, dict(keyed(statement.lines)))
            covered = _covered([line for each in statements for line in each.lines], source, now)
            await kept.note_import(
                tx,
                StatementImport(
                    connection, source.hash, account, source.kind, source.file_name, *covered, count, new, now
                ),
            )
            missing = await _gaps_around(tx, connection, account, covered)
            done.append(Imported(connection, account, source.kind, count, new, False, *covered, missing))
    return done


async def _keep_list(world: World, connection: str, data: bytes, kind: FileKind, source: Source) -> Imported:
    rows = statement_files.read_partner_lines(data, kind)
    days = [each.listed_on for each in rows]
    span = (source.first or min(days, default=None), source.last or max(days, default=None))
    if None in span:
        span = (None, None)
    async with world.db.transaction() as tx:
        await kept.claim(tx, connection)
        before = await kept.imported(tx, connection, source.hash, "")
        if before is not None and source.first is None and source.last is None:
            return Imported(connection, "", kind, len(rows), 0, True, *span)
        new = await kept.add_list(tx, connection, kept.list_keys(rows))
        noted = StatementImport(
            connection, source.hash, "", kind, source.file_name, *span, len(rows), new, world.clock.now()
        )
        await kept.note_import(tx, noted)
    return Imported(connection, "", kind, len(rows), new, False, *span)


def _covered(lines: Sequence[StatementLine], source: Source, now: datetime) -> tuple[date | None, date | None]:
    """The days of which nothing is missing: as they were said, else from the first line to the last; never one that is not over."""
    booked = [line.booked_on for line in lines if not line.pending]
    first, last = source.first or min(booked, default=None), source.last or max(booked, default=None)
    if first is None or last is None:
        return None, None
    last = min(last, over_until(now))
    return (first, last) if first <= last else (None, None)


async def _gaps_around(
    tx: kept.Tx, connection: str, account: str, covered: tuple[date | None, date | None]
) -> tuple[date, ...]:
    first, last = covered
    if first is None or last is None:
        return ()
    lines = await kept.lines(tx, [connection], first - DAYS_AROUND, last + DAYS_AROUND)
    return tuple(_missing_before([line for line in lines.values() if line.account == account]))


def _missing_before(lines: Sequence[StatementLine]) -> list[date]:
    """The days before whose lines of one account something is missing; none where the balances cannot show it."""
    booked = [line for line in lines if not line.pending]
    if any(line.balance_after is None for line in booked):
        return []
    return sorted({line.booked_on for line in gaps(booked)})


def _line(movement: BankMovement) -> StatementLine:
    return StatementLine(
        account=movement.account,
        booked_on=movement.booked_on,
        amount=movement.amount,
        direction="credit" if movement.direction == "in" else "debit",
        text=movement.text,
        reference=movement.reference,
        booked_at=movement.at,
        balance_after=movement.balance_after,
    )


def _in_order(lines: Sequence[StatementLine]) -> list[StatementLine]:
    """Oldest first, each with its place; of one day either way round, as the balances show."""
    days: dict[date, list[StatementLine]] = {}
    for line in lines:
        days.setdefault(line.booked_on, []).append(line)
    in_order = [line for day in sorted(days) for line in oldest_first(days[day])]
    return [msgspec.structs.replace(line, position=place) for place, line in enumerate(in_order, 1)]
