"""A gateway without HTTP: its services on a real database and a clock that stands still, for tests that call them."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import uvloop

from gerbang import app
from gerbang.clock import MovableClock
from gerbang.db import audit
from gerbang.domain.charges import Charge
from gerbang.domain.merchants import Agreement, Merchant
from gerbang.domain.money import rupiah
from gerbang.domain.payments import Details, Method, Payment
from gerbang.domain.reports import Report
from gerbang.services import merchants
from gerbang.services.batches import Batches
from gerbang.services.payments import read
from gerbang.services.payments.decide import NewPayment
from gerbang.services.payments.read import Found
from gerbang.settings import Settings
from gerbang.workers import Workers
from gerbang.world import World

T = TypeVar("T")
START = datetime(2025, 3, 30, 5, 48, 17, tzinfo=UTC)
KEY = "a key of the tests, 32 characters"
PRICE = rupiah(20_000)
BRI = Method(channel="virtual_account", option="BRI", payer_name="Budi")
RULES_AT_ONCE = 12
"""So many rules of an audit are asked for in one statement: a longer text than 15 KB would be planned anew each time."""
_serial = itertools.count(1)


def run(story: Callable[[], Awaitable[T]]) -> T:
    """Runs a story to its end, on the loop that the gateway itself runs on."""

    async def inside() -> T:
        return await story()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(inside())


@dataclass(frozen=True)
class PlainAnswers:
    """Answers creates with the payment's id and the number to pay to, whatever the product."""

    product: str

    def answer(self, payment: Payment, charge: Charge | None) -> bytes:
        instructions = charge.instructions if charge else payment.method.instructions if payment.method else None
        return f"{payment.id} {instructions.number if instructions else '-'}".encode()


@dataclass(frozen=True)
class Services:
    """The parts of one process. Its clock moves only when it is moved."""

    world: World
    batches: Batches
    workers: Workers
    clock: MovableClock

    def pass_time(self, **duration: float) -> None:
        self.clock.advance(timedelta(**duration))

    async def merchant(self, *, agreement: Agreement | None = None, callbacks: str | None = None) -> Merchant:
        """A new merchant, and where its callbacks go."""
        merchant, _ = await merchants.create(
            self.world, name="Toko Uji", short_name="TOKO UJI", email="uji@toko.example", agreement=agreement
        )
        if callbacks is not None:
            await merchants.set_callback(self.world, merchant.id, "payment", callbacks)
        return merchant

    async def create(self, merchant: Merchant, **changes: Any) -> UUID:
        """A new payment through the batch; its id. A virtual account of BRI over Rp 20.000, unless said otherwise."""
        return payment_id(await self.batches.create(order(merchant.id, **changes)))

    async def read(self, merchant: Merchant, id_: UUID) -> Found:
        """The payment as its merchant is shown it now. Raises its refusal."""
        (found,) = await read.read_all(self.world, [read.Question(merchant.id, id_)])
        if isinstance(found, Exception):
            raise found
        return found

    async def rows(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        """What the database holds, asked directly."""
        async with self.world.db.reading() as connection:
            return [dict(row) for row in await connection.fetch(query, *arguments)]

    async def imbalances(self) -> list[str]:
        """What is wrong with the accounts and their transfers."""
        async with self.world.db.reading() as tx:
            return found_wrong(await audit.findings(tx, self.world.clock.now(), audit.LEDGER))

    async def faults(self, rules: Mapping[str, str] = audit.RULES) -> list[str]:
        """What is wrong with all that is in the database."""
        async with self.world.db.reading() as tx:
            found = await audit.findings(tx, self.world.clock.now(), _few_statements(rules))
            return [example for finding in found for example in finding.examples]


def world_of_tests(world: World, clock: MovableClock) -> World:
    """The world of a gateway with another clock, where all products answer creates in plain text."""
    answers = {product: PlainAnswers(product) for product in world.answer_formats}
    return replace(world, clock=clock, answer_formats=answers)


@asynccontextmanager
async def services(
    database_url: str, *, clock: MovableClock | None = None, size_max: int = 64, lanes: int = 2
) -> AsyncGenerator[Services]:
    """The services on this database, with a clock that stands still at the documents' day unless another is given."""
    settings = Settings(database_url=database_url, secret_key=KEY)
    async with app.gateway(settings, base_url="http://127.0.0.1:1") as built:
        clock = clock or MovableClock(START, ticking=False)
        world = world_of_tests(built.world, clock)
        batches = Batches(world, size_max=size_max, lanes=lanes)
        yield Services(world, batches, Workers(world, batches), clock)


async def forget_power_cuts(database_url: str) -> None:
    """Makes commits of this database quick: for tests about what is written and not about what survives."""
    async with connected(database_url) as connection:
        name = await connection.fetchval("SELECT current_database()")
        await connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")


@asynccontextmanager
async def connected(database_url: str) -> AsyncGenerator["asyncpg.Connection[asyncpg.Record]"]:
    """A plain connection to a database."""
    connection = await asyncpg.connect(database_url)
    try:
        yield connection
    finally:
        await connection.close()


def order(merchant_id: UUID, **changes: Any) -> NewPayment:
    """A request to be paid: a virtual account of BRI over Rp 20.000, unless said otherwise."""
    said: dict[str, Any] = {
        "product": "payment",
        "reference": f"order-{next(_serial)}",
        "kind": "one_time",
        "amount": PRICE,
        "method": BRI,
        "details": Details(),
        "descriptor": None,
        "expires_at": None,
    } | changes
    return NewPayment(merchant_id=merchant_id, **said)


def payment_id(answer: bytes) -> UUID:
    return UUID(answer.split()[0].decode())


def number(answer: bytes) -> str:
    return answer.split()[1].decode()


def money(
    number: str,
    *,
    amount: int = PRICE,
    reference: str | None = None,
    channel: str = "virtual_account",
    connection: str = "simulator",
) -> Report:
    """What the bank reports of money that came to a number; new money, unless its reference is given."""
    return Report(connection, reference or f"SIM{next(_serial):017d}", channel, number, amount)


def found_wrong(findings: Sequence[audit.Finding]) -> list[str]:
    """What an audit has found, a line for each rule that does not hold."""
    return [f"{found.rule}: {', '.join(found.examples)}" for found in findings if found.count]


def _few_statements(rules: Mapping[str, str]) -> dict[str, str]:
    """The same rules in as few statements as their length allows, which find each rule's words before its example."""
    worded = [f"SELECT $words${rule}: $words$ || what FROM ({query}) found(what)" for rule, query in rules.items()]
    lots = [worded[n : n + RULES_AT_ONCE] for n in range(0, len(worded), RULES_AT_ONCE)]
    return {f"lot {n}": " UNION ALL ".join(lot) for n, lot in enumerate(lots)}


async def several(*calls: Awaitable[T]) -> Sequence[T | BaseException]:
    """Calls under way at the same time; each one's answer or refusal."""
    return await asyncio.gather(*calls, return_exceptions=True)
