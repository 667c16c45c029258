"""Paying out: reserve the money and store the order, instruct the bank, record what came of it. Never twice.

Write, call, write: the bank is called after the first commit, holding nothing. What is left in between, because the bank
was silent or the process died, a worker takes up again with the same id, by which the bank knows the instruction.
"""

import asyncio
from datetime import datetime
from operator import attrgetter
from typing import Literal
from uuid import UUID

import msgspec
import structlog
from msgspec.structs import replace

from gerbang import ids
from gerbang.connections import Bank, Sent, Silence
from gerbang.db import Tx, ledger, merchants, wait_as_for_writing
from gerbang.db import payouts as kept
from gerbang.db.changes import write
from gerbang.domain.changes import Changes
from gerbang.domain.events import Event, Snapshot
from gerbang.domain.fees import Fee, fee_of
from gerbang.domain.ledger import available, paying_out, releasing, reserved, reserving
from gerbang.domain.money import readable
from gerbang.domain.payouts import (
    AMOUNT_MIN,
    ASK_AGAIN,
    FEE_DEFAULT,
    FEE_NAME,
    LEASE,
    Destination,
    Payout,
    Search,
    completed,
    failed,
    sent,
)
from gerbang.errors import (
    AccountUnknown,
    AmountBelowLimit,
    BankSilent,
    InsufficientFunds,
    MerchantUnknown,
    NotInLiveMode,
    PayoutUnknown,
    Unavailable,
)
from gerbang.services import page_positions
from gerbang.services.page_positions import Page, Place
from gerbang.world import World

log = structlog.get_logger()
CALL_SECONDS_MAX = 15.0
"""Well below the lease, so that a payout is in one pair of hands at a time."""
CALLS_AT_ONCE_MAX = 8
SIMULATED = "Simulated failure"
"""Why a payout failed that a sandbox task has failed."""


class NewPayout(msgspec.Struct, frozen=True):
    """An order to pay out. `amount` > 0 in minor units; `product` is the one whose callbacks report it."""

    merchant_id: UUID
    product: str
    reference: str
    amount: int
    destination: Destination
    description: str | None = None


async def create(world: World, new: NewPayout) -> Payout:
    """Pays out, once for each of the merchant's references: a repeated reference returns the payout that exists.

    Raises AmountBelowLimit, InsufficientFunds where the available balance does not cover amount and fee, and
    NotInLiveMode while there is no bank that could do it.
    """
    payout, is_new = await _keep(world, new)
    return await _call(world, payout) if is_new else payout


async def _keep(world: World, new: NewPayout) -> tuple[Payout, bool]:
    """The payout of this reference, its money reserved, and whether it is new."""
    bank = _carrier(world)
    async with world.db.transaction() as tx:
        now = world.clock.now()
        # Orders of one merchant wait here for each other, so what is read below stays true until the commit: the balance,
        # and that the reference is new.
        balance = await _available(tx, new.merchant_id)
        there = await kept.by_reference(tx, new.merchant_id, new.reference)
        if there is not None:
            await wait_as_for_writing(tx)
            return there, False
        merchant = (await merchants.by_id(tx, [new.merchant_id])).get(new.merchant_id)
        if merchant is None:
            raise MerchantUnknown
        fee = fee_of(merchant.agreement.fees.get(FEE_NAME, FEE_DEFAULT), new.amount, now)
        payout = Payout(
            id=ids.uuid7(now),
            merchant_id=new.merchant_id,
            product=new.product,
            reference=new.reference,
            bank=bank.name,
            amount=new.amount,
            fee=fee.total,
            vat=fee.vat,
            state="pending",
            destination=new.destination,
            description=new.description,
            created_at=now,
            updated_at=now,
            next_at=now + LEASE,
        )
        if new.amount < AMOUNT_MIN:
            raise AmountBelowLimit("amount", title="a transfer to a bank account", minimum=readable(AMOUNT_MIN))
        if balance < payout.reserved:
            raise InsufficientFunds("amount", available=readable(balance), needed=readable(payout.reserved))
        transfers = reserving(payout.merchant_id, payout.reserved, payout_id=payout.id)
        await write(tx, Changes(new_payouts=[payout], transfers=transfers), now)
    return payout, True


def _carrier(world: World) -> Bank:
    """The connection by which new payouts go."""
    for bank in world.banks.values():
        return bank
    raise NotInLiveMode


async def _available(tx: Tx, merchant_id: UUID) -> int:
    """The merchant's available balance in minor units, locked together with the reserved one until the commit."""
    owner = available(merchant_id)
    # Both accounts are locked at once and in their order: one after the other, two orders could wait for each other.
    held = await ledger.hold_balances(tx, [owner, reserved(merchant_id)])
    return -held.get(owner, 0)  # a balance is debits minus credits, and what is owed to a merchant is a credit


async def _call(world: World, payout: Payout) -> Payout:
    """Gives the bank its instruction, or asks what came of it. Silence leaves the payout as it is."""
    now = world.clock.now()
    try:
        bank = world.banks[payout.bank]
        async with asyncio.timeout(CALL_SECONDS_MAX):
            said = await (bank.send(payout, now) if payout.state == "pending" else bank.ask(payout, now))
    except (Silence, TimeoutError):
        log.warning("the bank was silent about a payout", payout=str(payout.id), bank=payout.bank)
        return payout
    except Exception:
        # The instruction may be under way all the same, so this is silence too.
        log.exception("the bank could not be called about a payout", payout=str(payout.id), bank=payout.bank)
        return payout
    return await _write(world, payout.id, said, now)


async def _write(world: World, payout_id: UUID, said: Sent, called_at: datetime) -> Payout:
    """Writes what the bank has said, unless the payout has ended meanwhile."""
    async with world.db.transaction() as tx:
        now = world.clock.now()
        payout = await kept.locked(tx, payout_id)
        if payout is None:  # payouts are never deleted, so the database has lost this one since, in a failover
            log.error("a payout was lost by the database after its bank was called", payout=str(payout_id), said=said)
            raise Unavailable
        if payout.ended_at is not None:
            return payout
        if payout.state == "pending":
            payout = sent(payout, said.reference, said.account_name, called_at)
        if said.state == "processing":
            payout = replace(payout, next_at=said.ask_at or now + ASK_AGAIN)
            await write(tx, Changes(payouts={payout.id: payout}), now)
            return payout
        payout = completed(payout, now) if said.state == "completed" else failed(payout, said.reason, now)
        await _end(world, tx, payout, now)
    return payout


async def _end(world: World, tx: Tx, payout: Payout, now: datetime) -> None:
    """Writes that a payout has ended, moves its money on or back, and notifies the merchant."""
    if payout.state == "completed":
        fee = Fee(payout.fee, payout.vat)
        transfers = paying_out(payout.bank, payout.merchant_id, payout.amount, fee, payout_id=payout.id)
    else:
        transfers = releasing(payout.merchant_id, payout.reserved, payout_id=payout.id)
    kind = "payout.completed" if payout.state == "completed" else "payout.failed"
    event = Event(payout.merchant_id, kind, now, snapshot=Snapshot(payout=payout))
    await write(tx, Changes(payouts={payout.id: payout}, transfers=transfers, events=[event]), now)


async def send_due(world: World) -> int:
    """Calls the banks about payouts that are due: sends what may not have been sent, asks about what is under way.

    Returns how many there were, up to 8. They are ours for a minute, then due again.
    """
    async with world.db.transaction() as tx:
        now = world.clock.now()
        claimed = await kept.claim(tx, now, now + LEASE, CALLS_AT_ONCE_MAX)
    # One that could not be written down must not keep the others from it.
    called = await asyncio.gather(*(_call(world, payout) for payout in claimed), return_exceptions=True)
    for outcome in called:
        if isinstance(outcome, BaseException):
            raise outcome
    return len(claimed)


async def finish(world: World, merchant_id: UUID, payout_id: UUID, how: Literal["complete", "fail"]) -> Payout:
    """Ends a payout that is under way, for the sandbox. Raises PayoutUnknown, WrongState, or NotInLiveMode."""
    if world.live:
        raise NotInLiveMode
    async with world.db.transaction() as tx:
        now = world.clock.now()
        payout = _own(await kept.locked(tx, payout_id), merchant_id)
        payout = completed(payout, now) if how == "complete" else failed(payout, SIMULATED, now)
        await _end(world, tx, payout, now)
    return payout


def _own(payout: Payout | None, merchant_id: UUID) -> Payout:
    """The merchant's payout. Raises PayoutUnknown, also for another merchant's: nobody learns that there is one."""
    if payout is None or payout.merchant_id != merchant_id:
        raise PayoutUnknown
    return payout


async def read(world: World, merchant_id: UUID, payout_id: UUID) -> Payout:
    """A merchant's payout. Raises PayoutUnknown."""
    async with world.db.reading() as tx:
        return _own(await kept.by_id(tx, payout_id), merchant_id)


async def by_reference(world: World, merchant_id: UUID, reference: str) -> Payout | None:
    """The merchant's payout of this reference."""
    async with world.db.reading() as tx:
        return await kept.by_reference(tx, merchant_id, reference)


async def page(world: World, merchant_id: UUID, search: Search, number: int, size: int) -> list[Payout]:
    """A page of the payouts that are asked for, in their order."""
    async with world.db.reading() as tx:
        if search.reference is None:

            async def read(place: Place) -> list[Payout]:
                edge = place.edge(search.newest_first)
                return await kept.page(
                    tx, merchant_id, search, after_id=place.seen, edge=edge, skip=place.skip, most=size
                )

            asked = Page(merchant_id, ("payouts", search), number, size)
            return await page_positions.read_page(world, tx, asked, read, attrgetter("id"))
        found = await kept.by_reference(tx, merchant_id, search.reference)
    return [found] if found is not None and search.finds(found) and number == 1 else []


async def account_name(world: World, bank_code: str, account_number: str) -> str:
    """The name of the holder of an account, as its bank has it.

    Raises AccountUnknown, BankSilent, and NotInLiveMode while there is no bank to ask.
    """
    bank = _carrier(world)
    try:
        async with asyncio.timeout(CALL_SECONDS_MAX):
            name = await bank.account_name(bank_code, account_number)
    except (Silence, TimeoutError) as silence:
        raise BankSilent from silence
    if name is None:
        raise AccountUnknown("account_number")
    return name
