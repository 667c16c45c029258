"""`gerbang statements`, `gerbang reconcile`, `gerbang findings`: days are closed, and what differs is worked through."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gerbang.cli._terminal import EARLIEST, LATEST, SettingValue, print_table, settings_of, show, with_database
from gerbang.errors import Refused, Unavailable
from gerbang.settings import SettingsWrong, whole

if TYPE_CHECKING:
    from gerbang.administration_of_days import Imported, ShownDay

KINDS = (
    "bca",
    "bri",
    "mandiri_retail",
    "mandiri_corporate",
    "jatim",
    "swift",
    "dana_payments",
    "dana_payouts",
)
FILE_BYTES_MAX = 64 * 1024 * 1024
LIMIT = SettingValue(whole(1, 10_000), "a whole number, 1 to 10000")
NUMBER = SettingValue(whole(1, 2**53), "the number of a finding")
PAYMENTS = SettingValue(whole(500, 200_000), "a whole number, 500 to 200000")
SEED = SettingValue(whole(0, 2**53), "a whole number")
CANNOT = 2
"""The exit code of a day that could not be compared."""


def day(_context: click.Context, _option: click.Parameter, value: str | None) -> date | None:
    """Reads an option that is a day. Raises BadParameter."""
    if value is None:
        return None
    try:
        found = date.fromisoformat(value) if len(value) == len("2026-11-28") else None
    except ValueError:
        found = None
    if found is None or not EARLIEST <= found.year <= LATEST:
        raise click.BadParameter(f"{value or 'nothing'} is not a day; write it as in 2026-11-28")
    return found


of_connection = click.option("--connection", required=True, metavar="NAME", help="The connection, by its name.")
one_connection = click.option("--connection", metavar="NAME", help="Of this connection only.")
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
limit_option = click.option("--limit", type=LIMIT, metavar="NUMBER", default=100, show_default=True, help="How many.")


@click.group()
def statements() -> None:
    """Statements of banks and lists of partners (see docs/reconciliation.md)."""


@statements.command("import")
@click.argument("file", type=Path)
@of_connection
@click.option("--account", metavar="NUMBER", help="Whose account, where the file or the contract does not say it.")
@click.option("--kind", type=click.Choice(KINDS), help="The form of the file.  [default: it is found]")
@click.option("--from", "first", callback=day, metavar="DAY", help="It covers the days from here: 2026-11-28.")
@click.option("--to", "last", callback=day, metavar="DAY", help="It covers the days to here, also without lines.")
@click.option("--made-on", callback=day, metavar="DAY", help="When it was made, for days without a year.")
@as_json_option
@with_database
def statements_import(file: Path, connection: str, as_json: bool, data: Path | None, **options: Any) -> None:
    """Read a file of a bank or a partner: CSV, a spreadsheet (xlsx) or MT940.

    It is taken whole or not at all, and the same file twice changes nothing. Files may overlap.
    """
    settings = settings_of(data)
    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            raise SettingsWrong(f"{file} is larger than 64 MB: ask for shorter periods.")
        content = file.read_bytes()
    except OSError as wrong:
        raise SettingsWrong(f"{file} cannot be read: {wrong.strerror}.") from None
    from gerbang import administration_of_days

    given = administration_of_days.File(file.name, content, **options)
    _show_imported(administration_of_days.import_statement(settings, connection, given), as_json)


@statements.command("fetch")
@of_connection
@click.option("--account", metavar="NUMBER", help="Of which account, where the contract has several.")
@click.option("--from", "first", required=True, callback=day, metavar="DAY", help="The first day: 2026-11-28.")
@click.option("--to", "last", required=True, callback=day, metavar="DAY", help="The last day.")
@as_json_option
@with_database
def statements_fetch(
    connection: str, account: str | None, first: date, last: date, as_json: bool, data: Path | None
) -> None:
    """Ask a bank for the statement of some days, where its contract has that (SNAP 14)."""
    settings = settings_of(data)
    from gerbang import administration_of_days

    _show_imported(administration_of_days.fetch_statement(settings, connection, account, first, last), as_json)


def _show_imported(found: "list[Imported]", as_json: bool) -> None:
    from gerbang.administration import as_json as written

    if as_json:
        show(written(found))
        return
    for each in found:
        what = f"account {each.account}" if each.account else "the partner's list"
        if each.known_before:
            show(f"{each.connection}, {what}: this file was imported before. Nothing was changed.")
            continue
        covers = f" It covers {each.first_on} to {each.last_on}." if each.first_on else " It covers no whole day yet."
        show(f"{each.connection}, {what}: {each.lines} lines were read, {each.new_lines} of them new.{covers}")
        for missing in each.missing_before:
            show(f"Something is missing before a line of {missing}: its balance does not follow from the line before.")


@statements.command("list")
@one_connection
@limit_option
@as_json_option
@with_database
def statements_list(connection: str | None, limit: int, as_json: bool, data: Path | None) -> None:
    """List what was imported and fetched, newest first."""
    settings = settings_of(data)
    from gerbang import administration, administration_of_days

    found = administration_of_days.list_imports(settings, connection, limit)
    if as_json:
        show(administration.as_json(found))
    else:
        print_table([administration_of_days.import_row(each) for each in found], "Nothing was imported yet.")


@statements.command("try")
@click.option("--seed", type=SEED, metavar="NUMBER", default=1, show_default=True, help="What the month follows from.")
@click.option(
    "--payments",
    type=PAYMENTS,
    metavar="NUMBER",
    default=5_000,
    show_default=True,
    help="How many it has, 500 at least.",
)
@as_json_option
def statements_try(seed: int, payments: int, as_json: bool) -> int:
    """Compare a simulated month with planted errors, and show that exactly those are found. It needs no database.

    Exit code 0: they are; 1: they are not.
    """
    from gerbang import administration, administration_of_days

    tried = administration_of_days.try_out(seed, payments)
    rows = administration_of_days.trial_rows(tried)
    if as_json:
        show(administration.as_json({"agrees": tried.agrees, "findings": rows}))
        return 0 if tried.agrees else 1
    show(
        f"A month of {tried.movements} movements in our ledger, {tried.lines} lines of a statement and {tried.listed} rows "
        "of a partner's list was compared."
    )
    print_table(rows)
    show(
        f"{len(tried.planted)} errors were planted, and exactly those were found."
        if tried.agrees
        else "What was found is not what was planted."
    )
    return 0 if tried.agrees else 1


# -- days and findings ------------------------------------------------------------------------------------------------


@click.command()
@of_connection
@click.option("--day", "when", required=True, callback=day, metavar="DAY", help="The day in Jakarta: 2026-11-28.")
@as_json_option
@with_database
def reconcile(connection: str, when: date, as_json: bool, data: Path | None) -> int:
    """Compare a day: our ledger, the account's statement, the partner's list. It moves no money.

    Exit code 0: the day is closed; 1: findings are left; 2: it could not be compared, as where no statement covers it.
    Doing it again is safe: what is not there any more is closed, notes stay.
    """
    try:
        settings = settings_of(data)
        from gerbang import administration, administration_of_days

        found = administration_of_days.reconcile_day(settings, connection, when)
    except Unavailable:
        click.echo(f"gerbang: The database could not be reached, so {when} was not compared.", err=True)
        return CANNOT
    except (Refused, SettingsWrong) as wrong:
        click.echo(f"gerbang: {wrong}", err=True)
        return CANNOT
    if as_json:
        show(administration.as_json(found))
    else:
        _show_day(found)
    return {"closed": 0, "findings": 1}.get(found.outcome, CANNOT)


def _show_day(found: "ShownDay") -> None:
    if found.outcome == "cannot_compare":
        click.echo(f"gerbang: {found.day} cannot be compared: {found.why}", err=True)
        return
    names = " with ".join(found.together)
    had = f"{found.movements} movements of ours ({found.matched} of them found), {found.lines} lines of the statement"
    had += f", {found.listed} rows of the partner's list" if found.listed else ""
    if found.outcome == "closed":
        show(f"{found.day} is closed at {names}: {had}; nothing is left to look at.")
        return
    print_table([each.as_row() for each in found.findings])
    for meaning in found.meanings:
        show(meaning)
    left = "1 finding is" if len(found.findings) == 1 else f"{len(found.findings)} findings are"
    show(
        f"{found.day} is not closed at {names}: {had}; {left} left. See docs/reconciliation.md for what each asks for."
    )


@click.group()
def findings() -> None:
    """What differs between our ledger, a statement and a partner's list."""


@findings.command("list")
@one_connection
@click.option("--from", "first", callback=day, metavar="DAY", help="Of days from here: 2026-11-28.")
@click.option("--to", "last", callback=day, metavar="DAY", help="Of days to here.")
@click.option("--all", "closed", is_flag=True, help="Also those that are closed.")
@limit_option
@as_json_option
@with_database
def findings_list(
    connection: str | None,
    first: date | None,
    last: date | None,
    *,
    closed: bool,
    limit: int,
    as_json: bool,
    data: Path | None,
) -> None:
    """List what is left to look at, the oldest day first."""
    settings = settings_of(data)
    from gerbang import administration, administration_of_days

    found = administration_of_days.list_findings(settings, connection, first, last, limit + 1, closed=closed)
    if len(found) > limit:
        click.echo(f"gerbang: there are more than {limit}; see --limit, --from and --to.", err=True)
    if as_json:
        show(administration.as_json(found[:limit]))
    else:
        print_table([each.as_row() for each in found[:limit]], "Nothing is left to look at.")


@findings.command("note")
@click.argument("number", type=NUMBER)
@click.argument("text")
@as_json_option
@with_database
def findings_note(number: int, text: str, as_json: bool, data: Path | None) -> None:
    """Write a note beside a finding, such as whom you have asked."""
    if not text.strip():
        raise click.UsageError("Say something in the note.")
    settings = settings_of(data)
    from gerbang import administration, administration_of_days

    found = administration_of_days.note_finding(settings, number, text.strip())
    show(administration.as_json(found) if as_json else f"Finding {number} has the note: {found.note}")


@findings.command("close")
@click.argument("number", type=NUMBER)
@click.option("--note", default="", metavar="TEXT", help="How it was settled; else its note stays.")
@as_json_option
@with_database
def findings_close(number: int, note: str, as_json: bool, data: Path | None) -> None:
    """Close a finding: nothing is left to do. It moves no money, and stays closed when its day is compared again."""
    settings = settings_of(data)
    from gerbang import administration, administration_of_days

    found = administration_of_days.close_finding(settings, number, note.strip())
    show(administration.as_json(found) if as_json else f"Finding {number} of {found.day} is closed.")
