"""Two connections want the same thing at the same moment: exactly one gets it, and the other is refused."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar
from uuid import UUID

import pytest

from gerbang import ids
from gerbang.db import Database, Tx, audit, idempotency, ledger, paycodes, payments
from gerbang.db.changes import WriteConflict, write
from gerbang.db.idempotency import Asked
from gerbang.domain.changes import BookedReport, Changes, KeptAnswer, KnownCustomer
from gerbang.domain.customers import Customer
from gerbang.domain.ledger import Transfer, pending
from gerbang.domain.merchants import Merchant
from gerbang.domain.paycodes import Paycode
from gerbang.domain.payments import Details, Method, Payment
from gerbang.domain.reports import Booked, Report
from gerbang.errors import KeyReused, NumberTaken, ReferenceTaken, Refused
from gerbang.services import reports as report_service
from gerbang.services.payments import create as payment_service
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
    services,
    several,
)

pytestmark = pytest.mark.slow  # two processes on one database for each test

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
) -> tuple[T, T | str]:
    """What two transactions get of which the second must wait for the end of the first: a commit, or a roll-back.

    Of a conflict, that is the constraint that refused it.
    """
    async with database(url) as db, db.reading() as one:
        transaction = one.transaction()
        await transaction.start()
        got = await first(one)

        async def follow() -> T | str:
            try:
                async with db.transaction() as tx:
                    return await second(tx)
            except WriteConflict as conflict:
                return conflict.constraint

        following = asyncio.create_task(follow())
        done, _ = await asyncio.wait([following], timeout=WAITS_SECONDS)
        assert not done, "the second did not wait until the first has ended"
        await (transaction.commit() if commit else transaction.rollback())
        return got, await following


def _paycode(number: str, payment: UUID) -> Paycode:
    return Paycode(
        "simulator", "virtual_account", number, MERCHANT, payment, payment, static=False, free_at=None, created_at=START
    )


def _payment(reference: str) -> Payment:
    return Payment(
        id=ids.uuid7(START),
        merchant_id=MERCHANT,
        product="payment",
        reference=reference,
        kind="one_time",
        amount=PRICE,
        state="needs_method",
        created_at=START,
        updated_at=START,
        expires_at=START,
        descriptor="",
        details=Details(),
    )


def _report(reference: str) -> BookedReport:
    id_ = ids.uuid7(START)
    booked = Booked(id=id_, outcome="unknown_number", amount=1, merchant_id=MERCHANT, payment_id=None, charge_id=None)
    return BookedReport(Report("simulator", reference, "virtual_account", "1", 1), booked, START)


def _written(changes: Changes) -> Callable[[Tx], Awaitable[str]]:
    """Writes changes, and says so."""

    async def written(tx: Tx) -> str:
        await write(tx, changes, START)
        return "written"

    return written


@pytest.mark.parametrize("commit", [True, False], ids=["commits", "rolls back"])
async def test_a_number_is_held_by_one(url: str, commit: bool) -> None:
    taken = f"1270{ids.digits(8)}"

    one, two = (_written(Changes(new_paycodes=[_paycode(taken, UUID(int=n))])) for n in (10, 11))
    assert await both(url, one, two, commit=commit) == ("written", "paycodes_held" if commit else "written")
    async with database(url) as db, db.reading() as tx:
        asked = ("simulator", "virtual_account", taken, START)
        owner = (await paycodes.owners(tx, [asked]))[asked]
    assert owner.payment_id == UUID(int=10 if commit else 11)


@pytest.mark.parametrize("commit", [True, False], ids=["commits", "rolls back"])
async def test_a_reference_is_used_by_one(url: str, commit: bool) -> None:
    one, two = _payment(reference := ids.hex_id(8)), _payment(reference)

    writes = (_written(Changes(new_payments=[each])) for each in (one, two))
    refused = "payments_reference"
    assert await both(url, *writes, commit=commit) == ("written", refused if commit else "written")
    async with database(url) as db, db.reading() as tx:
        found = await payments.by_reference(tx, MERCHANT, reference)
    assert found
    assert found.id == (one.id if commit else two.id)


@pytest.mark.parametrize("commit", [True, False], ids=["commits", "rolls back"])
async def test_a_key_is_answered_by_one(url: str, commit: bool) -> None:
    key = ids.hex_id(8)

    until = START + payment_service.KEY_REMEMBERED
    answers = (KeptAnswer(MERCHANT, key, b"", answer, until) for answer in (b"one", b"two"))
    writes = (_written(Changes(new_answers=[answer])) for answer in answers)
    assert await both(url, *writes, commit=commit) == ("written", "idempotency_keys_pkey" if commit else "written")
    async with database(url) as db, db.reading() as tx:
        found = await idempotency.known(tx, [Asked(MERCHANT, "", ids.hex_id(8), key)], START)
    assert found[0].answer == (b"one" if commit else b"two")


async def test_a_key_that_was_forgotten_is_answered_anew_by_one(url: str) -> None:
    key = ids.hex_id(8)
    later = START + 2 * payment_service.KEY_REMEMBERED

    def keep(answer: bytes) -> Callable[[Tx], Awaitable[str]]:
        async def kept(tx: Tx) -> str:
            assert await idempotency.known(tx, [Asked(MERCHANT, "", ids.hex_id(8), key)], later) == {}
            until = later + payment_service.KEY_REMEMBERED
            await write(tx, Changes(new_answers=[KeptAnswer(MERCHANT, key, b"", answer, until)]), later)
            return "written"

        return kept

    async with database(url) as db, db.transaction() as tx:
        old = KeptAnswer(MERCHANT, key, b"", b"old", START + payment_service.KEY_REMEMBERED)
        await write(tx, Changes(new_answers=[old]), START)
    assert await both(url, keep(b"one"), keep(b"two"), commit=True) == ("written", "idempotency_keys_pkey")


@pytest.mark.parametrize("commit", [True, False], ids=["commits", "rolls back"])
async def test_a_report_is_written_by_one(url: str, commit: bool) -> None:
    reference = ids.hex_id(8)

    writes = (_written(Changes(new_reports=[_report(reference)])) for _ in range(2))
    assert await both(url, *writes, commit=commit) == (
        "written",
        "report_names_pkey" if commit else "written",
    )


async def test_an_e_mail_address_belongs_to_one_customer(url: str) -> None:
    said = Customer(given_name="Budi", email=f"{ids.hex_id(8)}@example.id")

    known = (KnownCustomer(MERCHANT, ids.hex_id(8), said) for _ in range(2))
    writes = (_written(Changes(customers=[each])) for each in known)
    assert await both(url, *writes, commit=True) == ("written", "customers_merchant_id_email_key")


async def test_an_account_is_opened_by_one_and_found_by_the_other(url: str) -> None:
    merchant_id = ids.uuid7(START)
    name = pending(merchant_id)
    transfer = Transfer("bank/simulator", name, 100, "money_in", merchant_id, None, None)

    def post(tx: Tx) -> Awaitable[None]:
        return ledger.post(tx, [transfer], START)

    await both(url, post, post, commit=True)
    async with database(url) as db, db.reading() as tx:
        assert await ledger.balances(tx, [name]) == {name: -200}
        assert found_wrong(await audit.findings(tx, START, audit.LEDGER)) == []


# Two processes on one database


@asynccontextmanager
async def _two_processes_on(url: str) -> AsyncGenerator[tuple[Services, Services, Merchant]]:
    async with services(url) as one, services(url) as two:
        yield one, two, await one.merchant()


ROUNDS = 8
"""How often a race is run: who is first is a matter of chance."""


async def test_of_two_processes_one_creates_a_payment_of_a_reference(url: str) -> None:
    async with _two_processes_on(url) as (one, two, merchant):
        for turn in range(ROUNDS):
            orders = [order(merchant.id, reference=f"race-{turn}") for _ in range(6)]
            got = await several(*(h.batches.create(new) for h, new in zip([one, two] * 3, orders, strict=True)))
            assert [type(answer) for answer in got if not isinstance(answer, bytes)] == [ReferenceTaken] * 5
        held = await one.rows("SELECT count(*) AS n FROM paycodes WHERE merchant_id = $1", merchant.id)
        assert held == [{"n": ROUNDS}]


async def test_of_two_processes_both_give_the_same_answer_to_a_key(url: str) -> None:
    async with _two_processes_on(url) as (one, two, merchant):
        for turn in range(ROUNDS):
            new = order(merchant.id, reference=f"race-{turn}", key=f"key-{turn}", fingerprint=b"same")
            other = order(merchant.id, reference=f"other-{turn}", key=f"key-{turn}", fingerprint=b"other")
            calls = [h.batches.create(new) for h in (one, two, one, two)] + [two.batches.create(other)]
            *same, differing = await several(*calls)
            # Whichever of the two requests came first is answered, as often as it was sent; the other one is refused.
            assert len(set(map(repr, same))) == 1
            assert {type(same[0]), type(differing)} == {bytes, KeyReused}
        kept = await one.rows("SELECT count(*) AS n FROM payments WHERE merchant_id = $1", merchant.id)
        assert kept == [{"n": ROUNDS}]


async def test_of_two_processes_one_gets_the_number_that_both_chose(url: str) -> None:
    async with _two_processes_on(url) as (one, two, merchant):
        for turn in range(ROUNDS):
            chosen = {"kind": "static", "method": _chosen(f"{turn:07d}")}
            got = await several(*(h.batches.create(order(merchant.id, **chosen)) for h in (one, two, one)))
            assert sorted(isinstance(answer, NumberTaken) for answer in got) == [False, True, True]


def _chosen(suffix: str) -> Method:
    return Method(channel="virtual_account", option="BRI", number=suffix)


@pytest.mark.parametrize("whose", ["a payment's number", "nobody's number"])
async def test_of_two_processes_one_writes_the_money(url: str, whose: str) -> None:
    async with _two_processes_on(url) as (one, two, merchant):
        for _ in range(ROUNDS):
            paid_to = "999" if whose == "nobody's number" else number(await one.batches.create(order(merchant.id)))
            reported = money(paid_to)
            got = await several(*(h.batches.report(reported) for h in (one, two, one, two)))
            answers = [answer for answer in got if not isinstance(answer, BaseException)]
            assert len(answers) == 4, got
            assert len({answer.id for answer in answers}) == 1
            assert sorted(answer.known_before for answer in answers) == [False, True, True, True]
        assert await one.imbalances() == []


async def test_one_bank_reference_for_two_payments_is_booked_once(url: str) -> None:
    async with _two_processes_on(url) as (one, two, merchant):
        for turn in range(ROUNDS):
            numbers = [number(await h.batches.create(order(merchant.id))) for h in (one, two)]
            reference = f"both-{merchant.id}-{turn}"
            got = await several(
                *(h.batches.report(money(n, reference=reference)) for h, n in zip((one, two), numbers, strict=True))
            )
            # The other money under that reference is neither believed nor lost: it is held in suspense.
            assert sorted(str(getattr(answer, "outcome", answer)) for answer in got) == ["booked", "double"]
        paid = "SELECT count(*) AS n FROM payments WHERE merchant_id = $1 AND state = 'paid'"
        assert await one.rows(paid, merchant.id) == [{"n": ROUNDS}]
        assert await one.imbalances() == []


async def test_two_processes_know_one_customer_by_the_e_mail_address(url: str) -> None:
    async with _two_processes_on(url) as (one, two, merchant):
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


async def test_a_customer_whom_somebody_writes_at_the_same_moment_is_one_customer(url: str) -> None:
    async with _two_processes_on(url) as (one, two, merchant):
        said = Customer(given_name="Budi", email="same-moment@example.id")
        async with two.world.db.transaction() as tx:
            await write(tx, Changes(customers=[KnownCustomer(merchant.id, "c-1", said)]), START)
            static = {"kind": "static", "amount": None, "method": Method(channel="qris")}
            new = order(merchant.id, customer=said, **static)
            creating = asyncio.create_task(one.batches.create(new))
            done, _ = await asyncio.wait([creating], timeout=WAITS_SECONDS)
            assert not done, "the payment did not wait until its customer is known"
        assert (await one.read(merchant, payment_id(await creating))).payment.customer_id == "c-1"
        held = await one.rows("SELECT count(*) AS n FROM paycodes WHERE merchant_id = $1", merchant.id)
        assert held == [{"n": 1}]


async def test_payments_of_two_processes_do_not_wait_for_each_other_in_a_circle(url: str) -> None:
    async with _two_processes_on(url) as (one, two, merchant):
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


async def test_a_batch_that_loses_a_race_still_writes_all_of_its_money(url: str) -> None:
    async with _two_processes_on(url) as (one, two, merchant):
        first, second = await one.create(merchant), await one.create(merchant)
        numbers = [(await one.read(merchant, id_)).charges[0].instructions.number for id_ in (first, second)]
        shared, alone = money("nobody's"), [money(n) for n in numbers]
        got = await several(
            report_service.book_all(two.world, [shared]),
            *(one.batches.report(report) for report in (alone[0], shared, alone[1])),
        )
        assert not [answer for answer in got if isinstance(answer, Refused)]
        assert [(await one.read(merchant, id_)).payment.state for id_ in (first, second)] == ["paid", "paid"]
