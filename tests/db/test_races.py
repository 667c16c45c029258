"""Two connections want the same thing at the same moment: exactly one gets it, and the other is told so."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar
from uuid import UUID

import pytest
from asyncpg import UniqueViolationError

from gerbang import ids
from gerbang.db import Database, Tx, audit, customers, idempotency, ledger, paycodes, payments, reports
from gerbang.domain.customers import Customer
from gerbang.domain.ledger import Transfer, pending
from gerbang.domain.merchants import Merchant
from gerbang.domain.paycodes import Paycode
from gerbang.domain.payments import Details, Method, Payment
from gerbang.domain.reports import Booked, Report
from gerbang.errors import KeyReused, NumberTaken, ReferenceTaken, Refused
from gerbang.services import payments as payment_service
from gerbang.services import reports as report_service
from tests.support.gateways import Databases
from tests.support.services import (
    PRICE,
    START,
    Services,
    found_wrong,
    money,
    number,
    order,
    payment_id,
    run,
    services,
    several,
)

T = TypeVar("T")
MERCHANT = UUID(int=1)
WAITS_SECONDS = 0.15
"""How long a connection is watched before it is believed to be waiting for the other."""


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


@asynccontextmanager
async def database(url: str) -> AsyncGenerator[Database]:
    opened = Database(url, 4)
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()


async def both(
    url: str, first: Callable[[Tx], Awaitable[T]], second: Callable[[Tx], Awaitable[T]], *, commit: bool
) -> tuple[T, T]:
    """What two transactions get of which the second must wait for the end of the first: a commit, or a roll-back."""
    async with database(url) as db, db.reading() as one:
        transaction = one.transaction()
        await transaction.start()
        got = await first(one)

        async def follow() -> T:
            async with db.transaction() as tx:
                return await second(tx)

        following = asyncio.create_task(follow())
        done, _ = await asyncio.wait([following], timeout=WAITS_SECONDS)
        assert not done, "the second did not wait to hear how the first ends"
        await (transaction.commit() if commit else transaction.rollback())
        return got, await following


def _paycode(number: str, payment: UUID) -> Paycode:
    return Paycode("virtual_account", number, MERCHANT, payment, payment, static=False, free_at=None, created_at=START)


def _payment(reference: str) -> Payment:
    return Payment(
        id=ids.uuid7(START),
        merchant_id=MERCHANT,
        product="payment",
        reference=reference,
        kind="single",
        amount=PRICE,
        state="needs_method",
        created_at=START,
        updated_at=START,
        expires_at=START,
        descriptor="",
        details=Details(),
    )


def _report(reference: str) -> reports.Row:
    id_ = ids.uuid7(START)
    booked = Booked(id=id_, outcome="unknown_number", amount=1, merchant_id=MERCHANT, payment_id=None, charge_id=None)
    return reports.Row(Report("simulator", reference, "virtual_account", "1", 1), booked, START)


@pytest.mark.parametrize("commit", [True, False], ids=["commits", "rolls back"])
def test_a_number_is_held_by_one(url: str, commit: bool) -> None:
    taken = f"1270{ids.digits(8)}"

    async def story() -> None:
        got = await both(
            url,
            lambda tx: paycodes.insert(tx, [_paycode(taken, UUID(int=10))]),
            lambda tx: paycodes.insert(tx, [_paycode(taken, UUID(int=11))]),
            commit=commit,
        )
        name = {("virtual_account", taken)}
        assert got == ((name, set()) if commit else (name, name))
        async with database(url) as db, db.reading() as tx:
            asked = ("virtual_account", taken, START)
            owner = (await paycodes.owners(tx, [asked]))[asked]
        assert owner.payment_id == UUID(int=10 if commit else 11)

    run(story)


@pytest.mark.parametrize("commit", [True, False], ids=["commits", "rolls back"])
def test_a_reference_is_used_by_one(url: str, commit: bool) -> None:
    one, two = _payment(reference := ids.hex_id(8)), _payment(reference)

    async def story() -> None:
        got = await both(
            url, lambda tx: payments.insert(tx, [one]), lambda tx: payments.insert(tx, [two]), commit=commit
        )
        assert got == ({one.id}, set() if commit else {two.id})
        async with database(url) as db, db.reading() as tx:
            found = await payments.by_reference(tx, MERCHANT, reference)
        assert found
        assert found.id == (one.id if commit else two.id)

    run(story)


@pytest.mark.parametrize("commit", [True, False], ids=["commits", "rolls back"])
def test_a_key_is_answered_by_one(url: str, commit: bool) -> None:
    key = ids.hex_id(8)

    def keep(answer: bytes) -> Callable[[Tx], Awaitable[set[tuple[UUID, str]]]]:
        kept = idempotency.Kept(MERCHANT, key, b"", answer, payment_service.KEY_REMEMBERED + START)
        return lambda tx: idempotency.keep(tx, [kept], START)

    async def story() -> None:
        got = await both(url, keep(b"one"), keep(b"two"), commit=commit)
        assert got == ({(MERCHANT, key)}, set() if commit else {(MERCHANT, key)})
        async with database(url) as db, db.reading() as tx:
            found = await idempotency.find(tx, [(MERCHANT, key)], START)
        assert found[MERCHANT, key].answer == (b"one" if commit else b"two")

    run(story)


def test_a_key_that_was_forgotten_is_answered_anew_by_one(url: str) -> None:
    key = ids.hex_id(8)

    def keep(answer: bytes) -> Callable[[Tx], Awaitable[set[tuple[UUID, str]]]]:
        later = START + 2 * payment_service.KEY_REMEMBERED
        kept = idempotency.Kept(MERCHANT, key, b"", answer, later + payment_service.KEY_REMEMBERED)
        return lambda tx: idempotency.keep(tx, [kept], later)

    async def story() -> None:
        async with database(url) as db, db.transaction() as tx:
            old = idempotency.Kept(MERCHANT, key, b"", b"old", START + payment_service.KEY_REMEMBERED)
            assert await idempotency.keep(tx, [old], START) == {(MERCHANT, key)}
        assert await both(url, keep(b"one"), keep(b"two"), commit=True) == ({(MERCHANT, key)}, set())

    run(story)


def test_a_report_is_written_by_one(url: str) -> None:
    reference = ids.hex_id(8)

    async def story() -> None:
        with pytest.raises(UniqueViolationError):
            await both(
                url,
                lambda tx: reports.insert(tx, [_report(reference)]),
                lambda tx: reports.insert(tx, [_report(reference)]),
                commit=True,
            )
        await both(
            url,
            lambda tx: reports.insert(tx, [_report(reference + "b")]),
            lambda tx: reports.insert(tx, [_report(reference + "b")]),
            commit=False,
        )

    run(story)


def test_an_e_mail_address_belongs_to_one_customer(url: str) -> None:
    said = Customer(given_name="Budi", email=f"{ids.hex_id(8)}@example.id")

    def keep(id_: str) -> Callable[[Tx], Awaitable[set[tuple[UUID, str]]]]:
        async def kept(tx: Tx) -> set[tuple[UUID, str]]:
            await customers.insert(tx, [customers.Row(MERCHANT, id_, said)], START)
            return await customers.update(tx, [customers.Row(MERCHANT, id_, said)], START)

        return kept

    async def story() -> None:
        one, two = ids.hex_id(8), ids.hex_id(8)
        assert await both(url, keep(one), keep(two), commit=True) == ({(MERCHANT, one)}, set())

    run(story)


def test_an_account_is_opened_by_one_and_found_by_the_other(url: str) -> None:
    merchant_id = ids.uuid7(START)
    name = pending(merchant_id)
    transfer = Transfer("bank/simulator", name, 100, "money_in", merchant_id, None, None)

    def post(tx: Tx) -> Awaitable[None]:
        return ledger.post(tx, [transfer], START)

    async def story() -> None:
        await both(url, post, post, commit=True)
        async with database(url) as db, db.reading() as tx:
            assert await ledger.balances(tx, [name]) == {name: -200}
            assert found_wrong(await audit.findings(tx, START, audit.LEDGER)) == []

    run(story)


# Two processes on one database


async def _two_processes_on(url: str, story: Callable[[Services, Services, Merchant], Awaitable[None]]) -> None:
    async with services(url) as one, services(url) as two:
        await story(one, two, await one.merchant())


def _between_two(url: str, story: Callable[[Services, Services, Merchant], Awaitable[None]]) -> None:
    run(lambda: _two_processes_on(url, story))


ROUNDS = 8
"""How often a race is run: who is first is a matter of chance."""


def test_of_two_processes_one_creates_a_payment_of_a_reference(url: str) -> None:
    async def story(one: Services, two: Services, merchant: Merchant) -> None:
        for turn in range(ROUNDS):
            code_requests = [order(merchant.id, reference=f"race-{turn}") for _ in range(6)]
            got = await several(
                *(h.batches.create(code_request) for h, code_request in zip([one, two] * 3, code_requests, strict=True))
            )
            assert [type(answer) for answer in got if not isinstance(answer, bytes)] == [ReferenceTaken] * 5
        held = await one.rows("SELECT count(*) AS n FROM paycodes WHERE merchant_id = $1", merchant.id)
        assert held == [{"n": ROUNDS}]

    _between_two(url, story)


def test_of_two_processes_both_give_the_same_answer_to_a_key(url: str) -> None:
    async def story(one: Services, two: Services, merchant: Merchant) -> None:
        for turn in range(ROUNDS):
            code_request = order(merchant.id, reference=f"race-{turn}", key=f"key-{turn}", fingerprint=b"same")
            other = order(merchant.id, reference=f"other-{turn}", key=f"key-{turn}", fingerprint=b"other")
            calls = [h.batches.create(code_request) for h in (one, two, one, two)] + [two.batches.create(other)]
            *same, differing = await several(*calls)
            # Whichever of the two requests came first is answered, as often as it was sent; the other one is refused.
            assert len(set(map(repr, same))) == 1
            assert {type(same[0]), type(differing)} == {bytes, KeyReused}
        kept = await one.rows("SELECT count(*) AS n FROM payments WHERE merchant_id = $1", merchant.id)
        assert kept == [{"n": ROUNDS}]

    _between_two(url, story)


def test_of_two_processes_one_gets_the_number_that_both_chose(url: str) -> None:
    async def story(one: Services, two: Services, merchant: Merchant) -> None:
        for turn in range(ROUNDS):
            chosen = {"kind": "multiple", "method": _chosen(f"{turn:07d}")}
            got = await several(*(h.batches.create(order(merchant.id, **chosen)) for h in (one, two, one)))
            assert sorted(isinstance(answer, NumberTaken) for answer in got) == [False, True, True]

    _between_two(url, story)


def _chosen(suffix: str) -> Method:
    return Method(channel="virtual_account", option="BRI", number=suffix)


@pytest.mark.parametrize("whose", ["a payment's number", "nobody's number"])
def test_of_two_processes_one_books_the_money(url: str, whose: str) -> None:
    async def story(one: Services, two: Services, merchant: Merchant) -> None:
        for _ in range(ROUNDS):
            paid_to = "999" if whose == "nobody's number" else number(await one.batches.create(order(merchant.id)))
            heard = money(paid_to)
            got = await several(*(h.batches.report(heard) for h in (one, two, one, two)))
            answers = [answer for answer in got if not isinstance(answer, BaseException)]
            assert len(answers) == 4, got
            assert len({answer.id for answer in answers}) == 1
            assert sorted(answer.heard_before for answer in answers) == [False, True, True, True]
        assert await one.imbalances() == []

    _between_two(url, story)


def test_one_bank_reference_for_two_payments_is_booked_once(url: str) -> None:
    async def story(one: Services, two: Services, merchant: Merchant) -> None:
        for turn in range(ROUNDS):
            numbers = [number(await h.batches.create(order(merchant.id))) for h in (one, two)]
            reference = f"both-{merchant.id}-{turn}"
            got = await several(
                *(h.batches.report(money(n, reference=reference)) for h, n in zip((one, two), numbers, strict=True))
            )
            # The other money under that reference is neither believed nor lost: it is set aside.
            assert sorted(str(getattr(answer, "outcome", answer)) for answer in got) == ["booked", "double"]
        paid = "SELECT count(*) AS n FROM payments WHERE merchant_id = $1 AND state = 'paid'"
        assert await one.rows(paid, merchant.id) == [{"n": ROUNDS}]
        assert await one.imbalances() == []

    _between_two(url, story)


def test_two_processes_know_one_customer_by_the_e_mail_address(url: str) -> None:
    async def story(one: Services, two: Services, merchant: Merchant) -> None:
        for turn in range(ROUNDS):
            said = Customer(given_name="Budi", email=f"budi-{turn}@example.id")
            got = await several(*(h.batches.create(order(merchant.id, customer=said)) for h in (one, two, one, two)))
            made = [payment_id(answer) for answer in got if isinstance(answer, bytes)]
            assert len(made) == 4, got
            kept = await one.rows(
                """
                SELECT p.customer_id, c.id FROM payments p
                LEFT JOIN customers c ON c.merchant_id = p.merchant_id AND c.email = $2 WHERE p.id = ANY($1)
                """,
                made,
                said.email,
            )
            assert len({value for row in kept for value in row.values()}) == 1

    _between_two(url, story)


def test_a_customer_whom_somebody_writes_at_the_same_moment_is_one_customer(url: str) -> None:
    async def story(one: Services, two: Services, merchant: Merchant) -> None:
        said = Customer(given_name="Budi", email="same-moment@example.id")
        async with two.world.db.transaction() as tx:
            await customers.insert(tx, [customers.Row(merchant.id, "c-1", said)], START)
            # A static QR is made step by step: its customer is looked for first and written later.
            static = {"kind": "multiple", "amount": None, "method": Method(channel="qris")}
            code_request = order(merchant.id, customer=said, **static)
            creating = asyncio.create_task(one.batches.create(code_request))
            done, _ = await asyncio.wait([creating], timeout=WAITS_SECONDS)
            assert not done, "the payment did not wait to hear who its customer is"
        assert (await one.read(merchant, payment_id(await creating))).payment.customer_id == "c-1"
        held = await one.rows("SELECT count(*) AS n FROM paycodes WHERE merchant_id = $1", merchant.id)
        assert held == [{"n": 1}]

    _between_two(url, story)


def test_payments_of_two_processes_do_not_wait_for_each_other_in_a_circle(url: str) -> None:
    async def story(one: Services, two: Services, merchant: Merchant) -> None:
        for turn in range(ROUNDS):
            orders = [
                order(merchant.id, reference=f"r-{turn}-{i}", key=f"k-{turn}-{i}", method=None) for i in range(12)
            ]
            reports_ = [money(f"{turn}{i}") for i in range(12)]
            await asyncio.gather(
                payment_service.create_all(one.world, orders),
                payment_service.create_all(two.world, orders[::-1]),
                *(
                    h.batches.report(report)
                    for h, list_ in ((one, reports_), (two, reports_[::-1]))
                    for report in list_
                ),
            )
        events = await one.rows("SELECT count(*) AS n FROM events WHERE merchant_id = $1", merchant.id)
        assert events == [{"n": 12 * ROUNDS}]

    _between_two(url, story)


def test_a_batch_that_loses_a_race_still_books_all_of_its_money(url: str) -> None:
    async def story(one: Services, two: Services, merchant: Merchant) -> None:
        first, second = await one.create(merchant), await one.create(merchant)
        numbers = [(await one.read(merchant, id_)).charges[0].instructions.number for id_ in (first, second)]
        shared, alone = money("nobody's"), [money(n) for n in numbers]
        got = await several(
            report_service.book_all(two.world, [shared]),
            *(one.batches.report(report) for report in (alone[0], shared, alone[1])),
        )
        assert not [answer for answer in got if isinstance(answer, Refused)]
        assert [(await one.read(merchant, id_)).payment.state for id_ in (first, second)] == ["paid", "paid"]

    _between_two(url, story)
