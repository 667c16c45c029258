"""What an operator does from the command line about statements, days and findings. It moves no money.

Each function opens the gateway, does one thing, closes the gateway and returns what the command prints.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import convert

from gerbang.administration import within
from gerbang.db.statements import StatementImport
from gerbang.domain.findings import MEANINGS, FindingKind, Owner, Where
from gerbang.domain.kept_findings import ClosedAs, FindingState, KeptFinding
from gerbang.domain.money import readable
from gerbang.domain.statements import StatementWrong
from gerbang.services import planted_months, reconciliation, statements
from gerbang.services.batches import Batches
from gerbang.services.payment_lookups import CannotLookUp, look_up_day
from gerbang.services.planted_months import Tried
from gerbang.services.reconciliation import CannotCompare, FindingUnknown
from gerbang.services.statements import Imported, NoStatement
from gerbang.settings import Settings, SettingsWrong
from gerbang.statement_files import FileKind
from gerbang.world import World

Outcome = Literal["closed", "findings", "cannot_compare"]
FIRST, LAST = date(1970, 1, 1), date(8999, 12, 31)
TEXT_LENGTH_MAX = 60


class File(msgspec.Struct, frozen=True):
    """A file that is imported, and what its options say of it."""

    name: str
    data: bytes
    account: str | None = None
    kind: FileKind | None = None
    first: date | None = None
    last: date | None = None
    made_on: date | None = None


@contextmanager
def _in_words(unchanged: str = "") -> Generator[None]:
    """Raises SettingsWrong for what an operator can set right; `unchanged` says before the reason what was not done."""
    try:
        yield
    except StatementWrong as wrong:
        raise SettingsWrong(f"{unchanged}: {wrong}.") from None
    except (NoStatement, FindingUnknown) as wrong:
        raise SettingsWrong(str(wrong)) from None


def import_statement(settings: Settings, connection: str, file: File) -> list[Imported]:
    """Reads a file of a connection. Raises SettingsWrong, with nothing changed, for one that cannot be taken whole."""

    async def task(world: World) -> list[Imported]:
        with _in_words(f"{file.name} was not imported, and nothing was changed"):
            return await statements.import_file(
                world,
                connection,
                file.data,
                file_name=file.name,
                account=file.account,
                kind=file.kind,
                first=file.first,
                last=file.last,
                made_on=file.made_on,
            )

    return within(settings, task)


def fetch_statement(
    settings: Settings, connection: str, account: str | None, first: date, last: date
) -> list[Imported]:
    """Asks a bank for a statement. Raises SettingsWrong, with nothing changed, where it gives none that is whole."""

    async def task(world: World) -> list[Imported]:
        with _in_words("Nothing was changed"):
            return await statements.fetch(world, connection, account, first, last)

    return within(settings, task)


def list_imports(settings: Settings, connection: str | None, most: int) -> list[StatementImport]:
    """What was read last, newest first."""

    async def task(world: World) -> list[StatementImport]:
        with _in_words():
            return await statements.recent(world, connection, most)

    return within(settings, task)


def import_row(one: StatementImport) -> dict[str, str]:
    """What was read as a row of a table."""
    return {
        "read": f"{one.imported_at:%Y-%m-%dT%H:%M:%SZ}",
        "connection": one.connection,
        "account": one.account or "(a partner's list)",
        "kind": one.kind,
        "covers": f"{one.first_on} to {one.last_on}" if one.first_on else "no whole day",
        "lines": str(one.lines),
        "new": str(one.new_lines),
        "file": one.file_name,
    }


def look_up(settings: Settings, connection: str, day: date) -> int:
    """Writes down a day's payments that a bank had and had not reported; how many there were. Raises SettingsWrong."""

    async def task(world: World) -> int:
        try:
            return await look_up_day(world, Batches(world, size_max=64, lanes=1), connection, day)
        except CannotLookUp as why:
            raise SettingsWrong(str(why)) from None

    return within(settings, task)


# -- findings ---------------------------------------------------------------------------------------------------------


class OurSide(msgspec.Struct, frozen=True, rename="camel"):
    """What our ledger has. Amounts here and below are in sen."""

    kind: str
    amount: int
    day: date
    references: tuple[str, ...]
    numbers: tuple[str, ...]
    merchant_id: UUID | None
    payment_id: UUID | None
    payout_id: UUID | None


class LineSide(msgspec.Struct, frozen=True, rename="camel"):
    """The line of the account's statement."""

    account: str
    booked_on: date
    direction: str
    amount: int
    text: str
    reference: str


class ListSide(msgspec.Struct, frozen=True, rename="camel"):
    """The row of the partner's list."""

    reference: str
    type: str
    gross: int
    fee: int
    net: int
    listed_on: date
    batch: str


class ShownFinding(msgspec.Struct, frozen=True, rename="camel"):
    """A finding as the commands print it."""

    number: int
    connection: str
    day: date
    kind: FindingKind
    meaning: str
    where: Where
    owner: Owner
    state: FindingState
    closed_as: ClosedAs | None
    note: str
    ours: int | None
    theirs: int | None
    about: str
    our_side: OurSide | None
    line: LineSide | None
    list_row: ListSide | None
    found_at: datetime
    closed_at: datetime | None

    @property
    def in_words(self) -> str:
        """What it is about, in a few words: the bank's remark, else the number or the reference."""
        if self.line is not None:
            return " ".join(self.line.text.split())[:TEXT_LENGTH_MAX]
        if self.list_row is not None:
            return f"{self.list_row.type} {self.list_row.reference}"
        if self.our_side is not None:
            names = (*self.our_side.numbers, *self.our_side.references)
            return f"{self.our_side.kind} {next(iter(names), self.about)}"
        return self.about

    def as_row(self) -> dict[str, str]:
        """The finding as a row of a table."""
        return {
            "number": str(self.number),
            "day": str(self.day),
            "connection": self.connection,
            "finding": self.kind,
            "who acts": self.owner,
            "ours": "" if self.ours is None else readable(self.ours),
            "theirs": "" if self.theirs is None else readable(self.theirs),
            "what": self.in_words,
            "state": f"{self.state} ({self.closed_as})" if self.closed_as else self.state,
            "note": self.note,
        }


def _shown(kept: KeptFinding) -> ShownFinding:
    finding = kept.finding
    return ShownFinding(
        number=kept.number,
        connection=finding.connection,
        day=finding.day,
        kind=finding.kind,
        meaning=finding.meaning,
        where=finding.where,
        owner=finding.owner,
        state=kept.state,
        closed_as=kept.closed_as,
        note=kept.note,
        ours=finding.ours,
        theirs=finding.theirs,
        about=finding.about,
        our_side=convert(finding.expected, OurSide | None, from_attributes=True),
        line=convert(finding.line, LineSide | None, from_attributes=True),
        list_row=convert(finding.partner_line, ListSide | None, from_attributes=True),
        found_at=kept.found_at,
        closed_at=kept.closed_at,
    )


class ShownDay(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What `gerbang reconcile` prints."""

    outcome: Outcome
    connection: str
    day: date
    why: str = ""
    """Why it cannot be compared."""
    together: tuple[str, ...] = ()
    movements: int | None = None
    lines: int | None = None
    listed: int | None = None
    matched: int | None = None
    findings: list[ShownFinding] = []

    @property
    def meanings(self) -> list[str]:
        """A sentence for each kind of finding in it."""
        meanings = {each.kind: each.meaning for each in self.findings}
        return [f"{kind}: {meaning}" for kind, meaning in meanings.items()]


def reconcile_day(settings: Settings, connection: str, day: date) -> ShownDay:
    """Compares a day, keeps its findings and returns them."""

    async def task(world: World) -> ShownDay:
        try:
            found = await reconciliation.reconcile(world, connection, day)
        except CannotCompare as wrong:
            return ShownDay("cannot_compare", connection, day, str(wrong))
        return ShownDay(
            outcome="closed" if found.day.is_closed else "findings",
            connection=found.day.connection,
            day=day,
            together=found.together,
            movements=found.day.movements,
            lines=found.day.lines,
            listed=found.day.listed,
            matched=found.day.matched,
            findings=[_shown(each) for each in found.findings],
        )

    return within(settings, task)


def list_findings(
    settings: Settings, connection: str | None, first: date | None, last: date | None, most: int, *, closed: bool
) -> list[ShownFinding]:
    """Findings of some days: those that nobody has closed, or all."""

    async def task(world: World) -> list[ShownFinding]:
        with _in_words():
            found = await reconciliation.list_findings(
                world, connection, first or FIRST, last or LAST, most, closed=closed
            )
            return [_shown(each) for each in found]

    return within(settings, task)


def note_finding(settings: Settings, number: int, text: str) -> ShownFinding:
    """Writes a note beside a finding. Raises SettingsWrong for one that there is not."""
    return _changed(settings, lambda world: reconciliation.note(world, number, text))


def close_finding(settings: Settings, number: int, text: str) -> ShownFinding:
    """Closes a finding. Raises SettingsWrong for one that there is not."""
    return _changed(settings, lambda world: reconciliation.close(world, number, text))


def _changed(settings: Settings, change: Callable[[World], Awaitable[KeptFinding]]) -> ShownFinding:
    async def task(world: World) -> ShownFinding:
        with _in_words():
            return _shown(await change(world))

    return within(settings, task)


# -- a month to try it with -------------------------------------------------------------------------------------------


def try_out(seed: int, payments: int) -> Tried:
    """Compares a simulated month with planted errors. It needs no database."""
    return planted_months.try_out(seed, payments)


def trial_rows(tried: Tried) -> list[dict[str, str]]:
    """Planted and found of each kind, as rows of a table."""
    planted, found, both = (
        Counter(kind for kind, _ in each) for each in (tried.planted, tried.found, tried.planted & tried.found)
    )
    return [
        {
            "finding": kind,
            "planted": str(planted[kind]),
            "found": str(found[kind]),
            "the same ones": str(both[kind]),
            "what it means": meaning,
        }
        for kind, meaning in MEANINGS.items()
    ]
