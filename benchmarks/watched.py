"""A database that times each statement under the name of the function that runs it, and rolls everything back."""

import inspect
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import asyncpg
import msgspec

import gerbang.db
from gerbang.db import Database, Tx

if TYPE_CHECKING:
    PlainConnection = asyncpg.Connection[asyncpg.Record]
else:
    PlainConnection = asyncpg.Connection
T = TypeVar("T")
FOLDER = str(Path(gerbang.db.__file__).parent)


@dataclass(frozen=True)
class Plan:
    """PostgreSQL's own time for a statement, in ms, and how many pages of 8 kB it read."""

    ms: float
    pages: int


@dataclass(frozen=True)
class Statement:
    """A statement: the function that ran it, and the ms until its rows were received."""

    name: str
    ms: float
    plan: Plan | None


class Watched(PlainConnection):
    """A connection that records the statements that functions of gerbang/db run on it."""

    explaining = False
    """Whether EXPLAIN ANALYZE is run before each statement."""

    def __init__(self, *args: Any, **how: Any) -> None:
        super().__init__(*args, **how)
        self._statements: list[Statement] = []

    def take_statements(self) -> list[Statement]:
        """The statements recorded since the last call."""
        taken, self._statements = self._statements, []
        return taken

    async def fetch(self, query: str, *args: Any, **how: Any) -> Any:
        return await self._timed(super().fetch, query, args, how)

    async def fetchrow(self, query: str, *args: Any, **how: Any) -> Any:
        return await self._timed(super().fetchrow, query, args, how)

    async def fetchval(self, query: str, *args: Any, **how: Any) -> Any:
        return await self._timed(super().fetchval, query, args, how)

    async def execute(self, query: str, *args: Any, **how: Any) -> Any:
        return await self._timed(super().execute, query, args, how)

    async def _timed(
        self, ask: Callable[..., Awaitable[T]], query: str, arguments: tuple[object, ...], how: dict[str, Any]
    ) -> T:
        name = _caller()
        if name is None:
            return await ask(query, *arguments, **how)
        plan = await self._explained(query, arguments) if self.explaining else None
        began = time.perf_counter()
        answered = await ask(query, *arguments, **how)
        self._statements.append(Statement(name, (time.perf_counter() - began) * 1000, plan))
        return answered

    async def _explained(self, query: str, arguments: tuple[object, ...]) -> Plan:
        """Runs a statement with a generic plan, and rolls it back."""
        given = f"({', '.join(map(_literal, arguments))})" if arguments else ""
        await super().execute(f"SAVEPOINT explained; PREPARE asked AS {query}")
        explained = await super().fetchval(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE asked {given}")
        await super().execute("ROLLBACK TO explained; DEALLOCATE asked")
        (result,) = msgspec.json.decode(explained)
        return Plan(
            result["Execution Time"], result["Plan"]["Shared Hit Blocks"] + result["Plan"]["Shared Read Blocks"]
        )


def _caller() -> str | None:
    """The calling function of gerbang/db, as `file.function`; not the look-up by key in `tables`, which many share."""
    frame = inspect.currentframe()
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith(FOLDER) and not code.co_filename.endswith("/tables.py"):
            return f"{Path(code.co_filename).stem}.{code.co_name}"
        frame = frame.f_back
    return None


class Undone(Database):
    """A database on one connection that rolls back every transaction, so that each operation finds the same rows."""

    def __init__(self, connection: Watched) -> None:
        self._connection = connection

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[Tx]:
        await self._connection.execute("BEGIN")
        try:
            yield cast("Tx", self._connection)
        finally:
            await self._connection.execute("ROLLBACK")

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Tx]:
        async with self.reading() as connection:
            yield connection


def _literal(value: object) -> str:
    """A value as an untyped SQL literal, which takes the type of the parameter."""
    return "NULL" if value is None else "'" + _text(value).replace("'", "''") + "'"


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return "{" + ",".join(map(_element, cast("list[object]", value))) + "}"
    return str(value)


def _element(value: object) -> str:
    if value is None:
        return "NULL"
    text = _record(cast("tuple[object, ...]", value)) if isinstance(value, tuple) else _text(value)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _record(fields: tuple[object, ...]) -> str:
    return "(" + ",".join("" if field is None else _element(field) for field in fields) + ")"
