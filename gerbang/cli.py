"""The command line: `gerbang run`, `serve`, `work`, `migrate`, `audit`, `merchant`, `callbacks`.

It reads what a person typed, calls gerbang.app or gerbang.administration and prints the answer. Whatever is known to go
wrong is one sentence on the standard error and exit code 1.
"""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import click

from gerbang import __version__
from gerbang.descriptors import hold_standard_ones
from gerbang.errors import Refused, Unavailable
from gerbang.settings import Settings, SettingsWrong, taken_by, whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line and gives its exit code. `arguments` are those of the process unless given."""
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
        # Imported only now: the whole of db would slow --help down.
        from gerbang.db.embedded import EmbeddedPostgresFailed

        if isinstance(failure, Unavailable):
            failure = SettingsWrong(GONE)
        if not isinstance(failure, Refused | SettingsWrong | EmbeddedPostgresFailed):
            raise
        click.echo(f"gerbang: {failure}", err=True)
        return 1
    return code if isinstance(code, int) else 0


GONE = (
    "The database went away or kept us waiting too long, as when somebody holds a lock on its tables. What was not "
    "finished was not done: look at PostgreSQL's log and pg_stat_activity, then run the command again."
)
EARLIEST, LATEST = 1970, 8999
"""Far enough from where the calendar ends that expiries and retries can still be reckoned."""


def _instant(_context: click.Context, _option: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    form = "write it as in 2025-03-30T05:48:17Z"
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value or 'nothing'} is not an instant; {form}") from None
    if instant.tzinfo is None:
        raise click.BadParameter(f"{value} has no time zone; {form}")
    if not EARLIEST <= instant.year <= LATEST:
        raise click.BadParameter(f"{value} is not between the years {EARLIEST} and {LATEST}")
    return instant.astimezone(UTC)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="gerbang", message="%(prog)s %(version)s")
def commands() -> None:
    """Gerbang, an open payment gateway for Indonesia.

    `gerbang run` is everything in one process, to try and to develop with. Production runs `gerbang serve` and
    `gerbang work`, as many times as wanted, on a database of its own. Settings are read from the environment; see
    docs/settings.md.
    """


class _Taking(click.ParamType[Any]):
    """What an option takes; anything else is refused in the words in which a setting is."""

    name = "text"

    def __init__(self, read: Callable[[str], Any], takes: str) -> None:
        self._read = read
        self._takes = takes

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value  # a default
        try:
            if value:
                return self._read(value)
        except ValueError:
            pass
        named = param.opts[0] if param else "This"
        raise click.UsageError(f"{named} takes {self._takes}, not {value!r}.", ctx)


PORT, HOST, DATA = (_Taking(*taken_by(name)) for name in ("port", "host", "data"))


def _with_address(command: Callable[..., object]) -> Callable[..., object]:
    """Adds `--host` and `--port`, which go before GERBANG_HOST and GERBANG_PORT."""
    port = click.option("--port", type=PORT, metavar="PORT", help="The port.  [default: 8000; 0: any]")
    host = click.option("--host", type=HOST, metavar="HOST", help="The address to listen on.  [default: localhost]")
    return host(port(command))


def _at(settings: Settings, host: str | None, port: int | None) -> Settings:
    return replace(settings, host=settings.host if host is None else host, port=settings.port if port is None else port)


@commands.command()
@_with_address
@click.option("--data", type=DATA, metavar="FOLDER", help="Where it is kept.  [default: ./var]")
@click.option(
    "--clock",
    callback=_instant,
    metavar="INSTANT",
    help="Where the clock starts: 2025-03-30T05:48:17Z. One that was used is moved on to it, never back.",
)
def run(host: str | None, port: int | None, data: Path | None, clock: datetime | None) -> int:
    """Run everything in one process: sandbox, embedded database, a merchant with its keys."""
    settings = Settings.from_environment()
    if settings.mode == "live":
        raise SettingsWrong(
            "Live mode does not run on one laptop's database: use `gerbang serve` and `gerbang work`, or set "
            "GERBANG_MODE to sandbox."
        )
    settings = replace(_at(settings, host, port), data=settings.data if data is None else data)
    from gerbang import app

    return app.run(settings, clock_start=clock)


def _with_database(command: Callable[..., object]) -> Callable[..., object]:
    """Adds `--data`, which finds the database that `gerbang run` is running on a folder."""
    help_text = "Use the database of the `gerbang run` that is running on this folder."
    return click.option("--data", type=DATA, metavar="FOLDER", help=help_text)(command)


def _settings(data: Path | None) -> Settings:
    """Settings that have a database: GERBANG_DATABASE_URL, or in the sandbox that of a running `gerbang run`."""
    settings = Settings.from_environment()
    if data is not None:
        if settings.mode == "live":
            raise SettingsWrong("Live mode has no embedded database: leave out --data and set GERBANG_DATABASE_URL.")
        from gerbang.db.embedded import running_url

        url = running_url(data)
        if url is None:
            raise SettingsWrong(
                f"No gateway with an embedded database is running on {data}: start `gerbang run` first."
            )
        if settings.secret_key is None and not (data / "secret.key").exists():
            raise SettingsWrong(f"The gateway on {data} is still starting: do this again in a moment.")
        return replace(settings, database_url=url, data=data)
    if settings.database_url is None:
        raise SettingsWrong(
            "There is no database to work on: set GERBANG_DATABASE_URL, or give --data with the folder of a running "
            "`gerbang run`."
        )
    return settings


@commands.command()
@_with_address
@_with_database
def serve(host: str | None, port: int | None, data: Path | None) -> int:
    """Answer merchants and payers over HTTP."""
    settings = _at(_settings(data), host, port)
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
@_with_database
def work(host: str | None, port: int | None, data: Path | None) -> int:
    """Do what happens later: expiries, deliveries and their retries."""
    settings = _settings(data)
    from gerbang import app

    return app.work(settings, None if port is None else _at(settings, host, port))


@commands.command()
@_with_database
def migrate(data: Path | None) -> None:
    """Bring the database's tables up to this version."""
    settings = _settings(data)
    from gerbang import administration

    applied = administration.migrate(settings)
    _show("\n".join(f"applied {name}" for name in applied) or "The database is up to date.")


@commands.command()
@click.option("--json", "as_json", is_flag=True, help="Print all that was looked for, with what was found, as JSON.")
@_with_database
def audit(as_json: bool, data: Path | None) -> int:
    """Look through all books for what must never be in them, and what is late. Exit code 0: nothing was found; 1: something was.

    It reads each table once, at one instant, and changes nothing: also beside a gateway that runs, or on a copy.
    """
    settings = _settings(data)
    from gerbang import administration

    found = administration.audit_books(settings)
    wrong = [finding for finding in found if finding.count]
    if as_json:
        _show(administration.as_json({"found": found}))
    elif not wrong:
        _show(f"The books are in order: {len(found)} rules hold.")
    for finding in () if as_json else wrong:
        _show(f"{finding.count} times: {finding.rule}. {', '.join(finding.examples)}")
    return 1 if wrong else 0


@commands.group()
def merchant() -> None:
    """Merchants and their secrets."""


@merchant.command("create")
@click.option("--name", required=True, help="The merchant's full name, up to 100 characters.")
@click.option("--short-name", required=True, help="What payers see beside a payment's name, up to 20 characters.")
@click.option("--email", required=True, help="Where the merchant is reached.")
@click.option("--again", is_flag=True, help="Also where a merchant of this name exists: it becomes another one.")
@_with_database
def merchant_create(name: str, short_name: str, email: str, again: bool, data: Path | None) -> None:
    """Create a merchant, and show its secrets this one time."""
    settings = _settings(data)
    from gerbang import administration

    _print_facts(administration.create_merchant(settings, name, short_name, email, again=again))


@merchant.command("list")
@_with_database
def merchant_list(data: Path | None) -> None:
    """List all merchants."""
    settings = _settings(data)
    from gerbang import administration

    _print_table(administration.every_merchant(settings))


@merchant.command("check")
@_with_database
def merchant_check(data: Path | None) -> int:
    """Try out every merchant's agreement as it is kept. Exit code 0: all can be used; 1: some cannot.

    What is set now is tried out before it is kept; this finds what was kept by an older version, or by hand.
    """
    settings = _settings(data)
    from gerbang import administration

    wrong = administration.check_agreements(settings)
    if not wrong:
        click.echo("All agreements can be used.")
        return 0
    _print_table(wrong)
    return 1


@merchant.command("rotate-secret")
@click.argument("merchant_id")
@_with_database
def merchant_rotate_secret(merchant_id: str, data: Path | None) -> None:
    """Give a merchant a new secret, and show it this one time."""
    settings = _settings(data)
    from gerbang import administration

    _print_facts(administration.rotate_secret(settings, merchant_id))


@merchant.command("offer")
@click.argument("merchant_id")
@click.argument("channel")
@click.option("--product", default="payment", show_default=True, help="Where: payment is the payment sessions' page.")
@click.option("--stop", is_flag=True, help="Offer it there no longer.")
@_with_database
def merchant_offer(merchant_id: str, channel: str, product: str, stop: bool, data: Path | None) -> None:
    """Offer a channel, such as retail_outlet, in a product that does not have it for everybody."""
    settings = _settings(data)
    from gerbang import administration

    _print_facts(administration.offer(settings, merchant_id, channel, product, stop=stop))


@merchant.command("agreement")
@click.argument("merchant_id")
@click.option("--set", "file", type=Path, help="Change the members that this JSON file has.")
@_with_database
def merchant_agreement(merchant_id: str, file: Path | None, data: Path | None) -> None:
    """Show all that was agreed with a merchant, as JSON, or set it: fees, limits, expiries, numbers, settlement."""
    settings = _settings(data)
    from gerbang import administration

    try:
        given = None if file is None else file.read_bytes()
    except OSError as wrong:
        raise SettingsWrong(f"{file} cannot be read: {wrong.strerror}.") from None
    shown, changes = administration.agreement(settings, merchant_id, given)
    _show(shown)
    if given is not None:
        # Beside the agreement itself, so that the output stays a file that can be set again.
        click.echo("\n".join(changes) or "Nothing was changed: it was agreed so before.", err=True)


@commands.group()
def callbacks() -> None:
    """Where merchants hear the news."""


@callbacks.command("set")
@click.option("--merchant", "merchant_id", required=True, metavar="ID", help="Whose news.")
@click.option("--product", required=True, help="Which news, such as payment.")
@click.option("--url", required=True, help="Where it is posted to.")
@_with_database
def callbacks_set(merchant_id: str, product: str, url: str, data: Path | None) -> None:
    """Set the URL that a merchant's news is posted to."""
    settings = _settings(data)
    from gerbang import administration

    _print_facts(administration.set_callback(settings, merchant_id, product, url))


LIMIT = _Taking(whole(1, 10_000), "a whole number, 1 to 10000")
State = Literal["waiting", "delivered", "parked", "given_up"]
UNDELIVERED: tuple[State, ...] = ("parked", "given_up")


def _with_choice(*states: str) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Adds the options that say which callbacks are meant; nothing said about states, the undelivered ones."""
    options = (
        click.option("--merchant", "merchant_id", metavar="ID", help="Whose callbacks."),
        click.option("--product", help="Of one product, such as payment."),
        click.option(
            "--from", "since", callback=_instant, metavar="INSTANT", help="Of news since: 2025-03-30T05:48:17Z."
        ),
        click.option("--to", "until", callback=_instant, metavar="INSTANT", help="Of news before."),
        click.option(
            "--state", "states", type=click.Choice(states), multiple=True, help="In this state; may be repeated."
        ),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
    )

    def add(command: Callable[..., object]) -> Callable[..., object]:
        for option in reversed(options):
            command = option(command)
        return _with_database(command)

    return add


@callbacks.command("list")
@_with_choice(*UNDELIVERED, "waiting", "delivered")
@click.option("--limit", type=LIMIT, metavar="NUMBER", default=100, show_default=True, help="How many, newest first.")
def callbacks_list(as_json: bool, limit: int, data: Path | None, **chosen: Any) -> None:
    """List callbacks that nobody took, or those in the states that are given."""
    states: tuple[State, ...] = chosen.pop("states") or UNDELIVERED
    if chosen["merchant_id"] is None and not set(states) <= set(UNDELIVERED):
        raise click.UsageError(
            "Say whose callbacks, with --merchant: everybody's are listed only where nobody took them."
        )
    settings = _settings(data)
    from gerbang import administration

    found = administration.list_callbacks(settings, administration.Chosen(states, **chosen), limit + 1)
    if len(found) > limit:
        click.echo(f"gerbang: there are more than the newest {limit}; see --limit, --from and --to.", err=True)
    if as_json:
        _show(administration.as_json(found[:limit]))
    else:
        _print_table([administration.in_words(each) for each in found[:limit]])


@callbacks.command("resend")
@_with_choice(*UNDELIVERED)
@click.option("--id", "ids", multiple=True, metavar="ID", help="This callback; may be repeated.")
@click.option("--everybody", is_flag=True, help="Those of all merchants.")
def callbacks_resend(as_json: bool, everybody: bool, data: Path | None, **chosen: Any) -> None:
    """Send callbacks again that nobody took: parked ones, and those that were refused for good.

    They are due at once and climb their ladder anew. Repeating this is safe: what is due already stays as it is.
    """
    if chosen["merchant_id"] is None and not chosen["ids"] and not everybody:
        raise click.UsageError("Say whose callbacks: --merchant, --id or --everybody.")
    settings = _settings(data)
    from gerbang import administration

    states: tuple[State, ...] = chosen.pop("states") or UNDELIVERED
    sent = administration.resend_callbacks(settings, administration.Chosen(states, **chosen))
    sentence = "1 callback is due again." if sent == 1 else f"{sent} callbacks are due again."
    _show(administration.as_json({"resent": sent}) if as_json else sentence)


def _show(text: str) -> None:
    """Prints what a command has found or done. Raises SettingsWrong where nobody can have it."""
    try:
        click.echo(text)
    except BrokenPipeError:
        raise
    except OSError as failed:
        # Python would try again at its end, and complain in its own words.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise SettingsWrong(
            f"It was done, and cannot be shown: {failed.strerror}. What was found can be asked for again; a merchant's new "
            "secrets come from `gerbang merchant rotate-secret`."
        ) from None


def _print_facts(facts: dict[str, str]) -> None:
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        _show(f"{name:<{width}}  {value}")


def _print_table(rows: list[dict[str, str]]) -> None:
    if not rows:
        _show("There are none yet.")
        return
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in rows[0]}
    for row in ({name: name for name in widths}, *rows):
        _show("  ".join(f"{row[name]:<{width}}" for name, width in widths.items()).rstrip())


if __name__ == "__main__":
    sys.exit(main())
