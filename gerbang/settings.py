"""All settings: their names in the environment, what values they take, and their defaults.

The only file that reads the environment. docs/settings.md is printed from here.
"""

import difflib
import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

PREFIX = "GERBANG_"

Mode = Literal["sandbox", "live"]
LogLevel = Literal["debug", "info", "warning", "error"]


class SettingsWrong(Exception):
    """A setting does not exist, has a wrong value, or names what cannot be used. The message says what to do."""


def setting(read: Callable[[str], Any], *, takes: str, does: str, default: Any = MISSING, secret: bool = False) -> Any:
    """One field of Settings.

    `read` makes the value from the environment's text and raises `ValueError` if it cannot. `takes` describes the
    values (`a port, 1 to 65535`), `does` what the setting does. A secret is never shown.
    """
    return field(default=default, repr=not secret, metadata={"read": read, "takes": takes, "does": does})


def whole(smallest: int, largest: int) -> Callable[[str], int]:
    """A reader of whole numbers from `smallest` to `largest`, both included, which raises ValueError for others."""

    def read(text: str) -> int:
        # int() alone would also take ` 8_0` and Arabic digits.
        if not (text.isascii() and text.isdecimal() and smallest <= int(text) <= largest):
            raise ValueError
        return int(text)

    return read


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError
        return text

    return read


def _url(*schemes: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if urlsplit(text).scheme not in schemes or not text.isprintable() or " " in text:
            raise ValueError
        return text

    return read


DATABASE_URL = (
    "a URL such as postgresql://user:password@host:5432/gerbang, where @ : / ? # % in a password are written "
    "%40 %3A %2F %3F %23 %25"
)


def _database_url(text: str) -> str:
    parts = urlsplit(_url("postgresql", "postgres")(text))
    # Otherwise a part of the password would be read as the host, and shown when that host is not found.
    if text.count("@") > 1 or "@" in parts.path + parts.query or parts.fragment:
        raise ValueError
    return text


def _public_url(text: str) -> str:
    parts = urlsplit(_url("http", "https")(text))
    if not parts.hostname or parts.query or parts.fragment or parts.username or parts.port == 0:
        raise ValueError
    return text.rstrip("/")


def _folder(text: str) -> Path:
    try:
        # No shell expands ~ in quotes or in the environment of a service. A folder of that name is ./~.
        return Path(text).expanduser() if text.startswith("~") else Path(text)
    except RuntimeError:
        raise ValueError from None


def environment_text(name: str) -> str | None:
    """What a variable of the environment holds, for secrets that the connections file names; None where it is not set."""
    return os.environ.get(name)


def _days(text: str) -> str:
    if not re.fullmatch(r"[+-]\d{4}-\d\d-\d\d(,[+-]\d{4}-\d\d-\d\d)*", text, re.ASCII):
        raise ValueError
    return text


def _ports(text: str) -> str:
    for way in text.split(","):
        scheme, _, port = way.partition(":")
        _one_of("http", "https")(scheme)
        whole(1, 65535)(port)
    return text


def _networks(text: str) -> str:
    for network in text.split(","):
        ipaddress.ip_network(network)
    return text


def _secret(text: str) -> str:
    if len(text) < 32:
        raise ValueError
    text.encode()  # bytes that are not text raise ValueError
    return text


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one process. Made by `Settings.from_environment()`, or directly in tests."""

    mode: Mode = setting(
        _one_of("sandbox", "live"),
        takes="sandbox or live",
        default="sandbox",
        does="`sandbox` simulates the bank and moves no money; `live` refuses the simulator, the sandbox API and the "
        "embedded database.",
    )
    database_url: str | None = setting(
        _database_url,
        takes=DATABASE_URL,
        default=None,
        secret=True,
        does="The PostgreSQL (15 or newer) that keeps everything; of several hosts (`@a:5432,b:5432/`) the one that takes "
        "writes. `gerbang run` starts one of its own without it.",
    )
    secret_key: str | None = setting(
        _secret,
        takes="32 characters or more that nobody can guess, the same for every process",
        default=None,
        secret=True,
        does="Signs tokens and encrypts the secrets that are stored. Required in live mode; the sandbox makes and keeps its own.",
    )
    public_url: str | None = setting(
        _public_url,
        takes="an http or https URL without a query, such as https://pay.example.id",
        default=None,
        does="Where payers and merchants reach this gateway, a path included; every link begins with it. Required in live "
        "mode; otherwise the address that is listened on.",
    )
    host: str = setting(
        str,
        takes="a host name or address",
        default="localhost",
        does="The address to listen on. `localhost` is both that a machine has for itself, 127.0.0.1 and ::1.",
    )
    port: int = setting(
        whole(0, 65535),
        takes="a port, 0 to 65535",
        default=8000,
        does="The port to listen on; 0 takes any that is free and prints it.",
    )
    data: Path = setting(
        _folder,
        takes="a folder",
        default=Path("var"),
        does="The folder of `gerbang run`: the embedded database's files, its log, and `sandbox.json` with all keys. Commands "
        "without `GERBANG_DATABASE_URL` work on the database that is running there.",
    )
    connections: Path | None = setting(
        _folder,
        takes="a TOML file",
        default=None,
        does="The contracts with banks and acquirers; see [connections.md](connections.md). Without it a sandbox has its "
        "simulator, and a live gateway none.",
    )
    bank_holidays: str = setting(
        _days,
        takes="days with + (closed) or - (open), such as +2026-03-20,-2026-05-02",
        default="",
        does="Corrects the calendar of Indonesian bank holidays, by which paid money becomes available.",
    )
    callback_ports: str = setting(
        _ports,
        takes="ports with their scheme, such as https:443,https:8443,http:80",
        default="https:443",
        does="What merchants' callback URLs may lead to in live mode; the sandbox calls any.",
    )
    proxies: str = setting(
        _networks,
        takes="addresses and networks, such as 127.0.0.1,10.0.0.0/8",
        default="",
        does="The reverse proxies in front of this gateway: their `X-Forwarded-For` says from where a bank calls, which "
        "`allowed_addresses` of a connection is compared with. Nobody else's is believed.",
    )
    log_level: LogLevel = setting(
        _one_of("debug", "info", "warning", "error"),
        takes="debug, info, warning or error",
        default="info",
        does="The lowest level that is written to the log.",
    )
    batch_size_max: int = setting(
        whole(1, 1000),
        takes="a whole number, 1 to 1000",
        default=64,
        does="How many requests of one kind may share one commit. 1 gives each its own.",
    )
    processes: int = setting(
        whole(1, 64),
        takes="a whole number, 1 to 64",
        default=1,
        does="How many processes `gerbang serve` answers in, all on its one port: more than one only where PostgreSQL leaves that many processors.",
    )
    batch_lanes: int = setting(
        whole(1, 32),
        takes="a whole number, 1 to 32",
        default=2,
        does="How many batches of one kind may be written at the same time.",
    )
    database_connections: int = setting(
        whole(2, 500),
        takes="a whole number, 2 to 500",
        default=8,
        does="How many connections to PostgreSQL one process keeps at most.",
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """The settings of this process, from its environment or from the mapping given.

        An empty value counts as not given. Raises `SettingsWrong` for the first setting that is wrong.
        """
        given = {
            name: text
            for name, text in (os.environ if environment is None else environment).items()
            if name.startswith(PREFIX) and text
        }
        settings_by_name = {name_of(each): each for each in fields(cls)}
        for name in given:
            if name not in settings_by_name:
                raise SettingsWrong(_unknown_setting(name, list(settings_by_name)))
        values: dict[str, Any] = {}
        for name, text in given.items():
            each = settings_by_name[name]
            try:
                values[each.name] = each.metadata["read"](text)
            except ValueError:
                shown = "" if not each.repr else f", not {text!r}"
                raise SettingsWrong(f"{name} takes {each.metadata['takes']}{shown}.") from None
        settings = cls(**values)
        settings.require_for_live_mode()
        return settings

    def require_for_live_mode(self) -> None:
        """Checks what live mode must have: a database, a secret key and an https public URL. Raises `SettingsWrong`."""
        if self.mode != "live":
            return
        for each in fields(self):
            if each.name in {"database_url", "secret_key", "public_url"} and getattr(self, each.name) is None:
                raise SettingsWrong(f"Live mode needs {name_of(each)}: set it to {each.metadata['takes']}.")
        where = urlsplit(self.public_url or "")
        if where.scheme != "https" and where.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise SettingsWrong(
                "Live mode needs a GERBANG_PUBLIC_URL that begins with https://: merchants' keys and payers' pages pass there."
            )


def taken_by(name: str) -> tuple[Callable[[str], Any], str]:
    """The reader of a setting's text, which raises ValueError, and the description of the values it takes."""
    (found,) = (each for each in fields(Settings) if each.name == name)
    return found.metadata["read"], found.metadata["takes"]


def name_of(setting: Field[Any]) -> str:
    """The name of a field in the environment."""
    return PREFIX + setting.name.upper()


def _unknown_setting(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"There is no setting {name}. Did you mean {near[0]}?"
    return f"There is no setting {name}. Remove it, or use one of {', '.join(names)}."


def markdown() -> str:
    """The text of docs/settings.md: a table of all settings."""
    lines = [
        "# Settings",
        "",
        "Printed from `gerbang/settings.py` by `make docs`; do not edit.",
        "",
        "A setting is read from the environment when a process starts. An empty one counts as not given, and one that is",
        f"not in this table but begins with `{PREFIX}` stops the start: it is most likely misspelled.",
        "",
        "| name | takes | default | what it does |",
        "|---|---|---|---|",
    ]
    for each in fields(Settings):
        default = "none" if each.default in (None, "") else f"`{each.default}`"
        lines.append(f"| `{name_of(each)}` | {each.metadata['takes']} | {default} | {each.metadata['does']} |")
    return "\n".join(lines) + "\n"
