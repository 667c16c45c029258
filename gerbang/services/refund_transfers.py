"""The transfer by which a refund goes to an account of its buyer: ordered, and what comes of it written to the refund.

The transfer is a payout of the kind "refund", for which the refund has reserved the money already. It is given to its bank once, as
every payout is (`payout_requests`).
"""

from datetime import datetime

import structlog
from msgspec.structs import replace

from gerbang import ids
from gerbang.db import Tx, customers, payments, reports
from gerbang.db import refunds as kept
from gerbang.domain.bank_directory import named
from gerbang.domain.changes import Changes
from gerbang.domain.customers import RefundPreference
from gerbang.domain.events import Event, Kind, Snapshot
from gerbang.domain.ledger import Transfer, refund_coming_back, refunding, releasing_refund
from gerbang.domain.partner_requests import SendMoney, noted
from gerbang.domain.payments import Payment
from gerbang.domain.payouts import Destination as Account
from gerbang.domain.payouts import Payout
from gerbang.domain.refunds import Destination, Refund, by_transfer, failed, preference_of, returned, succeeded
from gerbang.errors import Unavailable
from gerbang.partners import Partner
from gerbang.world import World

log = structlog.get_logger()


def carrier_to(world: World, refund_of: Payment | Refund, bank_code: str) -> Partner | None:
    """The bank by which a merchant's money goes to another bank; None where no connection is routed there."""
    found = world.partners.serving(refund_of.merchant_id, None, bank_code, "payouts")
    return found if found is not None and found.sender is not None else None


async def preference(tx: Tx, payment: Payment) -> RefundPreference | None:
    """How the buyer of a payment wants to be refunded, as the merchant has said last."""
    known = None
    if payment.customer_id is not None:
        of_it = payment.merchant_id, payment.customer_id
        found = (await customers.by_id(tx, [of_it])).get(of_it)
        known = found.customer if found is not None else None
    return preference_of(known, payment.details.customer)


def preferred(world: World, payment: Payment, said: RefundPreference | None) -> Destination | None:
    """The account that a buyer prefers, where its bank is known and connected."""
    account = said.destination if said is not None else None
    bank = named(account.channel_code) if account is not None else None
    if account is None or bank is None or carrier_to(world, payment, bank.code) is None:
        return None
    return Destination(bank.code, account.account_number, account.account_name, account.channel_code)


async def known_account(world: World, tx: Tx, refund: Refund) -> Destination | None:
    """The account that a refund may go to: the one that was named for it, or that its buyer prefers by now."""
    if refund.destination is not None:
        return refund.destination
    of_it = refund.merchant_id, refund.payment_id
    payment = (await payments.by_id(tx, [of_it])).get(refund.payment_id)
    return preferred(world, payment, await preference(tx, payment)) if payment is not None else None


def order(world: World, changes: Changes, refund: Refund, account: Destination | None, now: datetime) -> Refund:
    """Adds the transfer of a refund to what is written; without an account it only waits for one. The refund after that."""
    carrier = carrier_to(world, refund, account.bank_code) if account is not None else None
    was_waiting = refund.state == "waiting_transfer"
    if account is None or carrier is None:
        refund = by_transfer(refund, None, "", now)
    else:
        refund = by_transfer(refund, account, carrier.connection.name, now)
        payout = _payout(refund, account, now)
        request = noted(payout.id, payout.merchant_id, payout.connection, "send", SendMoney(), now)
        changes.new_payouts.append(payout)
        # Whoever takes up what is due gives it to the bank, so that nothing that waits for an answer calls anybody.
        changes.new_requests.append(replace(request, next_at=now))
    if not was_waiting and refund.report_id is None:
        changes.events.append(event("refund.waiting_transfer", refund, now))
    return refund


def _payout(refund: Refund, account: Destination, now: datetime) -> Payout:
    return Payout(
        id=ids.uuid7(now),
        merchant_id=refund.merchant_id,
        product=refund.product,
        reference=refund.id.hex,
        connection=refund.connection,
        amount=refund.amount,
        fee=0,  # the refund's own fee covers it
        vat=0,
        state="pending",
        destination=Account("bank_transfer", account.bank_code, account.account_number, account.account_name),
        description=refund.statement_text or None,
        created_at=now,
        updated_at=now,
        kind="refund",
        cause_id=refund.id,
    )


def event(kind: Kind, refund: Refund, now: datetime) -> Event:
    """The event of what has become of a refund that its merchant has asked for."""
    return Event(refund.merchant_id, kind, now, refund.payment_id, refund.charge_id, snapshot=Snapshot(refund=refund))


def carried_out(refund: Refund, now: datetime) -> Changes:
    """A refund whose buyer has the money, with what that moves and says. Raises WrongState."""
    refund = succeeded(refund, now)
    return _changes(refund, "refund.succeeded", refunding(refund), now)


def given_up(refund: Refund, kind: Kind, now: datetime) -> Changes:
    """A refund that has failed or was cancelled, with its money where it was before."""
    return _changes(refund, kind, releasing_refund(refund), now)


def _changes(refund: Refund, kind: Kind, moved: list[Transfer], now: datetime) -> Changes:
    said = [event(kind, refund, now)] if refund.report_id is None else []
    return Changes(refunds={refund.id: refund}, transfers=moved, events=said)


async def ended(tx: Tx, payout: Payout, now: datetime) -> Changes:
    """What the end of a refund's transfer changes beside the transfer itself. The refund is held until the commit."""
    refund = await _of(tx, payout)
    if payout.state == "completed":
        changes, kind = carried_out(refund, now), "money.refunded"
    else:
        refund = failed(refund, payout.failure_reason or "", now)
        changes, kind = given_up(refund, "refund.failed", now), "money.refund_failed"
    changes.events += await _of_held_money(tx, kind, refund, now)
    return changes


async def came_back(tx: Tx, payout: Payout, reason: str, now: datetime) -> Changes:
    """What it changes that the money of a refund's transfer has come back. The refund is held until the commit."""
    refund = returned(await _of(tx, payout), reason, now)
    changes = _changes(refund, "refund.failed", refund_coming_back(refund), now)
    changes.events += await _of_held_money(tx, "money.refund_failed", refund, now)
    return changes


async def _of_held_money(tx: Tx, kind: Kind, refund: Refund, now: datetime) -> list[Event]:
    """The event of what has become of money that was not owed; none for a refund that its merchant has asked for."""
    if refund.report_id is None:
        return []
    found = await reports.by_id(tx, refund.merchant_id, refund.report_id)
    payment = (await payments.by_id(tx, [(refund.merchant_id, refund.payment_id)])).get(refund.payment_id)
    if found is None or payment is None:
        raise lost(str(refund.id))
    booked, number = found
    snapshot = Snapshot(payment=payment, report=booked, reported_number=number)
    return [Event(refund.merchant_id, kind, now, payment.id, booked.charge_id, snapshot)]


async def _of(tx: Tx, payout: Payout) -> Refund:
    assert payout.cause_id is not None, "a refund's transfer names the refund"
    refund = await kept.locked(tx, payout.merchant_id, payout.cause_id)
    if refund is None:
        raise lost(str(payout.cause_id))
    return refund


def lost(refund_id: str) -> Unavailable:
    """Refunds are never deleted, so the database has lost this one since, in a failover."""
    log.error("a refund was lost by the database after somebody was asked for it", refund=refund_id)
    return Unavailable()
