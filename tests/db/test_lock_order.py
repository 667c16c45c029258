"""The order in which transactions lock rows of several tables, recorded while whole stories run on a real database.

Two transactions that lock the same rows in different orders can wait for each other in a circle. So the order of each
transaction is compared with `gerbang.db.ORDER`.
"""

import asyncio
import itertools
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from gerbang.db import ORDER, Database, Tx, ledger, payments
from gerbang.domain.customers import Customer
from gerbang.domain.ledger import available, reserved
from gerbang.domain.merchants import Merchant
from gerbang.domain.money import rupiah
from gerbang.domain.payments import Details, Method
from gerbang.domain.refunds import Destination
from gerbang.errors import NotOpenYet, PartnerDeclined
from gerbang.services import payouts, refund_requests, settlements
from gerbang.services.batches import Batches
from gerbang.services.merchants import default_agreement, set_callback
from gerbang.services.payments import end
from gerbang.services.payments.confirm import Confirmation
from gerbang.services.payments.end import Cancellation, Decline, Reopening
from gerbang.workers import Workers
from tests.support.gateways import Databases
from tests.support.partners import asking
from tests.support.payouts import new_payout
from tests.support.refunds import ask
from tests.support.services import BRI, Services, connected, money, number, order, payment_id, run, services
from tests.support.settling import paid

Story = Callable[[Services, Merchant], Awaitable[None]]
NOTICE = "row of "
REPORT_ROWS = f"""
CREATE FUNCTION report_row() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE NOTICE '{NOTICE}%', TG_TABLE_NAME; RETURN coalesce(NEW, OLD); END $$;
DO $$ DECLARE t regclass; BEGIN
    FOR t IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
        EXECUTE format('CREATE TRIGGER report_row BEFORE UPDATE OR DELETE ON %s '
                       'FOR EACH ROW EXECUTE FUNCTION report_row()', t);
    END LOOP;
END $$
"""
"""Makes PostgreSQL send a notice for each row that it is about to update or delete: its own order, also in one statement."""

AT_ONCE = 3
BUDI = Customer(given_name="Budi", email="budi@example.id")
WALLET = Method(channel="ewallet", option="SHOPEEPAY", return_url="https://toko.example/")
_serial = itertools.count(1)

Line = tuple[str, str]
"""("row", table) for a row that is updated or deleted; ("sql", statement) for the statement that did it, afterwards."""


class Watched(Database):
    """A database that records, for each use of a connection, its statements and the rows that they change."""

    def __init__(self, url: str, connections: int) -> None:
        super().__init__(url, connections)
        self._uses: list[list[Line]] = []

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[Tx]:
        lines: list[Line] = []
        self._uses.append(lines)

        def notice(_: object, message: Any) -> None:
            if message.message.startswith(NOTICE):
                lines.append(("row", message.message.removeprefix(NOTICE)))

        def statement(record: Any) -> None:
            lines.append(("sql", record.query))

        async with super().reading() as connection:
            connection.add_log_listener(notice)
            connection.add_query_logger(statement)
            try:
                yield connection
            finally:
                connection.remove_log_listener(notice)
                connection.remove_query_logger(statement)

    async def locks(self) -> list[list[str]]:
        """The tables that each transaction up to now has locked rows of, in the order of its first locks."""
        await asyncio.sleep(0)  # the event loop delivers what was recorded last
        return [tables for lines in self._uses for tables in transactions(lines) if tables]


def transactions(lines: Sequence[Line]) -> list[list[str]]:
    """The tables of each transaction on one connection, in the order of its first locks."""
    found: list[list[str]] = [[]]
    rows: list[str] = []
    is_open = False
    for kind, text in lines:
        if kind == "row":
            rows.append(text)
            continue
        is_open = (is_open or text == "BEGIN") and text not in ("COMMIT", "ROLLBACK")
        only_locked = [table for table in locked_by(text) if table not in rows]
        found[-1] += [table for table in dict.fromkeys(only_locked + rows) if table not in found[-1]]
        rows = []
        if not is_open:
            found.append([])
    return found


def locked_by(sql: str) -> list[str]:
    """The tables that the FOR UPDATE clauses of a statement are about."""
    tables: list[str] = []
    for clause in re.finditer(r"\bFOR (NO KEY )?UPDATE\b", sql):
        tables += [name for name in re.findall(r"\bFROM (\w+)", sql[: clause.start()]) if name in ORDER][-1:]
    return tables


def out_of_order(found: Sequence[list[str]]) -> list[list[str]]:
    """Those transactions that lock several tables in another order than ORDER, or a table that ORDER lacks."""
    known = {table: place for place, table in enumerate(ORDER)}
    return [
        tables
        for tables in found
        if len(tables) > 1 and (not known.keys() >= set(tables) or tables != sorted(tables, key=known.__getitem__))
    ]


@asynccontextmanager
async def watched_services(url: str) -> AsyncGenerator[tuple[Services, Watched]]:
    """The services of one process, whose database is watched."""
    async with services(url) as here:
        watched = Watched(url, 4)
        await watched.open()
        try:
            world = replace(here.world, db=watched)
            batches = Batches(world, size_max=64, lanes=2)
            yield Services(world, batches, Workers(world, batches), here.clock), watched
        finally:
            await watched.close()


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    """A database that sends a notice for each row that is updated or deleted."""
    url = databases.fresh()

    async def prepare() -> None:
        async with services(url), connected(url) as connection:
            await connection.execute(REPORT_ROWS)

    run(prepare)
    return url


async def shop(here: Services) -> Merchant:
    """A merchant that offers wallets too and has callbacks for all products."""
    agreement = default_agreement(next(_serial), "Toko")
    merchant = await here.merchant(agreement=msgspec.structs.replace(agreement, also_offered={"payment": ["ewallet"]}))
    for product in ("payment", "refund", "v4-disbursements", "money"):
        await set_callback(here.world, merchant.id, product, "http://127.0.0.1:9/")
    return merchant


async def create_and_pay(here: Services, merchant: Merchant) -> None:
    """Payments of one customer are created with idempotency keys and paid twice; then the keys and a number are reused."""
    chosen = {"kind": "static", "method": msgspec.structs.replace(BRI, number="0000007")}
    for _ in range(2):
        orders = [order(merchant.id, customer=BUDI, key=f"key {i}", fingerprint=b"") for i in range(AT_ONCE)]
        orders.append(order(merchant.id, customer=BUDI, key="static", fingerprint=b"", **chosen))
        answers = await asyncio.gather(*map(here.batches.create, orders))
        for _ in ("owed", "double"):
            await asyncio.gather(*(here.batches.report(money(number(answer))) for answer in answers))
        await here.batches.report(money("nobody's"))
        await end.expire_now(here.world, merchant.id, payment_id(answers[-1]))
        here.pass_time(days=400)


async def confirm_and_choose_again(here: Services, merchant: Merchant) -> None:
    """Payments are confirmed; the buyer of one goes back, chooses a wallet and declines in it."""
    pending = await here.create(merchant, details=Details(auto_confirm=False))
    await here.batches.confirm(Confirmation(merchant.id, pending, None))
    linked = await here.create(merchant, method=None, details=Details(redirect=True))
    for method in (BRI, WALLET):
        by_buyer = msgspec.structs.replace(method, left_to_buyer="method")
        _, charge = await here.batches.confirm(Confirmation(merchant.id, linked, by_buyer))
        assert charge is not None
        if method is BRI:
            await end.reopen(here.world, Reopening(merchant.id, linked, charge.id))
        else:
            assert (await end.decline(here.world, Decline(merchant.id, linked, charge.id))).state == "needs_method"


async def end_unpaid(here: Services, merchant: Merchant) -> None:
    """Payments are cancelled, withdrawn, declined and expired, one by one and by the worker."""
    await end.cancel(here.world, Cancellation(merchant.id, await here.create(merchant, method=None), "DUPLICATE"))
    await end.withdraw(here.world, Cancellation(merchant.id, await here.create(merchant), "DUPLICATE"))
    await end.expire_now(here.world, merchant.id, await here.create(merchant))
    declined = await here.read(merchant, await here.create(merchant, method=WALLET))
    ended = await end.decline(here.world, Decline(merchant.id, declined.payment.id, declined.charges[0].id))
    assert ended.state == "failed"
    await here.create(merchant, expires_at=here.clock.now() + timedelta(minutes=1))
    here.pass_time(days=1)
    assert (await here.workers.catch_up())["expired"] > 0


async def settle_and_pay_out(here: Services, merchant: Merchant) -> None:
    """Money is settled, partly before its day, and paid out; one payout completes and one fails."""
    static = order(merchant.id, kind="static", amount=None, method=BRI)
    paid_to = number(await here.batches.create(static))
    paid = [await here.batches.report(money(paid_to, amount=rupiah(1_000_000))) for _ in range(AT_ONCE)]
    for booked in paid[1:]:
        assert booked.charge_id is not None
        await settlements.settle_now(here.world, merchant.id, booked.charge_id)
    here.pass_time(days=7)
    assert await settlements.settle_due(here.world) >= 1  # other stories of this database have money, too
    await asyncio.gather(*(payouts.create(here.world, new_payout(merchant, f"salary {i}")) for i in range(AT_ONCE)))
    fails = await payouts.create(here.world, new_payout(merchant, "to nobody", number="0102030404"))
    here.pass_time(hours=2)
    await here.workers.catch_up()
    assert (await payouts.read(here.world, merchant.id, fails.id)).state == "failed"


async def open_at_a_partner(here: Services, merchant: Merchant) -> None:
    """Codes that a partner must know are opened at once, at the second try, and declined; one is closed before its time."""
    asked = asking(here, "registered")
    await asyncio.gather(*(asked.create(merchant, key=f"code {i}", fingerprint=b"") for i in range(AT_ONCE)))
    await end.withdraw(here.world, Cancellation(merchant.id, await asked.create(merchant), "DUPLICATE"))
    for amount, refusal in ((rupiah(20_404), PartnerDeclined), (rupiah(20_504), NotOpenYet)):
        with pytest.raises(refusal):
            await asked.create(merchant, amount=amount, key=str(amount), fingerprint=b"")
    here.pass_time(minutes=2)
    assert (await asked.workers.catch_up())["asked"] >= 2


async def refund(here: Services, merchant: Merchant) -> None:
    """Money is refunded by its channel and by transfers, of which one fails and one comes back; one refund is cancelled."""
    bca = msgspec.structs.replace(BRI, option="BCA")
    charges = [await paid(here, merchant, method) for method in (Method(channel="qris"), bca, bca, BRI)]
    keyed = [ask(here, merchant, charges[0], key="key 0", reference="RF") for _ in range(AT_ONCE)]
    await asyncio.gather(*keyed)
    for charge, account in zip(charges[1:3], ("999966660001", "999966660002"), strict=True):
        await ask(here, merchant, charge, destination=Destination("BCA", account, "Budi", "014"))
    await refund_requests.cancel(here.world, (await ask(here, merchant, charges[3])).id)
    here.pass_time(hours=2)
    await here.workers.catch_up()
    (row,) = await here.rows("SELECT id, connection FROM payouts WHERE kind = 'refund' AND state = 'completed'")
    await payouts.returned_by_reference(here.world, row["connection"], ours=row["id"].hex, reason="closed")


STORIES: list[tuple[Story, list[str]]] = [
    (create_and_pay, ["payments", "charges", "paycodes", "accounts", "counters"]),
    (create_and_pay, ["idempotency_keys", "paycodes", "customers", "counters"]),
    (confirm_and_choose_again, ["payments", "charges", "paycodes", "counters"]),
    (end_unpaid, ["payments", "charges", "paycodes", "counters"]),
    (settle_and_pay_out, ["charges", "settlements", "accounts", "counters"]),
    (settle_and_pay_out, ["partner_requests", "payouts", "accounts", "counters"]),
    (refund, ["charges", "accounts", "counters"]),
    (refund, ["partner_requests", "refunds", "accounts", "counters"]),
    (refund, ["partner_requests", "payouts", "refunds", "accounts", "counters"]),
    (refund, ["payouts", "refunds", "accounts", "counters"]),
    (open_at_a_partner, ["idempotency_keys", "payments", "partner_requests", "counters"]),
    (open_at_a_partner, ["idempotency_keys", "payments", "partner_requests", "paycodes", "counters"]),
]
"""Stories, each with the tables of a transaction that must be seen in it."""


@pytest.mark.parametrize(("story", "seen"), STORIES)
def test_transactions_lock_tables_in_the_one_order(url: str, story: Story, seen: list[str]) -> None:
    async def watch() -> None:
        async with watched_services(url) as (here, watched):
            await story(here, await shop(here))
            found = await watched.locks()
            assert out_of_order(found) == []
            assert seen in found

    run(watch)


def test_a_transaction_that_locks_accounts_before_payments_is_found(url: str) -> None:
    async def watch() -> None:
        async with watched_services(url) as (here, watched):
            merchant = await shop(here)
            payment = await here.create(merchant)
            async with watched.transaction() as tx:
                await ledger.hold_balances(tx, [available(merchant.id), reserved(merchant.id)])
                await payments.locked(tx, [(merchant.id, payment)])
            assert out_of_order(await watched.locks()) == [["accounts", "payments"]]

    run(watch)


def test_the_order_within_one_statement_is_the_order_in_which_it_updates_rows(url: str) -> None:
    async def watch() -> None:
        async with watched_services(url) as (here, watched):
            id_ = await here.create(await shop(here))
            charges = "UPDATE charges SET fee = fee WHERE payment_id = $1 RETURNING payment_id"
            update = f"WITH c AS ({charges}) UPDATE payments p SET state = state FROM c WHERE p.id = c.payment_id"
            async with watched.transaction() as tx:
                await tx.execute(update, id_)
            assert out_of_order(await watched.locks()) == [["charges", "payments"]]

    run(watch)


def test_each_transaction_of_a_connection_is_looked_at_alone() -> None:
    lock = "SELECT id FROM {} WHERE id = ANY((SELECT ids FROM some)::uuid[]) ORDER BY id FOR NO KEY UPDATE"
    statements = ["BEGIN", lock.format("accounts"), "COMMIT", "BEGIN", lock.format("payments"), "ROLLBACK"]
    assert transactions([("sql", sql) for sql in statements]) == [["accounts"], ["payments"], []]
