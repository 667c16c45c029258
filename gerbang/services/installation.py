"""Recognising the database that a process was given: of its own mode and secret key, or of another's."""

from gerbang.db import Tx, installation, missing_migrations
from gerbang.db.installation import Installation
from gerbang.errors import Unavailable
from gerbang.keyring import Keyring
from gerbang.settings import Mode, SettingsWrong

ANOTHER_MODE = {
    "sandbox": "This database is a sandbox's, and a sandbox never becomes live: give GERBANG_DATABASE_URL an empty "
    "database, or set GERBANG_MODE to sandbox.",
    "live": "This database is a live one, which nobody may play with: give GERBANG_DATABASE_URL another database, or set "
    "GERBANG_MODE to live.",
}
"""By what the database is."""
ANOTHER_KEY = (
    "This database is sealed with another secret key: set GERBANG_SECRET_KEY to the one that it was first opened with "
    "(a sandbox may have it in secret.key in its data folder), or start on another database."
)

ANOTHER_DATABASE = "Behind GERBANG_DATABASE_URL is another database than the one that was opened: put that one back."
OLDER_TABLES = (
    "The tables are of an older version, as when their change was lost in a failover: run `gerbang migrate` on this "
    "database."
)


async def recognise(tx: Tx, mode: Mode, keyring: Keyring) -> None:
    """Raises SettingsWrong for a database of another mode or key. The first process that opens one decides what it is.

    One process at a time does this (`db.migrate`), so two that are the first agree.
    """
    known = await installation.kept(tx)
    found = known or Installation(mode, keyring.fingerprint)
    if found.mode != mode:
        raise SettingsWrong(ANOTHER_MODE[found.mode])
    if found.fingerprint != keyring.fingerprint:
        raise SettingsWrong(ANOTHER_KEY)
    if known is None:
        await installation.keep(tx, found)


async def demand_the_same(tx: Tx, mode: Mode, keyring: Keyring) -> None:
    """Raises Unavailable where a new connection has led to a database that is not this gateway's, or not as it left it."""
    if await installation.kept(tx) != Installation(mode, keyring.fingerprint):
        raise Unavailable(what="cannot be used") from SettingsWrong(ANOTHER_DATABASE)
    try:
        await demand_known_tables(tx)
    except SettingsWrong as older:
        raise Unavailable(what="cannot be used") from older


async def demand_known_tables(tx: Tx) -> None:
    """Raises SettingsWrong for a database whose tables are not of this version, or that has none."""
    if await missing_migrations(tx):
        raise SettingsWrong(OLDER_TABLES)
