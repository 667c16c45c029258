"""Paying by a card that the buyer gives on the payer's page, once their payment waits for one."""

from uuid import UUID

from msgspec.structs import replace

from gerbang.db import Tx, charges, merchants, partner_requests, payments
from gerbang.db.changes import write
from gerbang.domain import charges as charge_rules
from gerbang.domain.changes import Changes
from gerbang.domain.charges import Charge
from gerbang.domain.partner_requests import PartnerRequest
from gerbang.domain.payments import Payment, as_of
from gerbang.errors import ChannelNotEnabled, WrongState
from gerbang.services import vault_keys
from gerbang.services.batches import Batches
from gerbang.services.cards import asking
from gerbang.services.cards.given import CardGiven, details_of, stored
from gerbang.services.payments import codes
from gerbang.services.payments.codes import Plan
from gerbang.services.payments.opening import NowOpen
from gerbang.services.payments.read import own
from gerbang.world import World

TRIES_MAX = 10
"""So many cards may fail for one payment: a page is no place to try out which of many stolen numbers still work."""


async def is_tried_out(world: World, payment: Payment) -> bool:
    """Whether so many cards have failed for this payment that it takes no more of them."""
    async with world.db.reading() as tx:
        newest = await charges.newest(tx, [(payment.merchant_id, payment.id)], most=TRIES_MAX)
    tried = newest.get(payment.id, [])
    return len(tried) == TRIES_MAX and all(each.card is not None and each.state == "failed" for each in tried)


async def pay(
    world: World, batches: Batches, merchant_id: UUID, payment_id: UUID, charge_id: UUID, given: CardGiven
) -> NowOpen:
    """Pays a charge that waits for its card, and says how the payment is then.

    Raises WrongState where it does not wait for one, what the channel and `details_of` refuse, and NotOpenYet where the acquirer
    is silent.
    """
    await vault_keys.ready(world)
    async with world.db.transaction() as tx:
        now = world.clock.now()
        locked = own(await payments.locked(tx, [(merchant_id, payment_id)]), merchant_id, payment_id)
        payment = as_of(locked, now)
        newest = (await charges.newest(tx, [(merchant_id, payment_id)], most=1)).get(payment_id, [])
        charge = next((charge_rules.as_of(each, now, payment.expires_at) for each in newest), None)
        asked = await partner_requests.by_id(tx, [charge_id])
        waits = payment.state == "awaiting" and charge is not None and charge.state == "waiting"
        if charge is None or not waits or charge.id != charge_id or charge.card is not None or asked:
            raise WrongState(state=payment.state, verb="paid by another card")
        changes, request = await _noted(world, tx, payment, charge, given)
        await write(tx, changes, now)
    return await batches.card_answered(await asking.ask(world, request, given))


async def _noted(
    world: World, tx: Tx, payment: Payment, charge: Charge, given: CardGiven
) -> tuple[Changes, PartnerRequest]:
    """The charge with its card, and what the acquirer is asked."""
    now, code, brand = world.clock.now(), charge.instructions, given.card.brand
    merchant = (await merchants.by_id(tx, [payment.merchant_id]))[payment.merchant_id]
    offer, channel = world.offer(merchant, payment.product), world.channels[charge.channel]
    partner = world.partners.named(code.connection)
    if payment.method is None or partner is None:
        raise ChannelNotEnabled("method", title=channel.spec.title)
    left = payment.method.left_to_buyer or "option"
    # The row is changed so that other tabs draw their pages anew.
    payment = replace(payment, method=replace(payment.method, option=brand, left_to_buyer=left), updated_at=now)
    with codes.AsAgreed(channel, merchant):
        code_plan = channel.plan(payment, offer, now)
    to = codes.challenged_url(world, payment, charge.id, charge.expires_at)
    code_plan = replace(code_plan, expires_at=charge.expires_at, return_url=to)
    details = details_of(world.vault, partner, merchant, payment, given)
    plan = Plan(payment, offer, channel, code_plan, charge.id, code.connection, "ours", given, details)
    # Its fee may be another one by this network.
    charge = replace(
        codes.waiting_charge(plan, replace(code, option=brand), now),
        created_at=charge.created_at,
        expires_at=charge.expires_at,
    )
    request = codes.authorization(payment, code_plan, charge.id, code.number, details, code.connection, None, now)
    changes = Changes(
        payments={payment.id: payment},
        charges={charge.id: charge},
        new_requests=[request],
        stored_cards=stored(world.vault, payment, details, given, charge.id, now),
    )
    return changes, request
