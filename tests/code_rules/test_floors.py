"""Floors: which part of the house may lean on which. A floor knows what is below it and never what is above."""

import ast

import pytest

from .source import File, imports, parsed, python_files, tracked_paths

LEAVES = frozenset(
    {
        "errors",
        "clock",
        "ids",
        "network",
        "resolver",
        "trust",
        "addresses",
        "http_answers",
        "settings",
        "keyring",
        "logs",
        "listening",
        "http_connections",
        "descriptors",
        "output",
        "folders",
    }
)

MAY_LEAN_ON: dict[str, frozenset[str]] = {
    **dict.fromkeys(LEAVES, LEAVES),
    "domain": frozenset({"domain", "errors"}),
    "db": LEAVES | {"db", "domain"},
    "connections": LEAVES | {"connections", "domain"},
    "channels": LEAVES | {"channels", "domain"},
    "world": LEAVES | {"db", "channels", "connections", "domain"},
    "services": LEAVES | {"services", "world", "db", "channels", "connections", "domain"},
    "api": LEAVES | {"api", "world", "services", "channels", "domain"},
    "web": LEAVES | {"web", "world", "services", "channels", "domain"},
    "workers": LEAVES | {"workers", "world", "services", "channels", "domain"},
    "app": LEAVES | {"app", "world", "api", "web", "workers", "services", "channels", "connections", "db", "domain"},
    "administration": LEAVES | {"administration", "app", "world", "services", "db", "domain"},
    "cli": LEAVES | {"cli", "administration", "app", "db"},
    "__main__": frozenset({"cli"}),
    "": LEAVES,  # gerbang/__init__.py
}

WHY = {
    "domain": "the domain is pure: it is handed instants, identifiers and rows, and asks for nothing",
    "db": "db remembers; it does not decide",
    "connections": "a connection carries requests and answers, it cannot decide",
    "channels": "a channel reports, it cannot decide",
    "services": "services do not know who asks",
    "api": "only services see SQL, and an api speaks to nobody beside it",
    "web": "only services see SQL, and a page speaks to nobody beside it",
    "workers": "only services see SQL, and a worker speaks to nobody beside it",
}

PURE_NAMES_OF_CLOCK = frozenset({"gerbang.clock.wib", "gerbang.clock.WIB"})
"""They convert an instant that is handed in and read no clock, so the domain may have its business days from them."""

WAITS = frozenset(
    {
        "asyncio",
        "asyncpg",
        "httpx",
        "aiohttp",
        "starlette",
        "uvicorn",
        "jinja2",
        "structlog",
        "socket",
        "threading",
        "subprocess",
        "concurrent",
        "os",
        "time",
        "random",
        "secrets",
        "sqlite3",
    }
)
"""Modules that wait, read the outside or roll dice: none of them belongs into the domain."""


def floor_of(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


def leans(file: File) -> list[str]:
    """Imports against the direction of the house."""
    floor = floor_of(file.module)
    if floor not in MAY_LEAN_ON:
        return [f"{file.path}: gerbang.{floor} is on no floor; say in MAY_LEAN_ON what it may lean on"]
    found: list[str] = []
    for line, name in imports(file):
        if name.split(".")[0] != "gerbang" or name in PURE_NAMES_OF_CLOCK:
            continue
        reached = {floor_of(name)}
        if name.endswith(".db"):
            reached.add("db")  # `from gerbang.services.payments import db` is a way to db too
        for wrong in sorted(reached & MAY_LEAN_ON.keys() - MAY_LEAN_ON[floor]):
            why = WHY.get(floor, f"{wrong} is above it")
            found.append(f"{file.path}:{line}: {floor or 'gerbang'} may not import {wrong} ({name}): {why}")
    return found


def dialects() -> frozenset[str]:
    """The folders (and files) directly in gerbang/api that do not begin with an underscore."""
    children = {path.split("/")[2].removesuffix(".py") for path in tracked_paths() if path.startswith("gerbang/api/")}
    return frozenset(child for child in children if not child.startswith("_"))


def crossings(file: File, of: frozenset[str]) -> list[str]:
    """One dialect that imports another, or a shared file of gerbang/api that imports a dialect."""
    if floor_of(file.module) != "api":
        return []
    own = [*file.module.split("."), ""][2]
    found: list[str] = []
    for line, name in imports(file):
        parts = name.split(".")
        if parts[:2] == ["gerbang", "api"] and len(parts) > 2 and parts[2] in of and parts[2] != own:
            found.append(f"{file.path}:{line}: dialects are neighbours, not versions; {own or 'api'} imports {name}")
    return found


def sql_reached_through_the_world(file: File) -> list[str]:
    """`world.db` above the services: the same breach as importing db, by another way."""
    if floor_of(file.module) not in {"api", "web", "workers"}:
        return []
    return [
        f"{file.path}:{node.lineno}: only services see SQL; ask one instead of world.db"
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Attribute) and node.attr == "db"
    ]


def impurities(file: File) -> list[str]:
    """Whatever in the domain waits or asks the outside."""
    if floor_of(file.module) != "domain":
        return []
    found = [
        f"{file.path}:{line}: the domain is pure and may not import {name}"
        for line, name in imports(file)
        if name.split(".")[0] in WAITS
    ]
    waiting = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    found += [
        f"{file.path}:{node.lineno}: the domain is pure and may not wait"
        for node in ast.walk(file.tree)
        if isinstance(node, waiting)
    ]
    return found


def test_every_floor_leans_only_on_what_is_below_it() -> None:
    assert [breach for file in python_files("gerbang") for breach in leans(file)] == []


def test_no_dialect_knows_another() -> None:
    assert [breach for file in python_files("gerbang") for breach in crossings(file, dialects())] == []


def test_only_services_see_sql() -> None:
    assert [breach for file in python_files("gerbang") for breach in sql_reached_through_the_world(file)] == []


def test_the_domain_is_pure() -> None:
    assert [breach for file in python_files("gerbang") for breach in impurities(file)] == []


def test_the_rules_see_every_floor_that_is_in_the_house() -> None:
    floors = {floor_of(file.module) for file in python_files("gerbang")}
    assert {"domain", "db", "errors", "clock", "ids"} <= floors


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("gerbang/domain/money.py", "from gerbang.db import payments"),
        ("gerbang/domain/money.py", "from gerbang.clock import SystemClock"),
        ("gerbang/domain/money.py", "import gerbang.ids"),
        ("gerbang/domain/money.py", "from .. import services"),
        ("gerbang/domain/money.py", "from ..db.payments import load"),
        ("gerbang/domain/__init__.py", "from ..services import payments"),
        ("gerbang/domain/money.py", "import typing\nif typing.TYPE_CHECKING:\n    from gerbang.db import Tx"),
        ("gerbang/domain/money.py", "def late():\n    from gerbang import services"),
        ("gerbang/db/payments.py", "from gerbang.channels import qris"),
        ("gerbang/db/payments.py", "from gerbang.world import World"),
        ("gerbang/channels/qris.py", "from gerbang.services import reports"),
        ("gerbang/channels/__init__.py", 'import importlib\nimportlib.import_module("gerbang.db")'),
        ("gerbang/connections/snap/server.py", "from gerbang import db"),
        ("gerbang/connections/simulator.py", "from gerbang.channels import qris"),
        ("gerbang/services/payments.py", "from gerbang.api import v2_sessions"),
        ("gerbang/services/payments.py", "from gerbang.app import build"),
        ("gerbang/api/v2_sessions/payments.py", "from gerbang import db"),
        ("gerbang/api/v2_sessions/payments.py", "from ...db import payments"),
        ("gerbang/api/v2_sessions/payments.py", "from gerbang.services.payments import db"),
        ("gerbang/api/v2_sessions/payments.py", "from gerbang.workers import expire"),
        ("gerbang/web/health.py", "import gerbang.db"),
        ("gerbang/web/health.py", "from gerbang.api.v2_sessions import shapes"),
        ("gerbang/workers/expire.py", "from gerbang.web import health"),
        ("gerbang/workers/expire.py", "from gerbang.cli import run"),
        ("gerbang/app.py", "from gerbang.cli import run"),
        ("gerbang/app.py", "from gerbang import administration"),
        ("gerbang/administration.py", "from gerbang.cli import run"),
        ("gerbang/administration.py", "from gerbang.api import v2_sessions"),
        ("gerbang/workers/expire.py", "from gerbang import administration"),
        ("gerbang/cli/__init__.py", "from gerbang.services import merchants"),
        ("gerbang/__main__.py", "from gerbang import app"),
        ("gerbang/world.py", "from gerbang.services import payments"),
        ("gerbang/clock.py", "from gerbang.world import World"),
        ("gerbang/network.py", "from gerbang.db import Tx"),
        ("gerbang/attic/things.py", "x = 1"),
    ],
)
def test_leaning_the_wrong_way_is_seen(path: str, text: str) -> None:
    assert len(leans(parsed(path, text))) == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("gerbang/domain/payments.py", "from gerbang.domain.money import Money\nfrom gerbang import errors"),
        ("gerbang/domain/settlements.py", "from gerbang.clock import wib"),
        ("gerbang/domain/payments.py", "from . import money\nfrom datetime import datetime"),
        ("gerbang/db/payments.py", "from gerbang.domain import payments\nfrom gerbang.errors import Refused"),
        ("gerbang/services/payouts.py", "from gerbang.connections import simulator\nfrom gerbang.domain import money"),
        ("gerbang/services/payments.py", "from gerbang import db, channels\nfrom gerbang.world import World"),
        ("gerbang/api/v2_sessions/__init__.py", "from .payments import routes\nfrom gerbang.world import World"),
        ("gerbang/workers/expire.py", "from gerbang.services import payments\nfrom gerbang import channels"),
        ("gerbang/administration.py", "from gerbang import app, db\nfrom gerbang.services import merchants"),
        (
            "gerbang/cli/__init__.py",
            "from gerbang import administration, app, settings\nfrom gerbang.db import embedded",
        ),
        ("gerbang/__main__.py", "from gerbang.cli import main"),
    ],
)
def test_leaning_the_right_way_is_allowed(path: str, text: str) -> None:
    assert leans(parsed(path, text)) == []


def test_a_dialect_that_imports_its_neighbour_is_seen() -> None:
    both = frozenset({"v2_sessions", "v4_documents"})
    for path, text in [
        ("gerbang/api/v4_documents/payments.py", "from gerbang.api.v2_sessions.shapes import amount"),
        ("gerbang/api/v4_documents/payments.py", "from ..v2_sessions import shapes"),
        ("gerbang/api/v4_documents/__init__.py", "from gerbang.api import v2_sessions"),
        ("gerbang/api/__init__.py", "from gerbang.api.v2_sessions import application"),
        ("gerbang/api/_pages.py", "from .v4_documents import shapes"),
    ]:
        assert len(crossings(parsed(path, text), both)) == 1, text
    for path, text in [
        ("gerbang/api/v4_documents/payments.py", "from gerbang.api.v4_documents.shapes import amount"),
        ("gerbang/api/v4_documents/payments.py", "from gerbang.api import Dialect, _pages"),
        ("gerbang/api/v4_documents/payments.py", "from . import shapes"),
    ]:
        assert crossings(parsed(path, text), both) == [], text


def test_reaching_sql_through_the_world_is_seen() -> None:
    text = "async def ready(world):\n    return await world.db.ping()"
    assert len(sql_reached_through_the_world(parsed("gerbang/web/health.py", text))) == 1
    assert sql_reached_through_the_world(parsed("gerbang/services/health.py", text)) == []


@pytest.mark.parametrize(
    "text", ["import asyncio", "from os import path", "async def pay(): ...", "import time", "import httpx"]
)
def test_an_impure_domain_is_seen(text: str) -> None:
    assert len(impurities(parsed("gerbang/domain/payments.py", text))) == 1
    assert impurities(parsed("gerbang/services/payments.py", text)) == []
