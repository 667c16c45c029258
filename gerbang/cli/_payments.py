"""`gerbang payments`: money that a bank has taken for us and has not reported."""

from datetime import date
from pathlib import Path

import click

from gerbang.cli._statements import day, of_connection
from gerbang.cli._terminal import settings_of, show, with_database


@click.group()
def payments() -> None:
    """Payments that a bank has not reported (workers look for them every 15 minutes)."""


@payments.command("look-up")
@of_connection
@click.option("--day", "day_", required=True, callback=day, metavar="DAY", help="The day in Jakarta: 2026-11-28.")
@with_database
def payments_look_up(connection: str, day_: date, data: Path | None) -> None:
    """Ask a bank for the payments of a day, in its list (SNAP 35) or by its inquiries (26), and write down what is not known."""
    settings = settings_of(data)
    from gerbang import administration_of_days

    found = administration_of_days.look_up(settings, connection, day_)
    show(f"{connection} has {found or 'no'} payment{'' if found == 1 else 's'} of {day_} that it had not reported.")
