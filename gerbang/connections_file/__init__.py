"""The connections file: our contracts with banks and acquirers, in TOML, which an operator reviews and all processes share.

It is read when a process starts. docs/connections.md says how it is written.
"""

import stat
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import cast

import msgspec

from gerbang import channels
from gerbang.connections import Provider
from gerbang.connections import providers as all_providers
from gerbang.connections_file import rules
from gerbang.connections_file.decoding import Decoder, Fault, joined, suggestion
from gerbang.domain.connections import Connection, Connections, Name, Route, of_the_sandbox
from gerbang.settings import Settings, SettingsWrong

BYTES_MAX = 1024 * 1024


class ConnectionsWrong(SettingsWrong):
    """The file cannot be used. The message has one line for each thing that is wrong, with its path."""


class Contents(msgspec.Struct, frozen=True):
    """What a file says, as far as it can be read, and what is wrong or unsafe in it."""

    file: Path | None
    """None: there is no file, and what is said is what the mode has without one."""
    connections: Connections
    names: tuple[str, ...] = ()
    """Of all connections in the file, those that cannot be read included."""
    faults: list[Fault] = []
    """What keeps a gateway from starting."""
    remarks: list[Fault] = []
    """What is unsafe, and reported at the start."""

    @property
    def complaint(self) -> str:
        """All faults in as many lines."""
        count = "one thing is" if len(self.faults) == 1 else f"{len(self.faults)} things are"
        return "\n".join([f"{self.file} cannot be used, since {count} wrong:", *(f"  {each}" for each in self.faults)])


def read(settings: Settings) -> Contents:
    """The connections of this process. Raises ConnectionsWrong where anything is wrong with them."""
    contents = look(settings)
    if contents.faults:
        raise ConnectionsWrong(contents.complaint)
    return contents


def look(settings: Settings, providers: Mapping[str, Provider] | None = None) -> Contents:
    """The connections of this process with all that is wrong. Raises ConnectionsWrong where the file is no TOML at all.

    `providers` are those of this gateway unless given.
    """
    live = settings.mode == "live"
    if settings.connections is None:
        found = Connections() if live else of_the_sandbox()
        return Contents(None, found, (*found.by_name,))
    file = settings.connections.absolute()
    providers = all_providers() if providers is None else providers
    table, remarks = _toml(file)
    decoder = Decoder(file.parent, remarks=remarks)
    decoder.known(("connections", "routes"), table, "")
    written = decoder.table(table.get("connections", {}), "connections")
    made = {name: _connection(decoder, name, each, providers) for name, each in written.items()}
    routes = _routes(decoder, table.get("routes", []))
    found = {name: each for name, each in made.items() if each is not None}
    faults = rules.of_connections(found, providers, live=live) + rules.of_routes(
        routes, found, made.keys(), _channels()
    )
    connections = Connections(found, tuple(each for each in routes if each is not None))
    all_faults = [*decoder.faults, *(each for each in faults if not _is_shown(each, decoder.faults))]
    unsafe = [] if all_faults else rules.remarks_on(found, providers)
    return Contents(file, connections, (*made,), all_faults, [*decoder.remarks, *unsafe])


def _is_shown(fault: Fault, shown: list[Fault]) -> bool:
    """Whether something in this member is known to be wrong: it counts as left out then, and nobody has left it out."""
    return any(each.path == fault.path or each.path.startswith((f"{fault.path}.", f"{fault.path}[")) for each in shown)


def _channels() -> Collection[str]:
    return channels.found().keys()


def _toml(file: Path) -> tuple[dict[str, object], list[Fault]]:
    """The file's tables, and a remark if everybody may change it. Raises ConnectionsWrong."""
    named = f"GERBANG_CONNECTIONS names {file}, which"
    try:
        found = file.stat()
        if not stat.S_ISREG(found.st_mode):
            raise ConnectionsWrong(f"{named} is not an ordinary file.")
        if found.st_size > BYTES_MAX:
            raise ConnectionsWrong(f"{named} is longer than {BYTES_MAX // 1024} KiB.")
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise ConnectionsWrong(f"{named} is not text in UTF-8, as TOML must be.") from None
    except OSError as wrong:
        raise ConnectionsWrong(f"{named} cannot be read: {wrong.strerror}.") from None
    try:
        table = tomllib.loads(text)
    except ValueError as wrong:
        raise ConnectionsWrong(f"{file} is not TOML: {wrong}.") from None
    except RecursionError:
        raise ConnectionsWrong(f"{file} is not TOML that can be used: it nests too deeply.") from None
    if found.st_mode & stat.S_IWOTH:
        return table, [Fault(str(file), f"may be changed by every user of this machine: run chmod o-w {file}")]
    return table, []


def _routes(decoder: Decoder, value: object) -> list[Route | None]:
    """The routes in the order of the file; None for one that cannot be made."""
    if not isinstance(value, list):
        decoder.wrong("routes", "must be written as [[routes]], once for each route")
        return []
    items = cast(list[object], value)
    return [decoder.struct(Route, each, f"routes[{number}]") for number, each in enumerate(items, 1)]


def _connection(decoder: Decoder, name: str, value: object, providers: Mapping[str, Provider]) -> Connection | None:
    path = joined("connections", name)
    table = dict(decoder.table(value, path))
    if not isinstance(value, dict):
        return None
    before = len(decoder.faults)
    decoder.value(Name, name, path)
    if len(decoder.faults) > before:
        decoder.faults[before:] = [
            Fault(path, "must have another name: lower-case letters, digits and single hyphens, 40 at most")
        ]
    own = table.pop("settings", {})
    provider = providers.get(written) if isinstance(written := table.get("provider"), str) else None
    if isinstance(written, str) and provider is None:
        decoder.wrong(
            f"{path}.provider",
            f"names {written}, which this version has no code for: {suggestion(written, providers, 'correct it')}",
        )
    settings = None if provider is None else decoder.struct(provider.settings, own, f"{path}.settings")
    return decoder.struct(Connection, table, path, {"name": name, "settings": settings}, also=("settings",))
