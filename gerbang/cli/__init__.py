"""The command line: `gerbang run`, `serve`, `work`, `migrate`, `audit`, `merchant`, `callbacks`, `connections`,
`payments`, `payouts`, `refunds`, `statements`, `reconcile`, `findings`, `bank`.

It parses the arguments, calls gerbang.app or gerbang.administration and prints the result. An expected error is one
sentence on standard error and exit code 1.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click

from gerbang import __version__
from gerbang.cli._bank import bank
from gerbang.cli._callbacks import callbacks
from gerbang.cli._connections import connections
from gerbang.cli._merchants import merchant
from gerbang.cli._payments import payments
from gerbang.cli._payouts import payouts
from gerbang.cli._refunds import refunds
from gerbang.cli._statements import findings, reconcile, statements
from gerbang.cli._terminal import DATA, HOST, PORT, at_address, instant, settings_of, show, with_address, with_database
from gerbang.descriptors import hold_standard_ones
from gerbang.errors import Refused, Unavailable
from gerbang.settings import Settings, SettingsWrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line and returns its exit code. Without `arguments`, those of the process are used."""
    hold_standard_ones()
    try:
        code = commands.main(arguments, prog_name="gerbang", standalone_mode=False)
    except click.ClickException as wrong:
        wrong.show()
        return wrong.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("gerbang: Stopped at once.", err=True)
        return 130
    except Exception as failure:
        # Imported only here: importing db would slow down --help.
        from gerbang.db.embedded import EmbeddedPostgresFailed

        if isinstance(failure, Unavailable):
            failure = SettingsWrong(DATABASE_LOST)
        if not isinstance(failure, Refused | SettingsWrong | EmbeddedPostgresFailed):
            raise
        click.echo(f"gerbang: {failure}", err=True)
        return 1
    return code if isinstance(code, int) else 0


DATABASE_LOST = (
    "The database went away or did not answer in time, as when somebody holds a lock on its tables. What was not "
    "finished was not done: look at PostgreSQL's log and pg_stat_activity, then run the command again."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="gerbang", message="%(prog)s %(version)s")
def commands() -> None:
    """Gerbang, an open payment gateway for Indonesia.

    `gerbang run` is everything in one process, for trying it and for development. Production runs `gerbang serve` and
    `gerbang work`, as many times as wanted, on a database of its own. Settings are read from the environment; see
    docs/settings.md.
    """


@commands.command()
@with_address
@click.option("--data", type=DATA, metavar="FOLDER", help="The folder of its data.  [default: ./var]")
@click.option(
    "--clock",
    callback=instant,
    metavar="INSTANT",
    help="Where the clock starts: 2025-03-30T05:48:17Z. A clock that was used is moved forward to it, never back.",
)
@click.option(
    "--bank", metavar="NAME", help="Start a bank beside it that speaks SNAP BI, such as bca (see `gerbang bank`)."
)
@click.option("--bank-port", type=PORT, default=9100, metavar="PORT", help="The port of that bank.  [default: 9100]")
def run(
    host: str | None,
    port: int | None,
    data: Path | None,
    clock: datetime | None,
    bank: str | None,
    bank_port: int,
) -> int:
    """Run everything in one process: sandbox, embedded database, a merchant with its keys."""
    settings = Settings.from_environment()
    if settings.mode == "live":
        raise SettingsWrong(
            "Live mode does not run on one laptop's database: use `gerbang serve` and `gerbang work`, or set "
            "GERBANG_MODE to sandbox."
        )
    settings = replace(at_address(settings, host, port), data=settings.data if data is None else data)
    from gerbang import app

    if bank is None:
        return app.run(settings, clock_start=clock)
    if settings.port == 0 or settings.connections is not None:
        raise SettingsWrong(
            "--bank needs a port that the bank can call, so not 0."
            if settings.port == 0
            else "--bank writes a connections file of its own: unset GERBANG_CONNECTIONS."
        )
    from gerbang.bank_simulator import beside

    reached = "127.0.0.1" if settings.host == "localhost" else settings.host
    gateway_url = f"http://{reached}:{settings.port}"
    with beside(settings.data / "bank", bank, bank_port, gateway_url, show) as connections_file:
        return app.run(replace(settings, connections=connections_file), clock_start=clock)


@commands.command()
@with_address
@click.option("--processes", type=click.IntRange(1, 64), metavar="N", help="In how many processes.  [default: 1]")
@with_database
def serve(host: str | None, port: int | None, processes: int | None, data: Path | None) -> int:
    """Answer merchants and payers over HTTP."""
    settings = at_address(settings_of(data), host, port)
    settings = replace(settings, processes=settings.processes if processes is None else processes)
    from gerbang import app

    return app.serve(settings)


@commands.command()
@click.option("--host", type=HOST, metavar="HOST", help="The address of that port.  [default: 127.0.0.1]")
@click.option(
    "--port",
    type=PORT,
    metavar="PORT",
    help="Answer /livez and /readyz there.  [default: nowhere; 0: any]",
)
@with_database
def work(host: str | None, port: int | None, data: Path | None) -> int:
    """Do the background work: expiries, deliveries and their retries."""
    settings = settings_of(data)
    from gerbang import app

    return app.work(settings, None if port is None else at_address(settings, host, port))


@commands.command()
@with_database
def migrate(data: Path | None) -> None:
    """Bring the database's tables up to this version."""
    settings = settings_of(data)
    from gerbang import administration

    applied = administration.migrate(settings)
    show("\n".join(f"applied {name}" for name in applied) or "The database is up to date.")


@commands.command()
@click.option("--json", "as_json", is_flag=True, help="Print all rules and what breaks them as JSON.")
@with_database
def audit(as_json: bool, data: Path | None) -> int:
    """Check the rules of the ledger and all records. Exit code 0: all rules hold; 1: not.

    It reads each table once, at one instant, and changes nothing: use it beside a running gateway, or on a copy.
    """
    settings = settings_of(data)
    from gerbang import administration

    found = administration.audit_database(settings)
    wrong = [finding for finding in found if finding.count]
    if as_json:
        show(administration.as_json({"found": found}))
    elif not wrong:
        show(f"The records are in order: {len(found)} rules hold.")
    for finding in () if as_json else wrong:
        show(f"{finding.count} times: {finding.rule}. {', '.join(finding.examples)}")
    return 1 if wrong else 0


commands.add_command(merchant)
commands.add_command(callbacks)
commands.add_command(connections)
commands.add_command(payments)
commands.add_command(payouts)
commands.add_command(refunds)
commands.add_command(statements)
commands.add_command(reconcile)
commands.add_command(findings)
commands.add_command(bank)
