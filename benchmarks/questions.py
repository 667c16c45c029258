"""The operations that are timed on millions of payments: all lists, and what merchants and workers do."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import get_args
from uuid import UUID

from msgspec.structs import replace as replaced

from benchmarks.crowd import DUE, FULL, OUTAGE
from gerbang import ids
from gerbang.clock import MovableClock
from gerbang.db import Tx, charges, deliveries, lists, partner_requests, paycodes, payments
from gerbang.db.deliveries import Wanted as WantedDeliveries
from gerbang.db.lists import Span
from gerbang.domain.deliveries import State
from gerbang.domain.payments import Details, Method, Payment
from gerbang.domain.payouts import Search
from gerbang.domain.payouts import State as PayoutState
from gerbang.domain.reports import Report
from gerbang.services import checkout, payouts, reports, sandbox, settlements
from gerbang.services import deliveries as sending
from gerbang.services.payments import create as creating
from gerbang.services.payments import end, numbers, read
from gerbang.services.payments import search as listing
from gerbang.services.payments.decide import NewPayment
from gerbang.services.payments.end import Cancellation, withdraw
from gerbang.services.payments.read import Question as Lookup
from gerbang.services.payments.search import STATES, Wanted
from gerbang.workers.forgetting import forget
from gerbang.world import World

Ask = Callable[[World], Awaitable[object]]
BATCH = 16
MS_MAX = 20.0
OPERATOR_MS_MAX = 100.0
"""For an operator's command that reads all undelivered callbacks: no request waits for it."""
FAR_PAGE = 5_000
AFTERWARDS = timedelta(days=40)
"""After this time every payment that is open now has expired."""


@dataclass(frozen=True)
class Scene:
    """The merchants, the present instant, and some payments that operations use."""

    merchant_id: UUID
    other_id: UUID
    now: datetime
    """When the newest payment was created."""
    count: int
    counter: Payment
    """The payment with the static paycode that has most arrivals."""
    arrival_id: UUID
    open: list[UUID]
    numbers: list[str]
    """The paycodes of `open`."""
    paid: list[UUID]
    delivery_id: UUID
    settlement_id: UUID

    @property
    def far_page(self) -> int:
        return min(FAR_PAGE, self.count // 20)


@dataclass(frozen=True)
class Question:
    """One operation, and how long after the newest payment it is done."""

    name: str
    ask: Ask
    later: timedelta = timedelta(0)
    ms_max: float = MS_MAX

    def at(self, world: World, scene: Scene) -> World:
        """The world at that time, with a clock that does not tick."""
        return replace(world, clock=MovableClock(scene.now + self.later, ticking=False))


def questions(scene: Scene) -> Iterator[Question]:
    """All operations that are timed."""
    yield from _lists(scene)
    yield from _lists_later(scene)
    yield from _sessions(scene)
    yield from _arrivals(scene)
    yield from _payouts(scene)
    yield from _deliveries(scene)
    yield from _workers(scene)
    yield from _merchants(scene)
    yield from _buyers(scene)


def _page(scene: Scene, wanted: Wanted, number: int = 1, of: UUID | None = None) -> Ask:
    return lambda world: listing.page(world, of or scene.merchant_id, wanted, number)


def _lists(scene: Scene) -> Iterator[Question]:
    """GET /api/v4/payments."""
    middle, far = scene.now - timedelta(days=15), scene.far_page
    for status in (None, *STATES):
        all_of_them, name = Wanted(status=status), f"v4 list, {status or 'all'}"
        an_hour = replaced(all_of_them, created_after=middle, created_before=middle + timedelta(hours=1))
        yield Question(f"{name}: newest first", _page(scene, all_of_them))
        yield Question(f"{name}: oldest first", _page(scene, replaced(all_of_them, newest_first=False)))
        yield Question(f"{name}: of one hour", _page(scene, an_hour))
        yield Question(f"{name}: up to the middle", _page(scene, replaced(all_of_them, created_before=middle)))
        since = replaced(all_of_them, created_after=middle, newest_first=False)
        yield Question(f"{name}: since the middle, oldest first", _page(scene, since))
        yield Question(f"{name}: page of 1,000", _page(scene, replaced(all_of_them, most=1_000)))
        yield Question(f"{name}: another merchant's", _page(scene, all_of_them, of=scene.other_id))
    yield Question(f"v4 list, all: jump to page {far:,}", _page(scene, Wanted(), far))
    yield Question(f"v4 list, settled: jump to page {far:,}", _page(scene, Wanted(status="settled"), far))
    yield Question("v4 list: a reference", _page(scene, Wanted(reference="order-4711")))
    tail = scene.arrival_id.hex[-10:]
    yield Question("v4 list: an arrival's reference", _page(scene, Wanted(reference=f"external_id_{tail}", tail=tail)))


def _lists_later(scene: Scene) -> Iterator[Question]:
    """The lists that change by time alone, before a worker has ended expired payments."""
    for when, later in (("after an outage", OUTAGE), ("when all has ended", AFTERWARDS)):
        for status in ("pending", "expired"):
            for wanted, how in (
                (Wanted(status=status), "newest first"),
                (Wanted(status=status, newest_first=False), "oldest first"),
                (Wanted(status=status, most=1_000), "page of 1,000"),
            ):
                yield Question(f"v4 list, {status}, {when}: {how}", _page(scene, wanted), later)
            others = _page(scene, Wanted(status=status), of=scene.other_id)
            yield Question(f"v4 list, {status}, {when}: another merchant's", others, later)


def _sessions(scene: Scene) -> Iterator[Question]:
    """GET /v2/payments, and a payment with its charges."""
    m = scene.merchant_id
    for page, size in ((1, 10), (1, 100), (2, 10), (scene.far_page, 10)):
        yield Question(
            f"v2 list: page {page:,} of {size}",
            lambda world, page=page, size=size: read.page_of(world, m, page=page, per_page=size),
        )
    reads = [Lookup(m, id_) for id_ in scene.paid]
    yield Question(f"{BATCH} payments by id", lambda world: read.read_all(world, reads))
    wanted_ids = [listing.PaymentLookup(m, id_) for id_ in scene.paid]
    yield Question(f"v4: {BATCH} payments by id", lambda world: listing.find_all(world, wanted_ids))
    yield Question("v2: a reference", lambda world: read.by_reference(world, m, "order-4711"))
    yield Question("v2: charges of a reference", lambda w: read.charges_of(w, m, "order-4711", page=1, per_page=10))
    yield Question("v4: a reference", lambda world: listing.of_reference(world, m, "", "order-4711"))
    middle, end = ids.first_of(scene.now - timedelta(days=15)), ids.first_of(scene.now - timedelta(days=14))
    yield Question(
        "a page behind an id in the middle", lambda world: _tx(world, lambda tx: lists.page(tx, m, Span(high=middle)))
    )
    yield Question(
        "static codes of a day", lambda world: _tx(world, lambda tx: payments.static_between(tx, m, middle, end))
    )


def _arrivals(scene: Scene) -> Iterator[Question]:
    """GET /api/v4/payment_methods/…/payments, and the charges of a static paycode in the other dialect."""
    far = min(FAR_PAGE, scene.count // 200)
    for status in (None, "paid", "settled"):
        for number, size in ((1, 10), (1, 1_000), (far, 10)):
            yield Question(
                f"v4 arrivals on one code, {status or 'all'}: page {number:,} of {size:,}",
                lambda world, status=status, number=number, size=size: listing.page_of_static(
                    world, scene.counter, Wanted(status=status, most=size), number
                ),
            )
    for number in (None, 1, far):
        question = Lookup(scene.merchant_id, scene.counter.id, number)
        yield Question(
            f"v2: charges on one code, page {number or '-'}",
            lambda world, question=question: read.read_all(world, [question]),
        )


def _payouts(scene: Scene) -> Iterator[Question]:
    """GET /api/v4/disbursements, and the worker that sends payouts."""
    m, middle, far = scene.merchant_id, scene.now - timedelta(days=15), min(FAR_PAGE, scene.count // 200)
    for state in (None, *get_args(PayoutState)):
        for search, how in (
            (Search(state=state), "newest first"),
            (Search(state=state, newest_first=False), "oldest first"),
            (Search(state=state, created_after=middle, created_before=middle + timedelta(hours=1)), "of one hour"),
        ):
            yield Question(
                f"payouts, {state or 'all'}: {how}", lambda world, search=search: payouts.page(world, m, search, 1, 10)
            )
    yield Question("payouts: page of 1,000", lambda world: payouts.page(world, m, Search(), 1, 1_000))
    yield Question(f"payouts: jump to page {far:,}", lambda world: payouts.page(world, m, Search(), far, 10))
    yield Question("payouts: a reference", lambda world: payouts.by_reference(world, m, "payout-15"))
    yield Question(
        "worker: claim 8 partner requests",
        lambda world: _tx(world, lambda tx: partner_requests.claim(tx, world.clock.now(), scene.now + AFTERWARDS, 8)),
    )


def _deliveries(scene: Scene) -> Iterator[Question]:
    """The lists of callbacks, and the queries of their worker."""
    m = scene.merchant_id
    for state in (None, *get_args(State)):
        for size in (50, 500):
            yield Question(
                f"deliveries, {state or 'all'}: {size}",
                lambda world, state=state, size=size: sending.newest(world, m, state, size),
            )
    undelivered = WantedDeliveries(("parked", "given_up"))
    for wanted, whose in ((undelivered, "everybody's"), (replaced(undelivered, merchant_id=m), "one merchant's")):
        yield Question(
            f"operator: {whose} callbacks that nobody took",
            lambda world, wanted=wanted: sending.overview(world, wanted, 100),
            ms_max=OPERATOR_MS_MAX,
        )
    yield Question(
        "operator: 500 callbacks go again",
        lambda world: _tx(
            world, lambda tx: deliveries.send_all_again(tx, undelivered, scene.now, (UUID(int=0), 0, UUID(int=0)), 500)
        ),
        ms_max=OPERATOR_MS_MAX,
    )
    yield Question("a delivery", lambda world: sending.one(world, m, scene.delivery_id))
    yield Question("a delivery goes again", lambda world: sending.send_again(world, m, scene.delivery_id))
    yield Question("events: 500", lambda world: sending.newest_events(world, m, 500))
    for most in (BATCH, 100):
        yield Question(f"worker: claim {most} deliveries", lambda world, most=most: sending.claim(world, most))
    yield Question("worker: when the next delivery is due", sandbox.next_due_at)
    yield Question("worker: is a delivery in hand", lambda world: sandbox.on_its_way(world, scene.now))


def _workers(scene: Scene) -> Iterator[Question]:
    for when, later in (("", timedelta(0)), (", after an outage", OUTAGE), (", when all has ended", AFTERWARDS)):
        yield Question(
            f"worker: what is to expire{when}",
            lambda world: _tx(world, lambda tx: payments.due(tx, world.clock.now(), end.MOST_AT_ONCE)),
            later,
        )
        yield Question(f"worker: let numbers go{when}", end.release_numbers, later)
        yield Question(
            f"worker: what is to settle{when}",
            lambda world: _tx(world, lambda tx: charges.to_settle(tx, world.clock.now(), settlements.MOST_AT_ONCE)),
            later,
        )
    yield Question("worker: expire 500, in one commit", end.expire_due, OUTAGE)
    yield Question("worker: settle 1,000, in one commit", settlements.settle_due)
    yield Question("worker: forget", forget)
    yield Question("settlements", lambda world: settlements.newest(world, scene.merchant_id, 500))
    for size in (50, 500):
        yield Question(
            f"a settlement with {size} charges",
            lambda world, size=size: settlements.one(world, scene.merchant_id, scene.settlement_id, None, size),
        )


def _merchants(scene: Scene) -> Iterator[Question]:
    """What merchants and banks write."""
    order = NewPayment(
        merchant_id=scene.merchant_id,
        product="payment",
        reference="a new order",
        kind="one_time",
        amount=2_000_000,
        method=Method(channel="virtual_account", option="BRI", payer_name="Budi"),
        details=Details(),
        descriptor=None,
        expires_at=None,
        key="a new key",
    )
    batch = [replaced(order, reference=f"a new order {n}", key=f"a new key {n}") for n in range(BATCH)]
    yield Question("create a payment", lambda world: creating.create_all(world, [order]))
    yield Question(f"create {BATCH} payments", lambda world: creating.create_all(world, batch))
    again = [replaced(order, reference="order-4711")]
    yield Question("create a payment whose reference is taken", lambda world: creating.create_all(world, again))
    cancellation = Cancellation(scene.merchant_id, scene.open[0], "REQUESTED_BY_CUSTOMER")
    yield Question("cancel a payment", lambda world: withdraw(world, cancellation))
    money = [Report("simulator", f"new {number}", "virtual_account", number, 2_000_000) for number in scene.numbers]
    yield Question("book a report", lambda world: reports.book_all(world, money[:1]))
    yield Question(f"book {BATCH} reports", lambda world: reports.book_all(world, money))
    for numbers_, what in ((FULL, "all are held"), (DUE, "all may be let go")):
        window = next(numbers.windows(numbers_))
        yield Question(
            f"free numbers, where {what}",
            lambda world, window=window: _tx(
                world,
                lambda tx: paycodes.free_numbers(tx, "simulator", "virtual_account", window, (), world.clock.now(), 1),
            ),
        )


def _buyers(scene: Scene) -> Iterator[Question]:
    """The payer's page."""
    yield Question(f"{BATCH} payers' pages", lambda world: checkout.visits(world, scene.open))
    yield Question(
        f"whether {BATCH} payers' pages have changed", lambda world: checkout.page_versions(world, scene.open)
    )


async def _tx(world: World, ask: Callable[[Tx], Awaitable[object]]) -> object:
    async with world.db.transaction() as tx:
        return await ask(tx)
