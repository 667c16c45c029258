"""Errors of PostgreSQL as sentences for the operator: what is wrong with a database, and what to do.

It names the server and what PostgreSQL said, and never a password.
"""

from urllib.parse import urlsplit

import asyncpg

from gerbang.errors import Unavailable
from gerbang.logs import Seldom
from gerbang.settings import DATABASE_URL, SettingsWrong

ANOTHER_PROGRAM = "another program lives in it: give GERBANG_DATABASE_URL an empty database"
WHAT_TO_DO: dict[type[Exception], str] = {
    asyncpg.InvalidPasswordError: "correct the user or the password in GERBANG_DATABASE_URL",
    asyncpg.InvalidAuthorizationSpecificationError: "let it in there (pg_hba.conf), or correct GERBANG_DATABASE_URL",
    asyncpg.InvalidCatalogNameError: "create it, or correct GERBANG_DATABASE_URL",
    asyncpg.InsufficientPrivilegeError: "make the user of GERBANG_DATABASE_URL the owner of the database "
    "(ALTER DATABASE ... OWNER TO ...) and of what is in it",
    asyncpg.DuplicateTableError: ANOTHER_PROGRAM,
    asyncpg.DuplicateObjectError: ANOTHER_PROGRAM,
    asyncpg.ReadOnlySQLTransactionError: "it leads to a copy that only reads: correct GERBANG_DATABASE_URL",
    asyncpg.DiskFullError: "make room on its disk",
    asyncpg.CannotConnectNowError: "start again in a moment",
    asyncpg.TooManyConnectionsError: "raise max_connections there, or lower GERBANG_DATABASE_CONNECTIONS",
    asyncpg.PostgresError: "put that right there, or correct GERBANG_DATABASE_URL",
}
"""By what PostgreSQL refuses: the first that fits."""


def of_opening(failure: Exception, url: str) -> str:
    """Why no connection could be made."""
    if isinstance(failure, asyncpg.PostgresError) and not isinstance(failure, asyncpg.PostgresConnectionError):
        return f"PostgreSQL{_place(url)} refused: {_said(failure)}."
    if isinstance(failure, asyncpg.TargetServerAttributeNotMatched):
        return (
            f"PostgreSQL{_place(url)} takes no writes: name the host that does in GERBANG_DATABASE_URL, or promote one."
        )
    # A certificate that is not believed is a ValueError too.
    if isinstance(failure, ValueError) and not isinstance(failure, OSError):
        return f"GERBANG_DATABASE_URL takes {DATABASE_URL}."
    why = "no answer" if isinstance(failure, TimeoutError) else getattr(failure, "strerror", None) or str(failure)
    return (
        f"The database{_place(url)} cannot be reached ({why}): start PostgreSQL there and let this machine through to it, "
        "or correct GERBANG_DATABASE_URL."
    )


def of_version(found: int, needed: int, url: str) -> str:
    """Why a server is too old; both are major versions."""
    return (
        f"PostgreSQL{_place(url)} is version {found}, and Gerbang needs {needed} or newer: upgrade it, or name another "
        "in GERBANG_DATABASE_URL."
    )


def of_migrating(refused: asyncpg.PostgresError) -> str:
    """Why the tables could not be made or changed."""
    return f"The tables could not be brought up to date: {_said(refused)}."


def _said(refused: asyncpg.PostgresError) -> str:
    what_to_do = next(what for kind, what in WHAT_TO_DO.items() if isinstance(refused, kind))
    return f"{str(refused).splitlines()[0]}; {what_to_do}"


def _place(url: str) -> str:
    """Where the URL leads to; nothing where it does not say."""
    host = urlsplit(url).netloc.rpartition("@")[2]
    return f" at {host}" if host else ""


TO_CALLERS: dict[type[BaseException], str] = {
    asyncpg.ReadOnlySQLTransactionError: "cannot be written to",
    asyncpg.DiskFullError: "cannot be written to",
    asyncpg.LockNotAvailableError: "does not answer in time",
    asyncpg.QueryCanceledError: "does not answer in time",
    TimeoutError: "does not answer in time",
}
"""What callers may know of each kind of failure."""


def unavailable(failure: BaseException, log: Seldom) -> Unavailable:
    """What to raise for work that PostgreSQL cannot do now; its SQLSTATE is only in the log."""
    code, why = getattr(failure, "sqlstate", None), of_work(failure) or str(failure) or type(failure).__name__
    log.warning("the database cannot do what it was asked", sqlstate=code, why=why)
    what = next((what for kind, what in TO_CALLERS.items() if isinstance(failure, kind)), None)
    return Unavailable() if what is None else Unavailable(what=what)


NOT_NOW: dict[type[BaseException], str] = {
    asyncpg.ReadOnlySQLTransactionError: "PostgreSQL takes no writes: it is a copy, or set to read only.",
    asyncpg.TargetServerAttributeNotMatched: "None of the hosts in GERBANG_DATABASE_URL takes writes.",
    asyncpg.DiskFullError: "PostgreSQL's disk is full.",
    asyncpg.LockNotAvailableError: "Somebody holds a lock on PostgreSQL's tables, as when they are changed.",
    asyncpg.QueryCanceledError: "PostgreSQL took too long.",
    SettingsWrong: "{0}",
}
"""By what was said when work was asked for: why it cannot be done now."""


def of_work(failure: BaseException | None) -> str | None:
    """Why nothing can be written now; None where nothing is known but that PostgreSQL cannot be reached."""
    return next((why.format(failure) for kind, why in NOT_NOW.items() if isinstance(failure, kind)), None)
