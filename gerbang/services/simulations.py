"""What a sandbox may play: buyers who pay or decline, banks that settle, payments whose time is over, payouts that end.

Both dialects, the payer's page, the simulated wallet and the sandbox API play by these rules. Everything goes the way that
real money goes; nothing here exists in live mode.
"""

from contextlib import suppress
from datetime import datetime
from typing import Literal
from uuid import UUID

from gerbang import channels, ids
from gerbang.db import merchants, paycodes
from gerbang.db.paycodes import Number
from gerbang.domain.charges import Charge
from gerbang.domain.connections import SIMULATOR
from gerbang.domain.money import rupiah
from gerbang.domain.paycodes import Instructions
from gerbang.domain.payments import Payment
from gerbang.domain.payouts import Payout
from gerbang.domain.reports import Booked, Report
from gerbang.errors import AmountMissing, Invalid, PaymentUnknown, WrongState
from gerbang.services import checkout, payouts, settlements
from gerbang.services.batches import Batches
from gerbang.services.cards import challenges
from gerbang.services.checkout import Visit
from gerbang.services.payments import end
from gerbang.services.payments.confirm import Confirmation
from gerbang.services.payments.end import Decline
from gerbang.services.payments.read import Found
from gerbang.services.payments.search import Paid, PaymentLookup
from gerbang.services.reports import asked_at
from gerbang.services.sandbox import sandbox_clock
from gerbang.world import World

OWN_REFERENCES = ("TASK-", "WALLET-", "PAGE-")
"""Money that tasks, the wallet and the payer's page play: the same play is the same money."""
WRONG_BY = rupiah(1_000)
"""How much too much is paid when a wrong amount is asked for."""

Play = Literal["exact", "wrong", "late"]


# -- a buyer who pays -------------------------------------------------------------------------------------------------


async def receive(world: World, batches: Batches, found: Paid) -> None:
    """Pays a one-time payment, once however many ask at the same time; on a page the first way that fits is chosen.

    Raises NotInLiveMode, or WrongState for what cannot be paid.
    """
    sandbox_clock(world)
    charge = found.charge
    if found.payment.details.redirect and found.payment.state in ("needs_method", "needs_confirmation"):
        charge = await _chosen(world, batches, found.payment)
    if charge is None or is_by_card(charge) or charge.state not in ("waiting", "authenticating", "processing"):
        raise WrongState(state=state_of(found), verb="paid")
    booked = await batches.report(_played(charge, f"TASK-{charge.id.hex}"))
    if booked.outcome != "booked":  # another request was faster, so this money is late
        raise WrongState(state=await _state_now(batches, found), verb="paid")


async def _chosen(world: World, batches: Batches, payment: Payment) -> Charge | None:
    """Chooses the first method that fits, where the buyer has not chosen one; the charge, or None if none fits."""
    method = checkout.first_fitting(world, await batches.visit(payment.id))
    if method is None:
        return None
    with suppress(WrongState):  # the buyer or another task has just chosen a method
        await batches.confirm(Confirmation(payment.merchant_id, payment.id, method))
    return (await batches.find(PaymentLookup(payment.merchant_id, payment.id))).charge


async def on_the_page(world: World, batches: Batches, visit: Visit, play: Play) -> None:
    """Plays the buyer on the payer's page: pays exactly, a wrong amount, or after the payment's time was ended.

    The same play for the same charge is the same money, so two tabs that play at once pay once. Raises NotInLiveMode,
    or WrongState while there is nothing to pay to.
    """
    sandbox_clock(world)
    payment, charge = visit.payment, visit.charge
    if charge is None or is_by_card(charge):
        raise WrongState(state=payment.state, verb="paid: it has no number")
    if play == "late" and payment.state == "awaiting":
        await end.expire_now(world, payment.merchant_id, payment.id)
    amount = charge.amount + (WRONG_BY if play == "wrong" else 0)
    reference = f"PAGE-{charge.id.hex}-{play}"
    await batches.report(report_of(charge.channel, charge.instructions, amount, reference))


async def in_the_wallet(batches: Batches, charge: Charge) -> bool:
    """Pays a charge in the simulated wallet, once however often it is tapped. Whether the charge is paid by it."""
    return (await batches.report(_played(charge, f"WALLET-{charge.id.hex}"))).outcome == "booked"


async def decline_in_the_wallet(world: World, charge: Charge) -> bool:
    """Declines a charge in the simulated wallet. False if it can no longer be declined."""
    try:
        await end.decline(world, Decline(charge.merchant_id, charge.payment_id, charge.id))
    except WrongState:
        return False
    return True


def _played(charge: Charge, reference: str) -> Report:
    return report_of(charge.channel, charge.instructions, charge.amount, reference)


async def pass_at_the_bank(world: World, batches: Batches, found: Found) -> bool:
    """Plays the buyer whom their card's bank asks, and who agrees. Whether that changed the payment.

    Raises NotInLiveMode, or WrongState while no card was given.
    """
    sandbox_clock(world)
    charge = found.charges[0]
    if charge.card is None:
        raise WrongState(state=found.payment.state, verb="paid: its buyer has given no card yet")
    if charge.state not in ("waiting", "authenticating"):
        return False
    await challenges.answered(world, batches, charge, "passed")
    after = (await batches.find(PaymentLookup(charge.merchant_id, charge.payment_id))).charge
    return after is not None and after.state in ("succeeded", "authorized")


def is_by_card(charge: Charge | None) -> bool:
    """Whether a charge is paid by a card, so that no buyer can send money to it."""
    return charge is not None and charge.channel == "card"


async def pay(world: World, batches: Batches, found: Found, amount: int | None, bank_reference: str | None) -> Booked:
    """Pays a payment: its own amount where none is given. Raises NotInLiveMode, and what `payment_of` raises."""
    sandbox_clock(world)
    return await batches.report(payment_of(found, amount, bank_reference))


async def arrive(world: World, batches: Batches, payment: Payment, amount: int, field: str) -> tuple[Report, Booked]:
    """Pays to a static paycode. Raises NotInLiveMode, and what `arrival_of` raises."""
    sandbox_clock(world)
    report = await arrival_of(world, payment, amount, field)
    return report, await batches.report(report)


def payment_of(found: Found, amount: int | None, bank_reference: str | None, paid_at: datetime | None = None) -> Report:
    """The report of a buyer who pays this payment: its own amount where none is given.

    A payment that is over can be paid too, as buyers do; its money is then held in suspense. Raises WrongState while the
    payment has no number, and AmountMissing.
    """
    payment = found.payment
    if payment.method is not None and payment.method.instructions is not None:
        channel, code = payment.method.channel, payment.method.instructions
    elif found.charges:
        channel, code = found.charges[0].channel, found.charges[0].instructions
    else:
        raise WrongState(state=payment.state, verb="paid: it has no number yet")
    check_reference(bank_reference)
    amount = amount or payment.amount
    if amount is None:
        raise AmountMissing("amount")
    return report_of(channel, code, amount, bank_reference, paid_at)


async def arrival_of(world: World, payment: Payment, amount: int, field: str) -> Report:
    """The report of a buyer who pays to a static paycode; new money every time.

    Raises AmountBelowLimit or AmountAboveLimit (with the field given), or WrongState for one that takes no money any more.
    """
    assert payment.method is not None and payment.method.instructions is not None, "a static paycode has its number"
    method, code = payment.method, payment.method.instructions
    async with world.db.reading() as tx:
        merchant = (await merchants.by_id(tx, [payment.merchant_id]))[payment.merchant_id]
    spec = world.channels[method.channel].spec
    bounds = channels.limits(spec, world.offer(merchant, payment.product), method.option, static=True)
    if payment.amount is not None:
        bounds = payment.amount, payment.amount
    channels.check_between(amount, bounds, spec.title, field)
    if payment.state != "active":
        raise WrongState(state=payment.state, verb="paid")
    return report_of(method.channel, code, amount, None)


def check_reference(bank_reference: str | None) -> None:
    """Raises Invalid (field "bankReference") for a reference that the sandbox gives to money of its own."""
    if bank_reference is not None and bank_reference.startswith(OWN_REFERENCES):
        raise Invalid("bankReference", why=f"A bank reference may not begin with {', '.join(OWN_REFERENCES)}.")


def report_of(
    channel: str, code: Instructions, amount: int, bank_reference: str | None, paid_at: datetime | None = None
) -> Report:
    """Money that the bank of a code is said to have received by it. Without a reference it is new money every time."""
    return money_to((code.connection, channel, code.number), amount, bank_reference, paid_at)


def money_to(number: Number, amount: int, bank_reference: str | None, paid_at: datetime | None = None) -> Report:
    """Money that a bank is said to have received by one of its numbers. Without a reference it is new money every time."""
    reference = bank_reference or f"SIM{ids.alphanumeric(17)}"
    connection, channel, digits = number
    return Report(connection, reference, channel, digits, amount, paid_at, issuer="Gerbang Simulator Bank")


async def named(world: World, merchant_id: UUID, number: str, paid_at: datetime | None = None) -> Number:
    """The number in full, as it was when money was paid to it: the simulator bank's virtual account, where it was nobody's.

    Raises PaymentUnknown for another merchant's number: a sandbox may be shared, and nobody may pay for others in it.
    """
    async with world.db.reading() as tx:
        at = asked_at(paid_at, world.clock.now())
        everywhere = [
            (connection, channel, number, at) for connection in world.partners.names for channel in world.channels
        ]
        owners = await paycodes.owners(tx, everywhere)
    found = next(iter(owners.values()), None)
    if found is None:
        return SIMULATOR, "virtual_account", number
    if found.merchant_id != merchant_id:
        raise PaymentUnknown
    return found.name


# -- a bank that settles, time that is over, a payout that ends -------------------------------------------------------


async def settle(world: World, batches: Batches, found: Paid) -> None:
    """Settles a paid payment before its day; one that is settled already stays so. Raises NotInLiveMode or WrongState."""
    sandbox_clock(world)
    state = state_of(found)
    if state == "settled":  # a bank that settles in real time may have settled it
        return
    if state != "paid" or found.charge is None:
        raise WrongState(state=state, verb="settled")
    try:
        await settlements.settle_now(world, found.payment.merchant_id, found.charge.id)
    except WrongState:
        if await _state_now(batches, found) != "settled":
            raise


async def expire(world: World, merchant_id: UUID, payment_id: UUID) -> None:
    """Ends a payment before its time. Raises NotInLiveMode, PaymentUnknown or WrongState."""
    sandbox_clock(world)
    await end.expire_now(world, merchant_id, payment_id)


async def finish(world: World, merchant_id: UUID, payout_id: UUID, how: Literal["complete", "fail"]) -> Payout:
    """Ends a payout as its bank would. Raises NotInLiveMode, PayoutUnknown or WrongState."""
    sandbox_clock(world)
    return await payouts.finish(world, merchant_id, payout_id, how)


def state_of(found: Paid) -> str:
    """The payment's state, or "settled" where its money is."""
    if found.charge is not None and found.charge.settled_at is not None:
        return "settled"
    return "paid" if found.charge is not None and found.charge.static else found.payment.state


async def _state_now(batches: Batches, found: Paid) -> str:
    return state_of(await batches.find(PaymentLookup(found.payment.merchant_id, found.id)))
