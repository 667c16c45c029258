"""Doors: time, chance, network, environment and memory are each reached through one place and nowhere else."""

import re
from dataclasses import dataclass

import pytest

from .source import File, parsed, python_files, sql_files, strings, uses


@dataclass(frozen=True)
class Door:
    """One way out of the house: where it is, and the names that nobody else may use (and all names below them)."""

    what: str
    through: str
    names: frozenset[str]
    instead: str

    def is_in(self, path: str) -> bool:
        # A server's sockets are the way in, not the way out: the network's front door.
        if self.what == "network" and path in ("gerbang/listening.py", "gerbang/http_connections.py"):
            return True
        return path == self.through or (self.through.endswith("/") and path.startswith(self.through))

    def leads_to(self, name: str) -> bool:
        parts = name.split(".")
        return any(".".join(parts[:count]) in self.names for count in range(1, len(parts) + 1))


DOORS = (
    Door(
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
    Door(
        what="chance",
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
        instead="ask gerbang.ids (to compare secrets there is hmac.compare_digest)",
    ),
    Door(
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
        instead="send through gerbang.network, which refuses private addresses and waiting inside a transaction",
    ),
    Door(
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
    Door(
        what="memory",
        through="gerbang/db/",
        names=frozenset({"asyncpg", "psycopg", "psycopg2", "sqlite3", "sqlalchemy", "aiosqlite"}),
        instead="write a query function in gerbang/db/<noun>.py",
    ),
)

ALLOWED: dict[tuple[str, str], str] = {}
"""(path, name) -> why this file may use this name beside the door. An entry that nobody needs any more fails a test."""

SQL_THAT_ASKS_TIME_OR_CHANCE = re.compile(
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


def ways_out(file: File) -> list[tuple[int, str, Door]]:
    """Line, name and door of everything that a file reaches without going through the door."""
    found = {
        (line, name, door)
        for line, name in uses(file)
        for door in DOORS
        if door.leads_to(name) and not door.is_in(file.path)
    }
    return sorted(found, key=lambda way: way[:2])


def doors_missed(file: File) -> list[str]:
    return [
        f"{file.path}:{line}: {name} is {door.what}, whose door is {door.through}; {door.instead}"
        for line, name, door in ways_out(file)
        if (file.path, name) not in ALLOWED
    ]


def sql_clocks_and_dice(path: str, line: int, text: str) -> list[str]:
    """SQL that lets the database choose the time or an identifier: both are parameters in this house."""
    # Comments are blanked but their lines are kept, so that the line number is right.
    code = SQL_COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text)
    return [
        f"{path}:{line + code[: found.start()].count(chr(10))}: {found[0]!r} in SQL; pass it in as a parameter"
        for found in SQL_THAT_ASKS_TIME_OR_CHANCE.finditer(code)
    ]


def sql_outside_db(file: File) -> list[str]:
    if file.path.startswith("gerbang/db/"):
        return []
    return [
        f"{file.path}:{line}: SQL outside gerbang/db: {text.strip()[:60]!r}"
        for line, text in strings(file)
        if SQL.search(text)
    ]


def test_each_door_is_the_only_way_out() -> None:
    assert [breach for file in python_files("gerbang") for breach in doors_missed(file)] == []


def test_every_allowance_is_still_needed() -> None:
    used = {(file.path, name) for file in python_files("gerbang") for _, name, _ in ways_out(file)}
    assert ALLOWED.keys() - used == set()


def test_the_database_chooses_neither_time_nor_identifiers() -> None:
    in_python = [
        breach
        for file in python_files("gerbang/db")
        for line, text in strings(file)
        for breach in sql_clocks_and_dice(file.path, line, text)
    ]
    in_sql = [breach for path, text in sql_files() for breach in sql_clocks_and_dice(path, 1, text)]
    assert in_python + in_sql == []


def test_all_sql_is_in_db() -> None:
    assert [breach for file in python_files("gerbang") for breach in sql_outside_db(file)] == []
    stray = [path for path, _ in sql_files() if not path.startswith("gerbang/db/")]
    assert stray == []


def test_there_is_sql_to_look_at() -> None:
    assert sql_files(), "no .sql file found: the rules for SQL hold nothing"
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
        ("import random", "chance"),
        ("def roll():\n    import random", "chance"),
        ("from secrets import token_hex", "chance"),
        ("import uuid\nx = uuid.uuid4()", "chance"),
        ("from uuid import uuid1", "chance"),
        ("import os\nx = os.urandom(8)", "chance"),
        ("import httpx", "network"),
        ("import urllib.request", "network"),
        ("from urllib import request", "network"),
        ("from http.client import HTTPConnection", "network"),
        ("import socket", "network"),
        ("import asyncio\nx = asyncio.open_connection", "network"),
        ("import os\nx = os.environ['A']", "environment"),
        ("from os import getenv", "environment"),
        ("import asyncpg", "memory"),
    ],
)
def test_going_around_a_door_is_seen(text: str, what: str) -> None:
    ways = ways_out(parsed("gerbang/services/payments.py", text))
    assert {door.what for _, _, door in ways} == {what}
    assert doors_missed(parsed("gerbang/services/payments.py", text))


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.what)
def test_a_door_may_be_used_from_its_own_place_only(door: Door) -> None:
    path = f"{door.through}payments.py" if door.through.endswith("/") else door.through
    for name in door.names:
        module, _, attribute = name.rpartition(".")
        text = f"from {module} import {attribute}" if module else f"import {attribute}"
        assert ways_out(parsed(path, text)) == []
        assert ways_out(parsed("gerbang/web/health.py", text)), text


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
def test_what_needs_no_door_is_left_alone(text: str) -> None:
    assert ways_out(parsed("gerbang/services/payments.py", text)) == []


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
def test_a_clock_or_dice_in_sql_is_seen(text: str) -> None:
    assert len(sql_clocks_and_dice("a.sql", 1, text)) == 1


def test_a_clock_in_sql_is_reported_with_its_line_and_comments_do_not_count() -> None:
    text = "-- Not now(): time is a parameter.\n/* nor\nrandom() */\nSELECT $1;\nSELECT now()"
    assert sql_clocks_and_dice("a.sql", 1, text) == ["a.sql:5: 'now(' in SQL; pass it in as a parameter"]
    assert sql_clocks_and_dice("a.sql", 1, "SELECT known(), right_now, paid_at") == []


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
def test_sql_outside_db_is_seen(literal: str) -> None:
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
