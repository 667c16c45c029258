"""Batches are for speed alone: the same commands, one by one and many at a time, give the same answers and leave the same
rows behind.
"""

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
import uvloop
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gerbang.clock import MovableClock
from gerbang.db.paycodes import NumberAllocator
from gerbang.domain.customers import Customer, Phone
from gerbang.domain.merchants import PLATFORM, Merchant
from gerbang.domain.money import rupiah
from gerbang.domain.payments import Details, Method
from gerbang.errors import Refused
from gerbang.services import merchants, reports
from gerbang.services.merchants import default_agreement
from gerbang.services.payments import confirm, create
from gerbang.services.payments.confirm import Confirmation
from gerbang.world import World
from tests.support.agreements import with_changes
from tests.support.gateways import Databases
from tests.support.services import PRICE, START, forget_power_cuts, money, order, services

NUMBERS_OF = 901
"""Both merchants choose their static numbers from the ranges of this merchant's number, so that they collide."""


# What is asked for


@dataclass(frozen=True)
class Create:
    merchant: int
    reference: str
    key: str | None
    way: str
    amount: int | None
    customer: int | None
    customer_id: str | None
    ends_in: int | None


@dataclass(frozen=True)
class Confirm:
    merchant: int
    reference: str
    way: str | None


@dataclass(frozen=True)
class Report:
    merchant: int
    reference: str | None
    """Of the payment that is paid; None for a number that is nobody's."""
    bank_reference: str
    amount: int


@dataclass(frozen=True)
class Passing:
    seconds: int


Command = Create | Confirm | Report | Passing

WAYS: dict[str, dict[str, Any]] = {
    "none": {"method": None},
    "bri": {"method": Method(channel="virtual_account", option="BRI", payer_name="Budi")},
    "bri later": {
        "method": Method(channel="virtual_account", option="BRI"),
        "details": Details(auto_confirm=False),
    },
    "no bank": {"method": Method(channel="virtual_account")},
    "unknown bank": {"method": Method(channel="virtual_account", option="BANK")},
    "card": {"method": Method(channel="card")},
    "qris": {"method": Method(channel="qris")},
    "static": {"kind": "static", "method": Method(channel="virtual_account", option="BNI", number="0001")},
    "static 2": {"kind": "static", "method": Method(channel="virtual_account", option="BNI", number="0002")},
    "static later": {
        "kind": "static",
        "method": Method(channel="virtual_account", option="BNI", number="0001"),
        "details": Details(auto_confirm=False),
    },
    "static by chance": {"kind": "static", "method": Method(channel="virtual_account", option="BCA")},
    "static wrong": {"kind": "static", "method": Method(channel="virtual_account", option="BNI", number="7777")},
    "static qris": {"kind": "static", "method": Method(channel="qris")},
    "static page": {"kind": "static", "method": Method(channel="qris"), "details": Details(redirect=True)},
    "page": {"method": None, "details": Details(redirect=True)},
    "link": {"method": None, "details": Details(redirect=True), "scope": "links", "product": "v4-payments"},
    "v4": {"method": Method(channel="virtual_account", option="BRI"), "product": "v4-payments"},
    "v4 tail": {"method": Method(channel="virtual_account", option="BRI", number="77"), "product": "v4-payments"},
    "v4 code": {"method": Method(channel="retail_outlet", option="ALFAMART"), "product": "v4-payments"},
    "v4 wallet": {
        "method": Method(channel="ewallet", option="SHOPEEPAY", return_url="https://toko.example/"),
        "product": "v4-payments",
    },
    "wallet": {"method": Method(channel="ewallet", option="SHOPEEPAY")},
}
CUSTOMERS = [
    Customer(given_name="Budi", email="budi@example.id"),
    Customer(surname="Santoso", email="budi@example.id", phone=Phone("+62", "811")),
    Customer(given_name="Siti", email="siti@example.id"),
    Customer(given_name="Ani"),
]

merchant_ = st.integers(0, 1)
reference_ = st.sampled_from([f"order-{i}" for i in range(6)])
creates = st.builds(
    Create,
    merchant=merchant_,
    reference=reference_,
    key=st.sampled_from([None, None, None, "key-1", "key-2", "key-3"]),
    way=st.sampled_from(list(WAYS)),
    amount=st.sampled_from([PRICE, PRICE, PRICE, rupiah(15_000), rupiah(1), None]),
    customer=st.sampled_from([None, None, 0, 1, 2, 3]),
    customer_id=st.sampled_from([None, None, None, "c-1", "c-2"]),
    ends_in=st.sampled_from([None, None, None, 120, -1, 40 * 86_400]),
)
confirms = st.builds(Confirm, merchant_, reference_, st.sampled_from([None, "bri", "qris", "static", "no bank"]))
reported = st.builds(
    Report,
    merchant_,
    st.one_of(st.none(), reference_, reference_, reference_),
    st.sampled_from([f"SIM{i}" for i in range(5)]),
    st.sampled_from([PRICE, PRICE, PRICE + 1, PRICE - 1, rupiah(15_000)]),
)
passings = st.builds(Passing, st.sampled_from([60, 600, 900, 2 * 86_400]))


@dataclass(frozen=True)
class Story:
    """Commands in their order, and before which of them a batch is cut."""

    commands: list[Command]
    cuts: list[bool]

    def batches(self) -> Iterator[list[Command]]:
        """Commands of one kind that come together; time passes between batches."""
        batch: list[Command] = []
        for command, cut in zip(self.commands, self.cuts, strict=True):
            if batch and (cut or type(batch[0]) is not type(command) or isinstance(command, Passing)):
                yield batch
                batch = []
            batch.append(command)
        if batch:
            yield batch


@st.composite
def stories(draw: st.DrawFn) -> Story:
    runs = st.one_of(
        st.lists(creates, min_size=1, max_size=8),
        st.lists(confirms, min_size=1, max_size=5),
        st.lists(reported, min_size=1, max_size=6),
        st.lists(passings, min_size=1, max_size=1),
    )
    commands: list[Command] = [command for run in draw(st.lists(runs, min_size=1, max_size=6)) for command in run]
    cuts = draw(st.lists(st.sampled_from([False, False, False, True]), min_size=len(commands), max_size=len(commands)))
    return Story(commands, cuts)


# Who does it


class Shop:
    """Two merchants in an empty database, whose commands are done in batches as they are given."""

    def __init__(self, world: World) -> None:
        # What a process remembers would be of another database.
        self.world = replace(world, clock=MovableClock(START, ticking=False), allocator=NumberAllocator())
        self.merchants: list[Merchant] = []

    async def open(self) -> None:
        async with self.world.db.transaction() as tx:
            for table in (*reversed(KEPT), "endpoints", "credentials", "merchants"):
                await tx.execute(f"DELETE FROM {table}")
            await tx.execute("INSERT INTO counters (merchant_id) VALUES ($1)", PLATFORM)
        agreed = with_changes(default_agreement(NUMBERS_OF, "Toko Uji"), "qris", static_quota=1)
        for i in range(2):
            merchant, _ = await merchants.create(
                self.world, name="Toko Uji", short_name="TOKO UJI", email=f"{i}@example.id", agreement=agreed
            )
            for product in ("payment", "v4-payments"):
                await merchants.set_callback(self.world, merchant.id, product, "http://127.0.0.1:1/")
            self.merchants.append(merchant)

    async def do(self, batch: Sequence[Command]) -> list[object]:
        if isinstance(batch[0], Passing):
            assert isinstance(self.world.clock, MovableClock)
            self.world.clock.advance(timedelta(seconds=batch[0].seconds))
            return []
        if isinstance(batch[0], Create):
            orders = [self._order(each) for each in batch if isinstance(each, Create)]
            return list(await create.create_all(self.world, orders))
        if isinstance(batch[0], Confirm):
            requests = [await self._confirmation(each) for each in batch if isinstance(each, Confirm)]
            return list(await confirm.confirm_all(self.world, requests))
        reported = [await self._report(each) for each in batch if isinstance(each, Report)]
        return list(await reports.book_all(self.world, reported))

    def _order(self, said: Create) -> create.NewPayment:
        ends = None if said.ends_in is None else self.world.clock.now() + timedelta(seconds=said.ends_in)
        customer = None if said.customer is None else CUSTOMERS[said.customer]
        return order(
            self.merchants[said.merchant].id,
            reference=said.reference,
            key=said.key,
            fingerprint=repr(said).encode(),
            amount=said.amount,
            customer=customer,
            customer_id=said.customer_id,
            expires_at=ends,
            **WAYS[said.way],
        )

    async def _confirmation(self, said: Confirm) -> Confirmation:
        merchant = self.merchants[said.merchant].id
        rows = await self._rows(
            "SELECT id FROM payments WHERE merchant_id = $1 AND reference = $2 ORDER BY scope", merchant, said.reference
        )
        method = None if said.way is None else WAYS[said.way]["method"]
        return Confirmation(merchant, rows[0]["id"] if rows else UUID(int=7), method)

    async def _report(self, said: Report) -> reports.Report:
        rows = await self._rows(
            """
            SELECT c.channel, c.number FROM paycodes c JOIN payments p ON p.id = c.payment_id
            WHERE p.merchant_id = $1 AND p.reference = $2 ORDER BY p.scope, c.created_at, c.held
            """,
            self.merchants[said.merchant].id,
            said.reference,
        )
        channel, number = (rows[0]["channel"], rows[0]["number"]) if rows else ("virtual_account", "404")
        return money(number, amount=said.amount, reference=said.bank_reference, channel=channel)

    async def _rows(self, query: str, *arguments: object) -> list[Any]:
        async with self.world.db.reading() as tx:
            return await tx.fetch(query, *arguments)

    async def kept(self) -> dict[str, list[str]]:
        """What the database holds, table by table, in an order that has a meaning."""
        return {table: [row[0] for row in await self._rows(query)] for table, query in KEPT.items()}

    async def names(self) -> dict[str, str]:
        """What ids and numbers given by chance stand for."""
        names = {str(merchant.id): f"<merchant {i}>" for i, merchant in enumerate(self.merchants)}
        for row in await self._rows("SELECT id, merchant_id, scope, reference, customer_id FROM payments ORDER BY id"):
            reference = f"{row['scope']} {row['reference']}".strip()
            names[str(row["id"])] = payment = f"<{names[str(row['merchant_id'])]} {reference}>"
            if row["customer_id"] is not None:
                names.setdefault(row["customer_id"], f"<customer of {payment}>")
        seen: dict[UUID, int] = {}
        for row in await self._rows("SELECT id, payment_id FROM charges ORDER BY id"):
            seen[row["payment_id"]] = seen.get(row["payment_id"], 0) + 1
            names[str(row["id"])] = f"<charge {seen[row['payment_id']]} of {names[str(row['payment_id'])]}>"
        for row in await self._rows("SELECT id, reference, occurrence FROM reports"):
            names[str(row["id"])] = f"<report {row['reference']} {row['occurrence']}>"
        for row in await self._rows(
            "SELECT number, payment_id FROM paycodes WHERE number NOT SIMILAR TO '9881%|1268%00000077'"
        ):
            names[row["number"]] = f"<number of {names[str(row['payment_id'])]}>"
            names[row["number"][-12:]] = f"<end of the number of {names[str(row['payment_id'])]}>"
        return names


KEPT = {
    "counters": "SELECT to_json(t) FROM counters t ORDER BY (SELECT number FROM merchants WHERE id = merchant_id)",
    "customers": "SELECT to_json(c) FROM customers c",
    "payments": "SELECT to_json(p) FROM payments p ORDER BY id",
    "charges": "SELECT to_json(c) FROM charges c ORDER BY id",
    "paycodes": "SELECT to_json(c) FROM paycodes c ORDER BY payment_id, held",
    "idempotency_keys": """
        SELECT to_json(k) FROM (
            SELECT merchant_id, key, convert_from(answer, 'UTF8') AS answer, fingerprint, expires_at
            FROM idempotency_keys ORDER BY (SELECT number FROM merchants WHERE id = merchant_id), key
        ) k
        """,
    "reports": "SELECT to_json(r) FROM reports r ORDER BY id",
    "report_names": "SELECT to_json(n) FROM report_names n ORDER BY connection, service, reference, occurrence",
    "accounts": "SELECT to_json(a) FROM (SELECT name, sum(balance) AS balance FROM accounts GROUP BY name ORDER BY name) a",
    "transfers": """
        SELECT to_json(t) FROM (
            SELECT d.name AS debit, c.name AS credit, amount, reason, merchant_id, payment_id, report_id, at
            FROM transfers JOIN accounts d ON d.id = debit JOIN accounts c ON c.id = credit ORDER BY transfers.id
        ) t
        """,
    "events": """
        SELECT to_json(e) FROM events e ORDER BY (SELECT number FROM merchants WHERE id = merchant_id) NULLS FIRST, sequence
        """,
    "deliveries": """
        SELECT to_json(d) FROM (
            SELECT merchant_id, sequence, (SELECT product FROM endpoints n WHERE n.id = endpoint_id) AS product, state,
                   next_at, tries, created_at FROM deliveries
            ORDER BY (SELECT number FROM merchants WHERE id = merchant_id), sequence,
                     (SELECT product FROM endpoints n WHERE n.id = endpoint_id)
        ) d
        """,
}
_CHECKSUM = re.compile(r"6304[0-9A-F]{4}(?=\\?\")")


def plain(said: object, names: dict[str, str]) -> str:
    """An answer or a row, with names in the place of what chance has given."""
    if isinstance(said, Refused):
        said = {"refused": type(said).__name__, "field": said.field, "message": said.message}
    if isinstance(said, bytes):
        said = said.decode()
    text = _CHECKSUM.sub("6304", said if isinstance(said, str) else msgspec.json.encode(said).decode())
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, names[name])
    return text


class SeveralServices:
    """Two databases: in one everything is done one by one, in the other in batches."""

    def __init__(self, runner: asyncio.Runner, worlds: Sequence[World]) -> None:
        self._runner = runner
        self._worlds = worlds

    def compare(self, story: Story) -> None:
        one_by_one, in_batches = self._runner.run(self._both_ways(story))
        assert one_by_one == in_batches

    async def _both_ways(self, story: Story) -> list[dict[str, Any]]:
        single, gathered = Shop(self._worlds[0]), Shop(self._worlds[1])
        await asyncio.gather(single.open(), gathered.open())
        answers: tuple[list[object], list[object]] = ([], [])
        for batch in story.batches():
            for command in batch:
                answers[0].extend(await single.do([command]))
            answers[1].extend(await gathered.do(batch))
        outcomes: list[dict[str, Any]] = []
        for shop, given_ in zip((single, gathered), answers, strict=True):
            names = await shop.names()
            kept = {table: [plain(row, names) for row in rows] for table, rows in (await shop.kept()).items()}
            kept["customers"].sort()  # their order has no meaning
            outcomes.append({"answers": [plain(answer, names) for answer in given_], **kept})
        return outcomes


@pytest.fixture(scope="module")
def pair(databases: Databases) -> Iterator[SeveralServices]:
    urls = [databases.fresh(), databases.fresh()]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        stack = AsyncExitStack()

        async def open_() -> list[World]:
            for url in urls:
                await forget_power_cuts(url)
            return [(await stack.enter_async_context(services(url))).world for url in urls]

        yield SeveralServices(runner, runner.run(open_()))
        runner.run(stack.aclose())


def _creates(*changes: dict[str, Any]) -> list[Command]:
    said: dict[str, Any] = {
        "merchant": 0,
        "reference": "order-0",
        "key": None,
        "way": "bri",
        "amount": PRICE,
        "customer": None,
        "customer_id": None,
        "ends_in": None,
    }
    return [Create(**(said | change)) for change in changes]


def together(*commands: Command) -> Story:
    return Story(list(commands), [False] * len(commands))


@given(story=stories())
@example(together(*_creates({}, {}, {"reference": "order-1"})))
@example(together(*_creates({"key": "k"}, {"key": "k", "reference": "order-1"}, {"key": "k"})))
@example(together(*_creates(*({"way": "static qris", "amount": None, "reference": f"order-{i}"} for i in range(3)))))
# Of two that share a reference the first is refused, and a stranger wants the number that the second one chose.
@example(
    together(
        *_creates(
            {"way": "no bank"},
            {"way": "static"},
            {"way": "static", "reference": "order-1"},
        )
    )
)
@example(
    together(
        *_creates({"way": "v4 tail"}, {"way": "v4 tail", "reference": "order-1"}, {"way": "v4 tail", "merchant": 1})
    )
)
@example(together(*_creates({"way": "v4"}, {"way": "link"}, {"way": "link"}, {"way": "page"})))
@example(together(*_creates({"customer": 0}, {"customer": 1, "reference": "order-1"})))
@example(together(*_creates({"customer": 3, "customer_id": "c-1"}, {"customer_id": "c-1", "reference": "order-1"})))
@example(
    together(
        *_creates({"way": "none"}, {"way": "bri later", "reference": "order-1"}),
        Confirm(0, "order-0", "no bank"),
        Confirm(0, "order-0", "qris"),
        Confirm(0, "order-1", None),
        Confirm(0, "order-1", None),
        Report(0, "order-1", "SIM1", PRICE),
        Report(0, "order-1", "SIM1", PRICE),
        Report(0, "order-1", "SIM2", PRICE),
        Report(0, None, "SIM3", PRICE),
        Report(0, None, "SIM3", PRICE),
    )
)
@settings(max_examples=60, deadline=None)
def test_many_at_a_time_is_the_same_as_one_by_one(pair: SeveralServices, story: Story) -> None:
    pair.compare(story)
