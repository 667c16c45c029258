"""`python -m benchmarks.scale`: times every statement on millions of payments in tables that were never analysed.

It fills an embedded PostgreSQL, does each operation several times, prints the table and writes scale.md; exit code 1 if
a statement takes longer than its limit.
"""

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import cast
from uuid import UUID

import asyncpg
import structlog

from benchmarks import crowd
from benchmarks.gateways import NOWHERE, SECRET_KEY
from benchmarks.questions import BATCH, MS_MAX, OPERATOR_MS_MAX, Question, Scene, questions
from benchmarks.table import aligned, machine, markdown
from benchmarks.watched import Plan, Statement, Undone, Watched
from gerbang import app
from gerbang.db import SESSION, Tx, payments
from gerbang.db.embedded import postgres
from gerbang.services import merchants
from gerbang.settings import Settings
from gerbang.world import World

COUNT = 3_000_000
TIMES = 7
SECONDS_MAX = 900.0


@dataclass(frozen=True)
class Row:
    """The times of one statement of an operation in ms: the first time, and later ones; and of the whole operation."""

    question: str
    statement: str
    first: float
    median: float
    worst: float
    plan: Plan
    whole: float
    ms_max: float

    @property
    def over(self) -> bool:
        return self.median > self.ms_max


async def measured(url: str, count: int, times: int, say: Callable[[str], None]) -> list[Row]:
    """Fills an empty database and times all operations on it.

    Each operation has a row for its slowest statement, and one for each other statement over its limit.
    """
    async with app.gateway(Settings(database_url=url, secret_key=SECRET_KEY), base_url="http://127.0.0.1") as built:
        merchant, _ = await merchants.create(
            built.world, name="PT Toko Maju", short_name="Toko Maju", email="toko@example.id"
        )
        await merchants.set_callback(built.world, merchant.id, "payment", NOWHERE)
        db = await asyncpg.connect(url, command_timeout=SECONDS_MAX)
        now = await crowd.gather(db, merchant.id, count, say)
        await db.execute("CHECKPOINT")
        await db.close()
        return await timed(url, built.world, merchant.id, now, count, times)


async def timed(url: str, world: World, merchant_id: UUID, now: datetime, count: int, times: int) -> list[Row]:
    """Times all operations on a filled database. What an operation writes is rolled back."""
    # Generic plans from the first use on, which do not depend on the values of parameters.
    session = SESSION | {"plan_cache_mode": "force_generic_plan"}
    connection = await asyncpg.connect(
        url, connection_class=Watched, server_settings=session, command_timeout=SECONDS_MAX
    )
    scene = await _scene(connection, merchant_id, now, count)
    world = replace(world, db=Undone(connection))
    rows: list[Row] = []
    for question in questions(scene):
        rows += await _timed(question.at(world, scene), connection, question, times)
    await connection.close()
    return rows


async def _scene(connection: Watched, merchant_id: UUID, now: datetime, count: int) -> Scene:
    """Chooses the payments that the operations are about."""

    async def those(state: str) -> list[UUID]:
        rows = await connection.fetch(
            "SELECT id FROM payments WHERE merchant_id = $1 AND state = $2 AND kind = 'one_time' AND (expires_at > $3 OR "
            "state = 'paid') ORDER BY id DESC OFFSET 100 LIMIT $4",
            merchant_id,
            state,
            now,
            BATCH,
        )
        return [row["id"] for row in rows]

    opened = await those("awaiting")
    counter = await payments.by_reference(cast("Tx", connection), merchant_id, crowd.COUNTER, "virtual_account")
    assert counter is not None, "the crowd has a static paycode"
    return Scene(
        merchant_id=merchant_id,
        other_id=await connection.fetchval(
            "SELECT merchant_id FROM payments WHERE merchant_id <> $1 LIMIT 1", merchant_id
        ),
        now=now,
        count=count,
        counter=counter,
        arrival_id=await connection.fetchval(
            "SELECT id FROM charges WHERE payment_id = $1 ORDER BY id DESC LIMIT 1", counter.id
        ),
        open=opened,
        numbers=[
            row["number"]
            for row in await connection.fetch("SELECT number FROM paycodes WHERE held AND payment_id = ANY($1)", opened)
        ],
        paid=await those("paid"),
        delivery_id=await connection.fetchval(
            "SELECT id FROM deliveries WHERE merchant_id = $1 AND state = 'parked' LIMIT 1", merchant_id
        ),
        settlement_id=await connection.fetchval(
            "SELECT settlement_id FROM charges WHERE merchant_id = $1 AND settlement_id IS NOT NULL LIMIT 1",
            merchant_id,
        ),
    )


async def _timed(world: World, connection: Watched, question: Question, times: int) -> list[Row]:
    whole: list[float] = []
    each: dict[str, list[Statement]] = {}
    for i in range(times + 2):
        connection.explaining = i > times
        connection.take_statements()
        began = perf_counter()
        await question.ask(world)
        whole.append((perf_counter() - began) * 1000)
        slowest: dict[str, Statement] = {}
        for statement in connection.take_statements():
            slowest[statement.name] = max(slowest.get(statement.name, statement), statement, key=_length)
        for name, statement in slowest.items():
            each.setdefault(name, []).append(statement)
    rows = [
        _row(question, name, [one.ms for one in statement[:-1]], statement[-1].plan, median(whole[1:-1]))
        for name, statement in each.items()
    ]
    rows.sort(key=lambda row: row.median, reverse=True)
    return rows[:1] + [row for row in rows[1:] if row.over]


def _length(statement: Statement) -> float:
    return statement.plan.ms if statement.plan else statement.ms


def _row(question: Question, name: str, ms: Sequence[float], plan: Plan | None, whole: float) -> Row:
    assert plan is not None, "the last time, every statement is explained"
    return Row(question.name, name, ms[0], median(ms[1:]), max(ms[1:]), plan, whole, question.ms_max)


def table_of(rows: Sequence[Row]) -> list[list[str]]:
    """The rows of the printed table, with its head."""
    head = ["", "slowest statement", "first ms", "median ms", "worst ms", "PostgreSQL ms", "pages", "all ms", ""]
    return [
        head,
        *(
            [
                row.question,
                row.statement,
                *(f"{ms:.1f}" for ms in (row.first, row.median, row.worst, row.plan.ms)),
                f"{row.plan.pages:,}",
                f"{row.whole:.1f}",
                "OVER" if row.over else "",
            ]
            for row in rows
        ),
    ]


def _write(rows: Sequence[Row], count: int, path: Path, command: str) -> None:
    """Writes scale.md."""
    over = [row for row in rows if row.over]
    path.write_text(
        f"""# {count:,} payments

Written by `{command}`; do not edit. What is measured, and why so, is in [README.md](README.md).

Machine: {machine()}.
{len(over)} of {len(rows)} statements took longer than they may ({MS_MAX:.0f} ms, {OPERATOR_MS_MAX:.0f} ms for an operator's commands; medians).

{markdown(table_of(rows))}
"""
    )


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def main() -> int:
    """Fills, times and prints; returns 1 if a statement takes too long."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--payments", type=int, default=COUNT, help=f"how many (default: {COUNT:,})")
    parser.add_argument(
        "--times", type=int, default=TIMES, help=f"how often each operation is repeated (default: {TIMES})"
    )
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("scale.md"))
    parser.add_argument(
        "--folder", type=Path, help="where there is room for 8 GB for 3,000,000 payments; it is emptied"
    )
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    folder = Path(tempfile.mkdtemp(prefix="gerbang-scale-", dir=given.folder))
    folder.chmod(0o711)
    try:
        with postgres(folder / "data", keep=False) as url:
            rows = asyncio.run(measured(url, given.payments, given.times, _say))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write(f"\n{aligned(table_of(rows))}\n")
    defaults = {"payments": COUNT, "times": TIMES}
    options = "".join(f" --{name} {vars(given)[name]}" for name in defaults if vars(given)[name] != defaults[name])
    _write(rows, given.payments, given.output, f"python -m benchmarks.scale{options}")
    over = [row for row in rows if row.over]
    sys.stdout.write(f"{len(over)} of {len(rows)} statements took longer than they may.\n")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
