"""How a refund is carried out: its channel is asked to give the money back, and where that cannot be, a transfer is ordered.

The partner was written down before it is called, and is called with nothing locked. It knows a refund by our reference, so asking twice
gives back once.
"""

from datetime import datetime
from uuid import UUID

import structlog

from gerbang.connections import Declined, GivenBack, Refunds, Silence
from gerbang.db import Tx
from gerbang.db import partner_requests as requests
from gerbang.db import refunds as kept
from gerbang.db.changes import write as write_changes
from gerbang.domain.changes import Changes
from gerbang.domain.partner_requests import GiveBack, PartnerRequest, account_missing, declined, done, under_way
from gerbang.domain.refunds import Destination, Refund, cancelled
from gerbang.errors import BankNotConnected, RefundUnknown, WrongState
from gerbang.partners import Partner
from gerbang.services import refund_transfers as transfers
from gerbang.services.partner_requests import put_off
from gerbang.world import World

log = structlog.get_logger()
NO_ACCOUNT = "no account is known that the money could be sent to"
"""Why a refund waits."""


async def ask(world: World, request: PartnerRequest) -> None:
    """Takes up a refund that is due: asks its channel, or looks whether an account has become known that it can go to."""
    async with world.db.reading() as tx:
        refund = await kept.by_id(tx, request.merchant_id, request.id)
    if refund is None:
        raise transfers.lost(str(request.id))
    if refund.state != "pending":
        await _look_for_account(world, request)
        return
    carrier = world.partners.named(request.connection)
    if carrier is None or carrier.refunder is None:
        log.error("a refund's connection is not there any more", refund=str(refund.id), connection=request.connection)
        await put_off(world, request)
        return
    try:
        said = await _asked(world, carrier, carrier.refunder, request)
    except Declined as refusal:
        await _declined(world, request, str(refusal))
    except Silence:
        await put_off(world, request)
    else:
        await _write(world, request, said)


async def _asked(world: World, carrier: Partner, bank: Refunds, request: PartnerRequest) -> GivenBack:
    """What the partner says. Raises Declined or Silence."""
    asked, now, about = request.asked, world.clock.now(), f"refund {request.id}"
    assert isinstance(asked, GiveBack), "a refund's request"
    if request.state == "processing" or request.tries:
        reference = request.partner_reference
        said = await carrier.call(about, lambda link: bank.refunded(link, request.id, asked, reference, now))
        if said is not None:
            return said
        if request.state == "processing":
            log.error("a partner does not know a refund that it had", refund=str(request.id))
            raise Silence("the partner does not know it any more")
    return await carrier.call(about, lambda link: bank.refund(link, request.id, asked, now))


async def _held(tx: Tx, asked: PartnerRequest) -> tuple[PartnerRequest, Refund] | None:
    """The request and its refund, held until the commit; None where it has ended meanwhile."""
    request = (await requests.locked(tx, [asked.id])).get(asked.id)
    refund = await kept.locked(tx, asked.merchant_id, asked.id)
    if request is None or refund is None:
        raise transfers.lost(str(asked.id))
    return None if request.ended else (request, refund)


async def _write(world: World, asked: PartnerRequest, said: GivenBack) -> None:
    """Writes what the channel has said of a refund, unless that has ended meanwhile."""
    async with world.db.transaction() as tx:
        now = world.clock.now()
        held = await _held(tx, asked)
        if held is None or held[1].state != "pending":
            return
        request, refund = held
        changes = Changes()
        if said.state == "processing":
            request = under_way(request, said.reference, said.ask_at, now)
        else:
            request = done(request, said.reference, now)
            changes = transfers.carried_out(refund, now)
        changes.requests[request.id] = request
        await write_changes(tx, changes, now)


async def _declined(world: World, asked: PartnerRequest, why: str) -> None:
    """Has a refund that its channel does not carry out go by a transfer, as soon as an account is known."""
    async with world.db.transaction() as tx:
        now = world.clock.now()
        held = await _held(tx, asked)
        if held is None or held[1].state != "pending":
            return
        request, refund = held
        log.warning("a refund's channel declines it", refund=str(refund.id), why=why)
        account = await transfers.known_account(world, tx, refund)
        await _transferred(world, tx, request, refund, account, why, now)


async def _look_for_account(world: World, asked: PartnerRequest) -> None:
    async with world.db.transaction() as tx:
        now = world.clock.now()
        held = await _held(tx, asked)
        if held is None:
            return
        request, refund = held
        if refund.state != "waiting_transfer" or refund.way is not None:
            changes = Changes(requests={request.id: done(request, request.partner_reference, now)})
            await write_changes(tx, changes, now)
            return
        account = await transfers.known_account(world, tx, refund)
        await _transferred(world, tx, request, refund, account, request.reason or NO_ACCOUNT, now)


async def _transferred(
    world: World,
    tx: Tx,
    request: PartnerRequest,
    refund: Refund,
    account: Destination | None,
    why: str,
    now: datetime,
) -> Refund:
    """Writes that a refund goes by a transfer, or waits for an account to be known."""
    changes = Changes()
    refund = transfers.order(world, changes, refund, account, now)
    changes.refunds[refund.id] = refund
    waits = refund.way is None
    changes.requests[request.id] = account_missing(request, why, now) if waits else declined(request, why, now)
    await write_changes(tx, changes, now)
    return refund


# -- what an operator decides -----------------------------------------------------------------------------------------


async def pay(world: World, refund_id: UUID, account: Destination) -> Refund:
    """Has a refund that waits for an account go to this one. Raises RefundUnknown, WrongState or BankNotConnected."""
    async with world.db.transaction() as tx:
        now = world.clock.now()
        request, refund = await _waiting(tx, refund_id)
        if refund.state != "waiting_transfer" or refund.way is not None or request is None or request.ended:
            raise WrongState(thing="refund", state=refund.state.replace("_", " "), verb="sent to another account")
        if transfers.carrier_to(world, refund, account.bank_code) is None:
            raise BankNotConnected(bank=account.bank_code)
        return await _transferred(world, tx, request, refund, account, request.reason, now)


async def cancel(world: World, refund_id: UUID) -> Refund:
    """Ends a refund that waits for an account, and gives its money back to the merchant. Raises RefundUnknown or WrongState."""
    async with world.db.transaction() as tx:
        now = world.clock.now()
        request, refund = await _waiting(tx, refund_id)
        refund = cancelled(refund, now)
        changes = transfers.given_up(refund, "refund.cancelled", now)
        if request is not None and not request.ended:
            changes.requests[request.id] = declined(request, "cancelled by an operator", now)
        await write_changes(tx, changes, now)
    return refund


async def _waiting(tx: Tx, refund_id: UUID) -> tuple[PartnerRequest | None, Refund]:
    found = await kept.of_any_merchant(tx, refund_id)
    if found is None:
        raise RefundUnknown
    request = (await requests.locked(tx, [refund_id])).get(refund_id)
    refund = await kept.locked(tx, found.merchant_id, refund_id)
    if refund is None:
        raise RefundUnknown
    return request, refund
