"""What a sandbox can do and a live gateway cannot: move time, play the bank, and receive callbacks itself."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from gerbang import channels, ids
from gerbang.clock import MovableClock, SystemClock
from gerbang.db import charges, deliveries, ledger, merchants, partner_requests, paycodes
from gerbang.db import sandbox as kept
from gerbang.db.sandbox import Received
from gerbang.domain.deliveries import LEASE, ON_ITS_WAY_MAX
from gerbang.domain.payments import Payment
from gerbang.domain.reports import Report
from gerbang.errors import (
    AmountMissing,
    ClockBackwards,
    Invalid,
    MerchantUnknown,
    NotInLiveMode,
    PaymentUnknown,
    WrongState,
)
from gerbang.services.payments.read import Found
from gerbang.services.reports import asked_at
from gerbang.world import World

SIMULATOR = "simulator"
THE_BEGINNING = datetime(1, 1, 2, tzinfo=UTC)
OWN_REFERENCES = ("TASK-", "WALLET-", "PAGE-")
"""Money that tasks, the wallet and the payer's page play: the same play is the same money."""


def sandbox_clock(world: World) -> MovableClock:
    """The clock that can be moved. Raises NotInLiveMode."""
    if world.live or not isinstance(world.clock, MovableClock):
        raise NotInLiveMode
    return world.clock


async def move_clock(world: World, to: datetime) -> None:
    """Moves the clock forward for every process of this sandbox. Raises ClockBackwards."""
    clock = sandbox_clock(world)
    now = clock.now()
    if to < now:
        raise ClockBackwards("to", now=now)
    clock.move_to(to)
    await keep_clock(world)


async def keep_clock(world: World) -> None:
    """Writes down how far the clock is ahead of the machine's, so that it goes on there after a restart."""
    async with world.db.transaction() as tx:
        await kept.set_clock_offset(tx, sandbox_clock(world).offset.total_seconds())


async def kept_offset(world: World) -> float | None:
    async with world.db.reading() as tx:
        return await kept.clock_offset(tx)


async def next_due_at(world: World, after: datetime = THE_BEGINNING) -> datetime | None:
    """The nearest instant after this one at which something falls due: a delivery, a settlement, something to ask a partner.

    What is on its way just now is not due again. Expiries carry their own instant, whenever they are written down.
    """
    async with world.db.reading() as tx:
        due = [
            await deliveries.next_due_at(tx, after, SystemClock().now() - ON_ITS_WAY_MAX),
            await charges.next_settles_at(tx, after),
            await partner_requests.next_due_at(tx, after),
        ]
    return min((at for at in due if at is not None), default=None)


async def on_its_way(world: World, taken_until: datetime) -> bool:
    """Whether some process is sending a callback that it took up to this instant of the machine's clock.

    One that died has had it in hand for longer than any sending takes.
    """
    async with world.db.reading() as tx:
        since, due_until = SystemClock().now() - ON_ITS_WAY_MAX, world.clock.now() + LEASE
        return await deliveries.in_hand(tx, since, taken_until, due_until)


def simulated_payment(
    found: Found, amount: int | None, bank_reference: str | None, paid_at: datetime | None = None
) -> Report:
    """The report of a buyer who pays this payment: its own amount where none is given.

    A payment that is over can be paid too, as buyers do; its money is then held in suspense. Raises WrongState while the
    payment has no number, and AmountMissing.
    """
    payment = found.payment
    instructions = payment.method.instructions if payment.method else None
    if payment.method is not None and instructions is not None:
        channel, number = payment.method.channel, instructions.number
    elif found.charges:
        channel, number = found.charges[0].channel, found.charges[0].instructions.number
    else:
        raise WrongState(state=payment.state, verb="paid: it has no number yet")
    check_reference(bank_reference)
    amount = amount or payment.amount
    if amount is None:
        raise AmountMissing("amount")
    return simulated_report(channel, number, amount, bank_reference, paid_at)


async def simulated_arrival(world: World, payment: Payment, amount: int, field: str) -> Report:
    """The report of a buyer who pays to a static paycode; new money every time.

    Raises AmountBelowLimit or AmountAboveLimit (with the field given), or WrongState for one that takes no money any more.
    """
    assert payment.method is not None and payment.method.instructions is not None, "a static paycode has its number"
    method, number = payment.method, payment.method.instructions.number
    async with world.db.reading() as tx:
        merchant = (await merchants.by_id(tx, [payment.merchant_id]))[payment.merchant_id]
    spec = world.channels[method.channel].spec
    bounds = channels.limits(spec, world.offer(merchant, payment.product), method.option, static=True)
    if payment.amount is not None:
        bounds = payment.amount, payment.amount
    channels.check_between(amount, bounds, spec.title, field)
    if payment.state != "active":
        raise WrongState(state=payment.state, verb="paid")
    return simulated_report(method.channel, number, amount, None)


def check_reference(bank_reference: str | None) -> None:
    """Raises Invalid (field "bankReference") for a reference that the sandbox gives to money of its own."""
    if bank_reference is not None and bank_reference.startswith(OWN_REFERENCES):
        raise Invalid("bankReference", why=f"A bank reference may not begin with {', '.join(OWN_REFERENCES)}.")


def simulated_report(
    channel: str, number: str, amount: int, bank_reference: str | None, paid_at: datetime | None = None
) -> Report:
    """Money that the simulator bank says has arrived. Without a reference it is new money every time."""
    reference = bank_reference or f"SIM{ids.alphanumeric(17)}"
    return Report(SIMULATOR, reference, channel, number, amount, paid_at, issuer="Gerbang Simulator Bank")


async def channel_of(world: World, merchant_id: UUID, number: str, paid_at: datetime | None = None) -> str:
    """The channel that a number belonged to when money was paid to it; of virtual accounts, where it was nobody's.

    Raises PaymentUnknown for another merchant's number: a sandbox may be shared, and nobody may pay for others in it.
    """
    async with world.db.reading() as tx:
        at = asked_at(paid_at, world.clock.now())
        owners = await paycodes.owners(tx, [(name, number, at) for name in world.channels])
    for (channel, _, _), paycode in owners.items():
        if paycode.merchant_id != merchant_id:
            raise PaymentUnknown
        return channel
    return "virtual_account"


async def receive(world: World, merchant_id: UUID, path: str, headers: str, body: bytes) -> None:
    """Puts a request into a merchant's inbox. Raises MerchantUnknown: nobody may fill what no merchant empties."""
    async with world.db.transaction() as tx:
        if not await merchants.by_id(tx, [merchant_id]):
            raise MerchantUnknown
        await kept.receive(tx, merchant_id, world.clock.now(), path, headers, body)


async def received(world: World, merchant_id: UUID, most: int) -> Sequence[Received]:
    """What a merchant's inbox holds, newest first."""
    async with world.db.reading() as tx:
        return await kept.received(tx, merchant_id, most)


async def empty_inbox(world: World, merchant_id: UUID) -> int:
    """Empties a merchant's inbox and returns how much was in it."""
    async with world.db.transaction() as tx:
        return await kept.empty_inbox(tx, merchant_id)


async def balances_of(world: World, merchant_id: UUID) -> dict[str, int]:
    """What a merchant's own transfers have done to each account, in minor units."""
    async with world.db.reading() as tx:
        return await ledger.balances_of(tx, merchant_id)
