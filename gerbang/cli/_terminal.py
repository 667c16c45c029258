"""What the commands share: options, the settings made from them, and printing."""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from gerbang.settings import Settings, SettingsWrong, taken_by

REPLACED = "\N{REPLACEMENT CHARACTER}"
_OBEYED = re.compile("[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069]")
"""What a terminal obeys and does not show, but for the end of a line."""
EARLIEST, LATEST = 1970, 8999
"""The years an option may name: far enough from the last year of a datetime (9999) to add expiries and retries."""


def instant(_context: click.Context, _option: click.Parameter, value: str | None) -> datetime | None:
    """Reads an option that is an ISO 8601 instant with a time zone, and gives it in UTC. Raises BadParameter."""
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


class SettingValue(click.ParamType[Any]):
    """An option with the reader and the error message of a setting."""

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


PORT, HOST, DATA = (SettingValue(*taken_by(name)) for name in ("port", "host", "data"))


def with_address(command: Callable[..., object]) -> Callable[..., object]:
    """Adds `--host` and `--port`, which override GERBANG_HOST and GERBANG_PORT."""
    port = click.option("--port", type=PORT, metavar="PORT", help="The port.  [default: 8000; 0: any]")
    host = click.option("--host", type=HOST, metavar="HOST", help="The address to listen on.  [default: localhost]")
    return host(port(command))


def at_address(settings: Settings, host: str | None, port: int | None) -> Settings:
    """The settings with the host and the port of the options, where these were given."""
    return replace(settings, host=settings.host if host is None else host, port=settings.port if port is None else port)


def with_database(command: Callable[..., object]) -> Callable[..., object]:
    """Adds `--data`: the folder whose embedded database is used, while `gerbang run` runs there."""
    help_text = (
        "Use the database of the `gerbang run` that is running on this folder.  [default: ./var, where GERBANG_DATABASE_URL "
        "is not set]"
    )
    return click.option("--data", type=DATA, metavar="FOLDER", help=help_text)(command)


of_merchant = click.argument("merchant_id", metavar="MERCHANT")
"""Adds the argument MERCHANT: a merchant's id or number."""


def settings_of(data: Path | None) -> Settings:
    """The settings with a database: GERBANG_DATABASE_URL, or in the sandbox that of a running `gerbang run`.

    `data` is the folder of `gerbang run`, else GERBANG_DATA. Raises SettingsWrong if there is no database.
    """
    settings = Settings.from_environment()
    if data is None and settings.database_url is not None:
        return settings
    if settings.mode == "live":
        raise SettingsWrong("Live mode has no embedded database: leave out --data and set GERBANG_DATABASE_URL.")
    from gerbang.db.embedded import running_url

    folder = settings.data if data is None else data
    url = running_url(folder)
    if url is None and data is None:
        raise SettingsWrong(
            f"There is no database to work on: set GERBANG_DATABASE_URL, or start `gerbang run`, which is not running on "
            f"{folder} (--data or GERBANG_DATA name another folder)."
        )
    if url is None:
        raise SettingsWrong(f"No gateway with an embedded database is running on {folder}: start `gerbang run` first.")
    if settings.secret_key is None and not (folder / "secret.key").exists():
        raise SettingsWrong(f"The gateway on {folder} is still starting: do this again in a moment.")
    return replace(settings, database_url=url, data=folder)


def show(text: str) -> None:
    """Prints the result of a command. Raises SettingsWrong if it cannot be written.

    Payers and banks write remarks, and what a terminal would obey (to hide a line, to change another one) is not passed on to it.
    """
    try:
        click.echo(_OBEYED.sub(REPLACED, text))
    except BrokenPipeError:
        raise
    except OSError as failed:
        # Python would try again when it exits, and print a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise SettingsWrong(
            f"It was done, and cannot be shown: {failed.strerror}. What was found can be asked for again; a merchant's new "
            "secrets come from `gerbang merchant rotate-secret`."
        ) from None


def print_fields(values: dict[str, str]) -> None:
    """Prints names and values in two columns."""
    width = max((len(name) for name in values), default=0)
    for name, value in values.items():
        show(f"{name:<{width}}  {value}")


def print_table(rows: list[dict[str, str]], none: str = "There are none.") -> None:
    """Prints rows with the same keys as a table; `none` is printed if there are no rows."""
    if not rows:
        show(none)
        return
    rows = [{name: value.replace("\n", REPLACED) for name, value in row.items()} for row in rows]
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in rows[0]}
    for row in ({name: name for name in widths}, *rows):
        show("  ".join(f"{row[name]:<{width}}" for name, width in widths.items()).rstrip())
