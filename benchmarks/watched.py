"""A database whose every statement is timed by the name of the function that says it, and of which nothing stays."""

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
    """How long PostgreSQL itself was at a statement, in ms, and how many pages of 8 kB it looked at."""

    ms: float
    pages: int


@dataclass(frozen=True)
class Statement:
    """What was asked, by which function, and how many ms it took until the answer was there as rows."""

    name: str
    ms: float
    plan: Plan | None


class Watched(PlainConnection):
    """A connection that remembers what the functions of gerbang/db said on it since it was last `heard`."""

    explaining = False
    """Whether PostgreSQL is asked, before each statement, how it goes about it."""

    def __init__(self, *args: Any, **how: Any) -> None:
        super().__init__(*args, **how)
        self._statements: list[Statement] = []

    def heard(self) -> list[Statement]:
        """What was said since this was asked before."""
        said, self._statements = self._statements, []
        return said

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
        """Does a statement, with a plan that knows nothing of its values, and undoes it."""
        given = f"({', '.join(map(_literal, arguments))})" if arguments else ""
        await super().execute(f"SAVEPOINT explained; PREPARE asked AS {query}")
        said = await super().fetchval(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE asked {given}")
        await super().execute("ROLLBACK TO explained; DEALLOCATE asked")
        (told,) = msgspec.json.decode(said)
        return Plan(told["Execution Time"], told["Plan"]["Shared Hit Blocks"] + told["Plan"]["Shared Read Blocks"])


def _caller() -> str | None:
    """The function of gerbang/db that is asking, as `file.function`."""
    frame = inspect.currentframe()
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith(FOLDER):
            return f"{Path(code.co_filename).stem}.{code.co_name}"
        frame = frame.f_back
    return None


class Undone(Database):
    """A database behind one connection, on which every transaction is rolled back, so that each question meets the same."""

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
    """A value as an SQL literal of no type: it takes the parameter's."""
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
    return '"' + _text(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
