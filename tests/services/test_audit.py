"""An audit finds whatever must never be in a database, and nothing in a good one."""

import json
from uuid import UUID

import msgspec
import pytest

from gerbang.db import audit, charges
from gerbang.domain.customers import Customer, RefundPreference
from gerbang.domain.customers import Destination as Preferred
from gerbang.domain.inquiries import Acceptance
from gerbang.domain.money import rupiah
from gerbang.domain.payments import Method
from gerbang.domain.refunds import Destination
from gerbang.domain.reversals import Reversal
from gerbang.services import bulk_payouts, payouts, reversals, settlements, withdrawals
from gerbang.services.bulk_payouts import NewBulk, NewLine
from gerbang.services.withdrawals import NewWithdrawal
from tests.support.gateways import Databases
from tests.support.payouts import new_payout
from tests.support.refunds import ask
from tests.support.services import PRICE, START, forget_power_cuts, money, number, order, payment_id, run, services
from tests.support.settling import paid as paid_charge

OTHER = UUID(int=99)
WRONG = {
    "the whole ledger is not zero": "UPDATE accounts SET balance = balance + 1 WHERE name = 'platform/fees'",
    "an account's balance is not what its transfers add up to": """
        UPDATE accounts SET balance = balance + CASE name WHEN 'platform/fees' THEN 1 ELSE -1 END
        WHERE id IN (SELECT min(id) FROM accounts WHERE name IN ('platform/fees', 'platform/vat') GROUP BY name)""",
    "money went to or from an account that is not its merchant's, or not the one that its reason says": """
        UPDATE transfers SET merchant_id = '{other}' WHERE reason = 'settled'""",
    "money that a bank reported is in the ledger not at all, twice, or otherwise than reported": """
        DELETE FROM transfers WHERE reason = 'money_in'""",
    "money is in the ledger that no bank reported": "UPDATE transfers SET report_id = NULL WHERE reason = 'in_suspense'",
    "money has no name of its own, or another's": "UPDATE report_names SET occurrence = 7 WHERE occurrence = 1",
    "money went back not at all, twice, or otherwise than its bank said": "UPDATE reversals SET amount = amount + 1",
    "money was accepted from a bank and not booked, or otherwise than it asked": "UPDATE inquiries SET amount = amount + 1",
    "something of a payment belongs to another merchant": "UPDATE paycodes SET merchant_id = '{other}'",
    "a payment is paid without its money, or has money and is not paid": """
        UPDATE payments SET state = 'paid', paid_at = created_at WHERE state = 'awaiting'""",
    "a charge is settled not at all, twice, or otherwise than with its amount and its fee": """
        DELETE FROM transfers WHERE reason = 'fee' AND cause_id IN (SELECT id FROM charges)""",
    "a settlement is not what its charges add up to": "UPDATE settlements SET gross = gross + 1",
    "a merchant's pending balance is not what was paid and not settled": """
        UPDATE charges SET amount = amount + 1 WHERE state = 'succeeded' AND settled_at IS NULL""",
    "a merchant's available balance is not what was settled or credited, less what was paid out, taken out or refunded": """
        UPDATE payouts SET fee = fee + 1 WHERE state = 'completed'""",
    "a merchant's balance for payouts is not what was paid in for them, less what was paid out": """
        UPDATE transfers SET amount = amount + 1 WHERE reason = 'withdrawn'""",
    "what a merchant has reserved is not what is on its way": """
        UPDATE payouts SET amount = amount + 1 WHERE state = 'processing'""",
    "a payout's money was moved not at all, twice, or otherwise than its state says": """
        DELETE FROM transfers WHERE reason = 'payout'""",
    "a refund's money was moved not at all, twice, or otherwise than its state says": """
        DELETE FROM transfers WHERE reason = 'refunded'""",
    "more of a charge was refunded than was taken, or something that was not": """
        UPDATE refunds SET amount = amount + 10000000, captured = captured + 10000000""",
    "what a merchant has in suspense is not the money that was not owed and is still there": """
        UPDATE reports SET amount = amount + 1 WHERE outcome = 'double'""",
    "money that was not owed was credited or sent back, and was owed, or was another's": """
        UPDATE refunds SET amount = amount + 1, captured = captured + 1 WHERE report_id IS NOT NULL""",
    "a refund's transfer is not what its refund says": "DELETE FROM payouts WHERE kind = 'refund'",
    "a bulk payout does not say what its lines do": "UPDATE bulk_payouts SET lines = lines + 1",
    "a withdrawal has not moved its money": "UPDATE withdrawals SET amount = amount + 1",
    "a payment, a payout or a refund waits for a partner that nobody asks, or the other way round": """
        UPDATE partner_requests SET state = 'done', next_at = NULL WHERE next_at IS NOT NULL""",
    "a code that was left before its end is open at its partner": """
        UPDATE charges SET state = 'expired' WHERE state = 'waiting';
        INSERT INTO partner_requests SELECT id, merchant_id, 'simulator', 'open', '{{}}', 'done', now(), now(), '', '', 0
        FROM charges WHERE state <> 'succeeded'""",
    "a transfer for a charge, a payout or a refund that there is not": "UPDATE transfers SET cause_id = '{other}' WHERE reason = 'vat' "
    "AND debit = (SELECT max(debit) FROM transfers WHERE reason = 'vat')",
    "a payment that waits to be paid has no number": "UPDATE paycodes SET held = false",
    "a number is held by two": """
        DROP INDEX paycodes_held; INSERT INTO paycodes SELECT * FROM paycodes WHERE held LIMIT 1""",
    "a merchant's events have a gap, or were not counted": "UPDATE counters SET events = events + 1",
    "a merchant's payments were not counted": "UPDATE counters SET payments = payments + 1",
    "something happened to a payment without its one event": """
        UPDATE events SET kind = 'payment.confirmed' WHERE kind = 'payment.paid'""",
    "money was reported without its one event": """
        UPDATE events SET kind = 'payment.confirmed' WHERE kind = 'money.in_suspense'""",
    "a charge was settled without its one event": """
        UPDATE events SET kind = 'payment.confirmed' WHERE kind = 'charge.settled'""",
    "payouts of a merchant have ended without an event each": """
        UPDATE events SET kind = 'payment.confirmed' WHERE kind = 'payout.completed'""",
    "a refund has begun or ended without an event each": """
        UPDATE events SET kind = 'payment.confirmed' WHERE kind = 'refund.pending'""",
    "a payment could not be ended: its time has been over for ten minutes": """
        UPDATE payments SET expires_at = created_at - interval '11 minutes' WHERE state = 'awaiting'""",
    "money could not be settled: it has been due for ten minutes, or was put off": """
        UPDATE charges SET settled_at = NULL, settlement_id = NULL, settles_at = paid_at - interval '11 minutes'""",
    "a partner could not be asked, or has not taken what it was asked, for ten minutes": """
        UPDATE partner_requests SET next_at = created_at - interval '11 minutes' WHERE next_at IS NOT NULL""",
}
"""What breaks each rule."""
RULES = audit.RULES | audit.LATE


@pytest.fixture(scope="module")
def database(databases: Databases) -> str:
    """A database of a merchant with some of everything."""
    url = databases.fresh()

    async def story() -> None:
        await forget_power_cuts(url)
        async with services(url) as here:
            merchant = await here.merchant()
            bri = Method(channel="virtual_account", option="BRI")  # settled at once
            for _ in range(2):
                paid_to = number(await here.batches.create(order(merchant.id, method=bri)))
                for _ in ("paid", "and once more"):
                    await here.batches.report(money(paid_to))
            await here.batches.create(order(merchant.id))
            await here.batches.answer(Acceptance("asked", money(number(await here.batches.create(order(merchant.id))))))
            paid = await here.batches.create(order(merchant.id))
            await here.batches.report(money(number(paid), reference="went back"))
            await reversals.reverse(here.world, Reversal("simulator", "back", "went back", PRICE))
            static = await here.batches.create(order(merchant.id, kind="static", amount=None))
            await here.batches.report(money(number(static)))
            async with here.world.db.reading() as tx:
                (arrived,) = (await charges.newest(tx, [(merchant.id, payment_id(static))], most=9))[payment_id(static)]
            await settlements.settle_now(here.world, merchant.id, arrived.id)
            await settlements.settle_due(here.world)
            tomorrow = Method(channel="virtual_account", option="BCA")  # settled on the next working day
            await here.batches.report(money(number(await here.batches.create(order(merchant.id, method=tomorrow)))))
            for name in ("completed", "failed", "open"):
                made = await payouts.create(here.world, new_payout(merchant, name))
                if name != "open":
                    await payouts.finish(here.world, merchant.id, made.id, "fail" if name == "failed" else "complete")
            qris = [await paid_charge(here, merchant, Method(channel="qris")) for _ in range(3)]
            await ask(here, merchant, qris[0])
            account = Destination("BCA", "999966660001", "Budi", "BCA")
            await ask(here, merchant, qris[1], method="transfer_only", destination=account)
            await here.workers.catch_up()
            await ask(here, merchant, qris[2])
            agreed = msgspec.structs.replace(merchant.agreement, late_money={"virtual_account": "refund"})
            async with here.world.db.transaction() as tx:
                written = msgspec.json.encode(agreed).decode()
                await tx.execute("UPDATE merchants SET agreement = $2 WHERE id = $1", merchant.id, written)
            prefers = RefundPreference("auto", Preferred("BCA", "999966660001", "Budi"))
            budi = Customer(email="budi@shop.example", refund_preference=prefers)
            twice = number(await here.batches.create(order(merchant.id, method=bri, customer=budi)))
            for _ in ("paid", "and once more"):
                await here.batches.report(money(twice))
            await withdrawals.create(here.world, NewWithdrawal(merchant.id, "to pay out", "balance", "payouts", None))
            line = NewLine("a line", rupiah(10_000), new_payout(merchant).destination)
            await bulk_payouts.create(here.world, NewBulk(merchant.id, "payout", [line], None, b"", lambda _: b""))

    run(story)
    return url


def look(url: str, *changes: str) -> list[audit.Finding]:
    """What is found after changes that are taken back at the end."""

    async def story() -> list[audit.Finding]:
        async with services(url) as here, here.world.db.reading() as tx:
            whole = tx.transaction()
            await whole.start()
            for change in changes:
                await tx.execute(change)
            found = await audit.findings(tx, START, RULES)
            await whole.rollback()
        return found

    return run(story)


def test_nothing_is_found_in_a_good_database(database: str) -> None:
    assert {found.rule: found.examples for found in look(database) if found.count} == {}


def test_every_rule_is_tried(database: str) -> None:
    assert [found.rule for found in look(database)] == list(RULES) == list(WRONG)


@pytest.mark.parametrize("rule", WRONG)
def test_what_breaks_a_rule_is_found(database: str, rule: str) -> None:
    found = {found.rule: found for found in look(database, WRONG[rule].format(other=OTHER))}
    assert found[rule].count > 0
    assert found[rule].examples


@pytest.mark.parametrize("rule", RULES)
async def test_no_rule_looks_through_one_table_for_each_row_of_another(database: str, rule: str) -> None:
    """All joins of a rule can be made by hashing or sorting; one that cannot is dear beyond measure when loops are forbidden."""

    async with services(database) as here, here.world.db.transaction() as tx:
        await audit.hold_still(tx)
        await tx.execute("SET LOCAL enable_nestloop = off")
        plan = json.loads(await tx.fetchval(f"EXPLAIN (FORMAT JSON) {RULES[rule].replace('$1', 'now()')}"))
        assert plan[0]["Plan"]["Total Cost"] < 1_000_000
