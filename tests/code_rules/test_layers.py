"""Layers: which part of the package may import which. A layer may import those below it and never those above."""

import ast

import pytest

from .source import File, imports, parsed, python_files, tracked_paths

LEAVES = frozenset(
    {
        "errors",
        "clock",
        "ids",
        "network",
        "network_targets",
        "resolver",
        "trust",
        "addresses",
        "http_answers",
        "settings",
        "keyring",
        "logs",
        "listening",
        "processes",
        "http_connections",
        "http_refusals",
        "http_responses",
        "descriptors",
        "output",
        "folders",
    }
)

MAY_IMPORT: dict[str, frozenset[str]] = {
    **dict.fromkeys(LEAVES, LEAVES),
    "vault": LEAVES | {"domain"},
    "domain": frozenset({"domain", "errors"}),
    "db": LEAVES | {"db", "domain"},
    "connections": LEAVES | {"connections", "domain", "vault"},
    "channels": LEAVES | {"channels", "domain"},
    "connections_file": LEAVES | {"connections_file", "connections", "channels", "domain"},
    "partners": LEAVES | {"connections", "domain"},
    "statement_files": LEAVES | {"statement_files", "domain"},
    "world": LEAVES | {"db", "channels", "connections", "partners", "domain", "vault"},
    "services": LEAVES
    | {"services", "world", "partners", "db", "channels", "connections", "domain", "statement_files", "vault"},
    "api": LEAVES | {"api", "world", "services", "channels", "domain", "vault"},
    "web": LEAVES | {"web", "world", "services", "channels", "domain", "vault"},
    "workers": LEAVES | {"workers", "world", "services", "channels", "domain"},
    "router": LEAVES | {"world", "api", "web"},
    "app": LEAVES
    | {"app", "router", "world", "api", "web", "workers", "services", "channels", "connections", "db", "domain"}
    | {"connections_file", "partners", "vault"},
    "bank_simulator": LEAVES | {"bank_simulator"},
    "administration": LEAVES | {"administration", "app", "world", "services", "db", "domain"},
    "administration_of_payouts": LEAVES | {"administration", "world", "services", "domain"},
    "administration_of_refunds": LEAVES | {"administration", "world", "services", "domain"},
    "administration_of_days": LEAVES | {"administration", "world", "services", "db", "domain", "statement_files"},
    "cli": LEAVES
    | {
        "cli",
        "administration",
        "administration_of_days",
        "administration_of_payouts",
        "administration_of_refunds",
        "app",
        "connections_file",
        "db",
        "bank_simulator",
    },
    "__main__": frozenset({"cli"}),
    "": LEAVES,  # gerbang/__init__.py
}

WHY = {
    "domain": "the domain is pure: instants, identifiers and rows are passed in",
    "db": "db stores and queries, it does not decide",
    "connections": "a connection carries requests and answers, it cannot decide",
    "channels": "a channel reports, it cannot decide",
    "bank_simulator": "the simulated bank shares no code with the product, so that they cannot be wrong together",
    "services": "services do not know their callers",
    "api": "only services access the database, and an api imports no other top layer",
    "web": "only services access the database, and a page imports no other top layer",
    "workers": "only services access the database, and a worker imports no other top layer",
}

PURE_NAMES_OF_CLOCK = frozenset({"gerbang.clock.wib", "gerbang.clock.WIB"})
"""They convert a given instant and read no clock, so the domain may use them for business days."""

IMPURE_MODULES = frozenset(
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
"""Modules that wait, access the outside or are random. The domain imports none of them."""


def layer_of(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


def layer_violations(file: File) -> list[str]:
    """Imports of a layer that the file's own layer may not import."""
    layer = layer_of(file.module)
    if layer not in MAY_IMPORT:
        return [f"{file.path}: gerbang.{layer} is in no layer; add to MAY_IMPORT what it may import"]
    found: list[str] = []
    for line, name in imports(file):
        if name.split(".")[0] != "gerbang" or name in PURE_NAMES_OF_CLOCK:
            continue
        reached = {layer_of(name)}
        if name.endswith(".db"):
            reached.add("db")  # `from gerbang.services.payments import db` reaches db too
        for wrong in sorted(reached & MAY_IMPORT.keys() - MAY_IMPORT[layer]):
            why = WHY.get(layer, f"{wrong} is above it")
            found.append(f"{file.path}:{line}: {layer or 'gerbang'} may not import {wrong} ({name}): {why}")
    return found


def dialects() -> frozenset[str]:
    """The folders (and files) directly in gerbang/api that do not begin with an underscore."""
    children = {path.split("/")[2].removesuffix(".py") for path in tracked_paths() if path.startswith("gerbang/api/")}
    return frozenset(child for child in children if not child.startswith("_"))


def crossings(file: File, of: frozenset[str]) -> list[str]:
    """Imports of a dialect by another dialect or by a shared file of gerbang/api."""
    if layer_of(file.module) != "api":
        return []
    own = [*file.module.split("."), ""][2]
    found: list[str] = []
    for line, name in imports(file):
        parts = name.split(".")
        if parts[:2] == ["gerbang", "api"] and len(parts) > 2 and parts[2] in of and parts[2] != own:
            found.append(f"{file.path}:{line}: a dialect may not be imported here; {own or 'api'} imports {name}")
    return found


def sql_reached_through_the_world(file: File) -> list[str]:
    """Uses of `world.db` above the services, which bypass the services as an import of db would."""
    if layer_of(file.module) not in {"api", "web", "workers"}:
        return []
    return [
        f"{file.path}:{node.lineno}: only services access the database; call one instead of using world.db"
        for node in file.nodes(ast.Attribute)
        if node.attr == "db"
    ]


def impurities(file: File) -> list[str]:
    """Everything in the domain that waits or accesses the outside."""
    if layer_of(file.module) != "domain":
        return []
    found = [
        f"{file.path}:{line}: the domain is pure and may not import {name}"
        for line, name in imports(file)
        if name.split(".")[0] in IMPURE_MODULES
    ]
    found += [
        f"{file.path}:{node.lineno}: the domain is pure and may not wait"
        for node in file.nodes(ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    ]
    return found


def test_every_layer_imports_only_layers_below_it() -> None:
    assert [violation for file in python_files("gerbang") for violation in layer_violations(file)] == []


def test_no_dialect_imports_another() -> None:
    assert [violation for file in python_files("gerbang") for violation in crossings(file, dialects())] == []


def test_only_services_access_the_database() -> None:
    assert [violation for file in python_files("gerbang") for violation in sql_reached_through_the_world(file)] == []


def test_the_domain_is_pure() -> None:
    assert [violation for file in python_files("gerbang") for violation in impurities(file)] == []


def test_the_rules_find_the_layers_of_the_package() -> None:
    layers = {layer_of(file.module) for file in python_files("gerbang")}
    assert {"domain", "db", "errors", "clock", "ids"} <= layers


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
        ("gerbang/bank_simulator/calls.py", "from gerbang.connections import simulator"),
        ("gerbang/bank_simulator/ledger.py", "from gerbang.domain import money"),
        ("gerbang/services/payments.py", "from gerbang.bank_simulator import signing"),
        ("gerbang/__main__.py", "from gerbang import app"),
        ("gerbang/world.py", "from gerbang.services import payments"),
        ("gerbang/clock.py", "from gerbang.world import World"),
        ("gerbang/network.py", "from gerbang.db import Tx"),
        ("gerbang/unlisted/things.py", "x = 1"),
    ],
)
def test_an_import_of_a_layer_above_is_found(path: str, text: str) -> None:
    assert len(layer_violations(parsed(path, text))) == 1


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
def test_an_import_of_a_layer_below_is_allowed(path: str, text: str) -> None:
    assert layer_violations(parsed(path, text)) == []


def test_a_dialect_that_imports_another_is_found() -> None:
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


def test_access_to_the_database_through_the_world_is_found() -> None:
    text = "async def ready(world):\n    return await world.db.ping()"
    assert len(sql_reached_through_the_world(parsed("gerbang/web/health.py", text))) == 1
    assert sql_reached_through_the_world(parsed("gerbang/services/health.py", text)) == []


@pytest.mark.parametrize(
    "text", ["import asyncio", "from os import path", "async def pay(): ...", "import time", "import httpx"]
)
def test_an_impure_domain_is_found(text: str) -> None:
    assert len(impurities(parsed("gerbang/domain/payments.py", text))) == 1
    assert impurities(parsed("gerbang/services/payments.py", text)) == []
