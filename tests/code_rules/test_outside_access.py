"""Time, randomness, network, environment and database are each accessed through one module and nowhere else."""

import re
from dataclasses import dataclass

import pytest

from .source import File, parsed, python_files, sql_files, strings, uses


@dataclass(frozen=True)
class OutsideAccess:
    """One kind of access to the outside: the module for it, and the names that only this module may use.

    A name stands for itself and for everything below it: `random` for `random.choice` too.
    """

    what: str
    through: str
    names: frozenset[str]
    instead: str

    def is_in(self, path: str) -> bool:
        # These serve incoming connections; the rule is about outgoing ones.
        if self.what == "network" and path in ("gerbang/listening.py", "gerbang/http_connections.py"):
            return True
        return path == self.through or (self.through.endswith("/") and path.startswith(self.through))

    def covers(self, name: str) -> bool:
        parts = name.split(".")
        return any(".".join(parts[:count]) in self.names for count in range(1, len(parts) + 1))


OUTSIDE = (
    OutsideAccess(
        what="time",
        through="gerbang/clock.py",
        names=frozenset(
            {
                "datetime.datetime.now",
                "datetime.datetime.utcnow",
                "datetime.datetime.today",
                "datetime.date.today",
                "time.time",
                "time.time_ns",
                "time.monotonic",
                "time.monotonic_ns",
                "time.clock_gettime",
                "time.clock_gettime_ns",
                "time.localtime",
                "time.gmtime",
                "time.ctime",
                "time.asctime",
            }
        ),
        instead="take `now` as a value or read world.clock (for durations there is time.perf_counter)",
    ),
    OutsideAccess(
        what="randomness",
        through="gerbang/ids.py",
        names=frozenset(
            {
                "random",
                "secrets",
                "os.urandom",
                "os.getrandom",
                "ssl.RAND_bytes",
                "uuid.uuid1",
                "uuid.uuid4",
                "uuid.uuid6",
                "uuid.uuid7",
                "uuid.uuid8",
                "uuid.getnode",
            }
        ),
        instead="use gerbang.ids (to compare secrets there is hmac.compare_digest)",
    ),
    OutsideAccess(
        what="network",
        through="gerbang/network.py",
        names=frozenset(
            {
                "httpx",
                "aiohttp",
                "requests",
                "urllib.request",
                "urllib3",
                "http.client",
                "socket",
                "smtplib",
                "ftplib",
                "websockets",
                "websocket",
                "asyncio.open_connection",
                "asyncio.open_unix_connection",
            }
        ),
        instead="send through gerbang.network, which refuses private addresses and calls inside a transaction",
    ),
    OutsideAccess(
        what="environment",
        through="gerbang/settings.py",
        names=frozenset(
            {
                "os.environ",
                "os.environb",
                "os.getenv",
                "os.getenvb",
                "os.putenv",
                "os.unsetenv",
                "os.path.expandvars",
                "dotenv",
            }
        ),
        instead="add a setting to gerbang.settings",
    ),
    OutsideAccess(
        what="database",
        through="gerbang/db/",
        names=frozenset({"asyncpg", "psycopg", "psycopg2", "sqlite3", "sqlalchemy", "aiosqlite"}),
        instead="write a query function in gerbang/db/<noun>.py",
    ),
)

_UUID = "its UUID is Python's, made and sent several times as fast; no database"
_BANK = "the simulated bank's own ledger, which has nothing to do with the gateway's database"
BANK_LEDGER = "gerbang/bank_simulator/ledger.py"
_SPELLING = "it reads the spelling of an address and opens nothing"
ALLOWED: dict[tuple[str, str], str] = {
    ("gerbang/network_targets.py", "socket"): _SPELLING,
    ("gerbang/network_targets.py", "socket.inet_aton"): _SPELLING,
    ("gerbang/ids.py", "asyncpg.pgproto.pgproto"): _UUID,
    ("gerbang/ids.py", "asyncpg.pgproto.pgproto.UUID"): _UUID,
    (BANK_LEDGER, "sqlite3"): _BANK,
    (BANK_LEDGER, "sqlite3.connect"): _BANK,
}
"""(path, name) -> why this file may use this name. An entry that is no longer needed fails a test."""

SQL_TIME_OR_RANDOMNESS = re.compile(
    r"\b(?:now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|random|random_normal"
    r"|gen_random_uuid|gen_random_bytes|uuidv4|uuidv7|uuid_generate_v\w+)\s*\("
    r"|\b(?:current_timestamp|current_date|current_time|localtimestamp|localtime)\b"
    r"|'(?:now|today|tomorrow|yesterday)'",
    re.IGNORECASE,
)
SQL_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
NAME = r"[\w.\"{}…]+"
SQL = re.compile(
    rf"\bSELECT\b.+\bFROM\b|\bINSERT\s+INTO\b|\bUPDATE\s+(?:ONLY\s+)?\S+(?:\s+(?:AS\s+)?\w+)?\s+SET\b|\bDELETE\s+FROM\b"
    rf"|\A\s*(?:select\s+.+\s+from\s+{NAME}|insert\s+into\s+{NAME}\s*[(vds]|update\s+{NAME}\s+set\s|delete\s+from\s+{NAME})",
    re.DOTALL,
)


def direct_accesses(file: File) -> list[tuple[int, str, OutsideAccess]]:
    """Line, name and kind of every access to the outside in a file that is not the module for it."""
    found = {
        (line, name, access)
        for line, name in uses(file)
        for access in OUTSIDE
        if access.covers(name) and not access.is_in(file.path)
    }
    return sorted(found, key=lambda found_access: found_access[:2])


def access_violations(file: File) -> list[str]:
    return [
        f"{file.path}:{line}: {name} is {access.what}, which is accessed through {access.through}; {access.instead}"
        for line, name, access in direct_accesses(file)
        if (file.path, name) not in ALLOWED
    ]


def sql_time_and_randomness(path: str, line: int, text: str) -> list[str]:
    """SQL that lets the database choose the time or a random value: both must be passed as parameters."""
    # Comments are removed but their line breaks kept, so that the line numbers are right.
    code = SQL_COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text)
    return [
        f"{path}:{line + code[: found.start()].count(chr(10))}: {found[0]!r} in SQL; pass it in as a parameter"
        for found in SQL_TIME_OR_RANDOMNESS.finditer(code)
    ]


def sql_outside_db(file: File) -> list[str]:
    if file.path.startswith("gerbang/db/") or file.path == BANK_LEDGER:
        return []
    return [
        f"{file.path}:{line}: SQL outside gerbang/db: {text.strip()[:60]!r}"
        for line, text in strings(file)
        if SQL.search(text)
    ]


@pytest.mark.slow
def test_the_outside_is_accessed_only_through_its_modules() -> None:
    assert [violation for file in python_files("gerbang") for violation in access_violations(file)] == []


@pytest.mark.slow
def test_every_exception_is_still_needed() -> None:
    used = {(file.path, name) for file in python_files("gerbang") for _, name, _ in direct_accesses(file)}
    assert ALLOWED.keys() - used == set()


def test_the_database_chooses_neither_time_nor_identifiers() -> None:
    in_python = [
        violation
        for file in python_files("gerbang/db")
        for line, text in strings(file)
        for violation in sql_time_and_randomness(file.path, line, text)
    ]
    in_sql = [violation for path, text in sql_files() for violation in sql_time_and_randomness(path, 1, text)]
    assert in_python + in_sql == []


def test_all_sql_is_in_db() -> None:
    assert [violation for file in python_files("gerbang") for violation in sql_outside_db(file)] == []
    stray = [path for path, _ in sql_files() if not path.startswith("gerbang/db/")]
    assert stray == []


def test_there_is_sql_to_look_at() -> None:
    assert sql_files(), "no .sql file found: the rules for SQL would check nothing"
    assert [text for file in python_files("gerbang/db") for _, text in strings(file) if SQL.search(text)]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("import datetime\nx = datetime.datetime.now()", "time"),
        ("from datetime import datetime\nx = datetime.utcnow()", "time"),
        ("from datetime import datetime as dt, UTC\nx = dt.now(UTC)", "time"),
        ("from datetime import date\nx = date.today()", "time"),
        ("from datetime import datetime\nmake = dict(default_factory=datetime.now)", "time"),
        ("import time\nx = time.time()", "time"),
        ("from time import monotonic", "time"),
        ("import time as t\nx = t.monotonic_ns()", "time"),
        ("import random", "randomness"),
        ("def roll():\n    import random", "randomness"),
        ("from secrets import token_hex", "randomness"),
        ("import uuid\nx = uuid.uuid4()", "randomness"),
        ("from uuid import uuid1", "randomness"),
        ("import os\nx = os.urandom(8)", "randomness"),
        ("import httpx", "network"),
        ("import urllib.request", "network"),
        ("from urllib import request", "network"),
        ("from http.client import HTTPConnection", "network"),
        ("import socket", "network"),
        ("import asyncio\nx = asyncio.open_connection", "network"),
        ("import os\nx = os.environ['A']", "environment"),
        ("from os import getenv", "environment"),
        ("import asyncpg", "database"),
    ],
)
def test_direct_access_to_the_outside_is_found(text: str, what: str) -> None:
    accesses = direct_accesses(parsed("gerbang/services/payments.py", text))
    assert {access.what for _, _, access in accesses} == {what}
    assert access_violations(parsed("gerbang/services/payments.py", text))


@pytest.mark.parametrize("access", OUTSIDE, ids=lambda access: access.what)
def test_the_module_for_an_access_may_use_its_names_and_others_may_not(access: OutsideAccess) -> None:
    path = f"{access.through}payments.py" if access.through.endswith("/") else access.through
    for name in access.names:
        module, _, attribute = name.rpartition(".")
        text = f"from {module} import {attribute}" if module else f"import {attribute}"
        assert direct_accesses(parsed(path, text)) == []
        assert direct_accesses(parsed("gerbang/web/health.py", text)), text


@pytest.mark.parametrize(
    "text",
    [
        "import time\nx = time.perf_counter()",
        "import asyncio\nx = asyncio.get_running_loop().time()",
        "def see(clock):\n    return clock.now()",
        "from datetime import datetime\nx = datetime.fromisoformat('2026-01-01')",
        "import uuid\nx = uuid.UUID(int=1)",
        "import urllib.parse\nfrom http import HTTPStatus",
        "import os\nx = os.path.join('a', 'b')",
        "import hmac\nx = hmac.compare_digest('a', 'b')",
    ],
)
def test_names_without_access_to_the_outside_are_allowed(text: str) -> None:
    assert direct_accesses(parsed("gerbang/services/payments.py", text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1 WHERE expires_at < now()",
        "created_at timestamptz NOT NULL DEFAULT NOW ()",
        "paid_on date DEFAULT current_date",
        "SELECT clock_timestamp()",
        "SELECT CURRENT_TIMESTAMP",
        "id uuid DEFAULT gen_random_uuid()",
        "ORDER BY random()",
        "SELECT 'now'::timestamptz",
    ],
)
def test_time_or_randomness_in_sql_is_found(text: str) -> None:
    assert len(sql_time_and_randomness("a.sql", 1, text)) == 1


def test_time_in_sql_is_reported_with_its_line_and_comments_are_ignored() -> None:
    text = "-- Not now(): time is a parameter.\n/* nor\nrandom() */\nSELECT $1;\nSELECT now()"
    assert sql_time_and_randomness("a.sql", 1, text) == ["a.sql:5: 'now(' in SQL; pass it in as a parameter"]
    assert sql_time_and_randomness("a.sql", 1, "SELECT known(), right_now, paid_at") == []


@pytest.mark.parametrize(
    "literal",
    [
        '"SELECT id FROM payments"',
        '"""\n  SELECT id,\n    state\n  FROM payments"""',
        'f"SELECT id FROM {table}"',
        '"WITH a AS (SELECT 1 FROM b) INSERT INTO c VALUES (1)"',
        '"UPDATE payments SET state = $1"',
        '"UPDATE payments AS p SET state = $1"',
        '"DELETE FROM payments"',
        '"select id from payments"',
        '"insert into payments (id) values ($1)"',
        '"update payments set state = $1"',
        '"delete from payments"',
    ],
)
def test_sql_outside_db_is_found(literal: str) -> None:
    text = f"query = {literal}"
    assert len(sql_outside_db(parsed("gerbang/services/payments.py", text))) == 1
    assert sql_outside_db(parsed("gerbang/db/payments.py", text)) == []


@pytest.mark.parametrize(
    "text",
    [
        '"""SELECT FROM is explained in a docstring."""',
        'x = "Select a bank from the list."',
        'x = "The amount was deleted from the basket; update your app"',
        'x = "UPDATE"',
    ],
)
def test_plain_english_is_not_sql(text: str) -> None:
    assert sql_outside_db(parsed("gerbang/web/pages.py", text)) == []
