"""Recognising the database that a process was given: of its own mode and secret key, or of another's."""

from gerbang.db import Tx, installation, missing_migrations
from gerbang.db.installation import Installation, Traces
from gerbang.errors import Unavailable
from gerbang.seals import Seals
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


async def recognise(tx: Tx, mode: Mode, seals: Seals) -> None:
    """Raises SettingsWrong for a database of another mode or key. The first process that opens one decides what it is.

    One process at a time does this (`db.migrate`), so two that are the first agree.
    """
    known = await installation.kept(tx)
    found = known or _what_it_was(await installation.traces(tx), seals) or Installation(mode, seals.fingerprint)
    if found.mode != mode:
        raise SettingsWrong(ANOTHER_MODE[found.mode])
    if found.fingerprint != seals.fingerprint:
        raise SettingsWrong(ANOTHER_KEY)
    if known is None:
        await installation.keep(tx, found)


async def demand_the_same(tx: Tx, mode: Mode, seals: Seals) -> None:
    """Raises Unavailable where a new connection has led to a database that is not this house's, or not as it left it."""
    if await installation.kept(tx) != Installation(mode, seals.fingerprint):
        raise Unavailable(what="cannot be used") from SettingsWrong(ANOTHER_DATABASE)
    try:
        await demand_known_tables(tx)
    except SettingsWrong as older:
        raise Unavailable(what="cannot be used") from older


async def demand_known_tables(tx: Tx) -> None:
    """Raises SettingsWrong for a database whose tables are not of this version, or that has none."""
    if await missing_migrations(tx):
        raise SettingsWrong(OLDER_TABLES)


def _what_it_was(traces: Traces, seals: Seals) -> Installation | None:
    """A house that was open before it was written down what it is; None for a database that was never opened.

    A wrong key or mode at the first start would otherwise be taken for the right one, and the right one be shut out.
    """
    if not (traces.clock or traces.merchants):
        return None
    # Once started by mistake in the other mode or with another key, it has a few traces of that too.
    live = traces.live_keys >= traces.test_keys if traces.live_keys else not (traces.clock or traces.test_keys)
    opened = sum(seals.fits(secret) for secret in traces.sealed)
    fits = 2 * opened >= len(traces.sealed)
    return Installation("live" if live else "sandbox", seals.fingerprint if fits else "of another key")
