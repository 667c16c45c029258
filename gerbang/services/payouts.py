"""Paying out: reserve the money, store the order, and show, end and give back what came of it.

How its bank is instructed, once, and asked about it is in `payout_requests`.
"""

from contextlib import suppress
from datetime import datetime
from operator import attrgetter
from typing import Literal
from uuid import UUID

import msgspec
import structlog

from gerbang import ids
from gerbang.connections import AccountRefused, Declined, Sent, Silence, Transfers
from gerbang.db import Tx, ledger, merchants, wait_as_for_writing
from gerbang.db import partner_requests as requests
from gerbang.db import payouts as kept
from gerbang.db.changes import write as write_changes
from gerbang.domain.changes import Changes
from gerbang.domain.fees import fee_of
from gerbang.domain.ledger import coming_back, payable, reserved, reserving
from gerbang.domain.merchants import Merchant
from gerbang.domain.money import readable
from gerbang.domain.partner_requests import PartnerRequest, SendMoney, noted
from gerbang.domain.payouts import (
    AMOUNT_MIN,
    FEE_DEFAULT,
    FEE_NAME,
    Destination,
    Kind,
    Payout,
    Search,
    Source,
    State,
    completed,
    failed,
    returned,
)
from gerbang.errors import (
    AccountUnknown,
    AmountBelowLimit,
    BankNotConnected,
    BankSilent,
    InsufficientFunds,
    MerchantUnknown,
    NotInLiveMode,
    PayoutUnknown,
)
from gerbang.partners import Partner
from gerbang.services import page_positions, payout_ends, refund_transfers
from gerbang.services.page_positions import Page, Place
from gerbang.services.payout_requests import end, instruct, lost, planned, write
from gerbang.world import World

log = structlog.get_logger()
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
    source: Source = "available"
    kind: Kind = "payout"
    cause_id: UUID | None = None
    """What it carries out; a withdrawal's payout has its id."""


async def create(world: World, new: NewPayout) -> Payout:
    """Pays out, once for each of the merchant's references: a repeated reference returns the payout that exists.

    Raises AmountBelowLimit, InsufficientFunds where the available balance does not cover amount and fee, and
    BankNotConnected where no connection is routed there.
    """
    payout, request = await _note(world, new)
    return payout if request is None else await instruct(world, payout, request)


async def _note(world: World, new: NewPayout) -> tuple[Payout, PartnerRequest | None]:
    """The payout of this reference, its money reserved, and what its bank must be asked; None where it existed already."""
    async with world.db.transaction() as tx:
        now = world.clock.now()
        # Orders of one merchant wait here for each other, so what is read below stays true until the commit: the balance,
        # and that the reference is new.
        balance = await hold_balance(tx, new.merchant_id, new.source)
        there = await kept.by_reference(tx, new.merchant_id, new.reference, new.kind)
        if there is not None:
            await wait_as_for_writing(tx)
            return there, None
        carrier, _ = carrier_to(world, new.merchant_id, new.destination.bank_code)
        payout = made(await ordering(tx, new.merchant_id), new, carrier.connection.name, now)
        if new.amount < AMOUNT_MIN:
            raise AmountBelowLimit("amount", title="a transfer to a bank account", minimum=readable(AMOUNT_MIN))
        if balance < payout.reserved:
            raise InsufficientFunds("amount", available=readable(balance), needed=readable(payout.reserved))
        changes, request = ordered(world, carrier, payout, now)
        await write_changes(tx, changes, now)
    return payout, request


async def ordering(tx: Tx, merchant_id: UUID) -> Merchant:
    """The merchant that orders a payout. Raises MerchantUnknown."""
    merchant = (await merchants.by_id(tx, [merchant_id])).get(merchant_id)
    if merchant is None:
        raise MerchantUnknown
    return merchant


def made(merchant: Merchant, new: NewPayout, connection: str, now: datetime, state: State = "pending") -> Payout:
    """The payout of an order, with the fee that is agreed."""
    fee = fee_of(merchant.agreement.fees.get(FEE_NAME, FEE_DEFAULT), new.amount, now)
    return Payout(
        id=new.cause_id if new.kind == "withdrawal" and new.cause_id else ids.uuid7(now),
        merchant_id=new.merchant_id,
        product=new.product,
        reference=new.reference,
        connection=connection,
        amount=new.amount,
        fee=fee.total,
        vat=fee.vat,
        state=state,
        destination=new.destination,
        description=new.description,
        created_at=now,
        updated_at=now,
        kind=new.kind,
        source=new.source,
        cause_id=new.cause_id,
    )


def ordered(world: World, carrier: Partner, payout: Payout, now: datetime) -> tuple[Changes, PartnerRequest]:
    """What a new payout writes, its money reserved, and what its bank must be asked by whoever has written it."""
    request = noted(payout.id, payout.merchant_id, payout.connection, "send", SendMoney(), now)
    request = planned(world, carrier, payout, request, now)
    transfers = reserving(payout.merchant_id, payout.reserved, payout_id=payout.id, source=payout.source)
    return Changes(new_payouts=[payout], new_requests=[request], transfers=transfers), request


def carrier_to(world: World, merchant_id: UUID, bank_code: str) -> tuple[Partner, Transfers]:
    """The bank by which a merchant's money goes to another bank. Raises BankNotConnected where there is none."""
    found = world.partners.serving(merchant_id, None, bank_code, "payouts")
    if found is None or found.sender is None:
        raise BankNotConnected(bank=bank_code)
    return found, found.sender


async def hold_balance(tx: Tx, merchant_id: UUID, source: Source) -> int:
    """A balance of the merchant's in minor units, locked together with the reserved one until the commit."""
    owner = payable(merchant_id, source)
    # Both accounts are locked at once and in their order: one after the other, two orders could wait for each other.
    held = await ledger.hold_balances(tx, [owner, reserved(merchant_id)])
    return -held.get(owner, 0)  # a balance is debits minus credits, and what is owed to a merchant is a credit


async def finish(world: World, merchant_id: UUID, payout_id: UUID, how: Literal["complete", "fail"]) -> Payout:
    """Ends a payout that is under way, for the sandbox. Raises PayoutUnknown, WrongState, or NotInLiveMode."""
    if world.live:
        raise NotInLiveMode
    async with world.db.transaction() as tx:
        now = world.clock.now()
        request = (await requests.locked(tx, [payout_id])).get(payout_id)
        payout = _ordered(await kept.locked(tx, merchant_id, payout_id))
        if request is None:
            raise lost(payout_id)
        payout = completed(payout, now) if how == "complete" else failed(payout, SIMULATED, now)
        await end(tx, payout, request, now)
    return payout


async def give_back(world: World, merchant_id: UUID, payout_id: UUID, reason: str) -> Payout:
    """Records that the money of a completed payout has come back, once however often that is said.

    Its amount is available again, its fee is not, and the merchant gets the event of a payout that failed. Raises
    PayoutUnknown, or WrongState for a payout that was never completed.
    """
    async with world.db.transaction() as tx:
        now = world.clock.now()
        payout = await kept.locked(tx, merchant_id, payout_id)
        if payout is None:
            raise PayoutUnknown
        if payout.returned_at is not None:
            await wait_as_for_writing(tx)
            return payout
        payout = returned(payout, reason, now)
        if payout.kind == "refund":
            changes = await refund_transfers.came_back(tx, payout, reason, now)
            changes.payouts[payout.id] = payout
            await write_changes(tx, changes, now)
            return payout
        transfers = coming_back(
            payout.connection, merchant_id, payout.amount, payout_id=payout.id, source=payout.source
        )
        events = await payout_ends.events_of(tx, payout, now)
        await write_changes(tx, Changes(payouts={payout.id: payout}, transfers=transfers, events=events), now)
    return payout


async def returned_by_reference(
    world: World, connection: str, *, ours: str = "", theirs: str = "", reason: str
) -> Payout | None:
    """Records that a bank gives the money of a transfer back, by our reference as it was sent or by the bank's own.

    Once however often that is said. One that was still under way has failed. None, which is logged, for a transfer that is none of ours.
    """
    found = await _named(world, connection, ours, theirs)
    if found is None:
        log.error(
            "a bank gives money back for a transfer that is not known", connection=connection, ours=ours, theirs=theirs
        )
        return None
    if found.ended_at is None:
        found = await write(
            world, found, Sent("failed", found.bank_reference or theirs, reason=reason), world.clock.now()
        )
    if found.state == "completed":
        found = await give_back(world, found.merchant_id, found.id, reason)
    return found


async def _named(world: World, connection: str, ours: str, theirs: str) -> Payout | None:
    """The payout of a connection that is named so; None where there is none, or where one name is two payouts'."""
    async with world.db.reading() as tx:
        with suppress(ValueError):
            id_ = ids.uuid_of(ours)
            request = (await requests.by_id(tx, [id_])).get(id_)
            if request is not None and request.operation == "send" and request.connection == connection:
                return await kept.by_id(tx, request.merchant_id, id_)
        found = await kept.by_bank_reference(tx, connection, theirs) if theirs else []
    return found[0] if len(found) == 1 else None


def _ordered(payout: Payout | None) -> Payout:
    """The payout that its merchant has ordered. Raises PayoutUnknown, also for the transfer of something else."""
    if payout is None or payout.kind != "payout":
        raise PayoutUnknown
    return payout


async def read(world: World, merchant_id: UUID, payout_id: UUID) -> Payout:
    """A merchant's payout. Raises PayoutUnknown."""
    async with world.db.reading() as tx:
        return _ordered(await kept.by_id(tx, merchant_id, payout_id))


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


async def account_name(world: World, merchant_id: UUID, bank_code: str, account_number: str) -> str:
    """The name of the holder of an account, as its bank has it.

    Raises AccountUnknown, BankSilent, and BankNotConnected where there is no bank to ask.
    """
    carrier, bank = carrier_to(world, merchant_id, bank_code)
    try:
        name = await carrier.call(
            "the name of an account", lambda link: bank.account_name(link, bank_code, account_number)
        )
    except AccountRefused as refusal:
        raise AccountUnknown("account_number") from refusal
    except (Silence, Declined) as refusal:
        raise BankSilent from refusal
    if name is None:
        raise AccountUnknown("account_number")
    return name
