"""Refunds: what may be given back, reserved and written down once for each reference, and shown.

What then carries it out is in `refund_requests` and `refund_transfers`.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from operator import attrgetter
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gerbang import ids
from gerbang.db import Tx, charges, idempotency, ledger, merchants, payments, reports, reversals, wait_as_for_writing
from gerbang.db import refunds as kept
from gerbang.db.changes import WriteConflict
from gerbang.db.changes import write as write_changes
from gerbang.db.lists import HIGHEST
from gerbang.domain import charges as charge_rules
from gerbang.domain import payments as payment_rules
from gerbang.domain.changes import Changes, KeptAnswer
from gerbang.domain.charges import Charge
from gerbang.domain.fees import fee_of
from gerbang.domain.ledger import available, reserved, reserving_refund
from gerbang.domain.money import readable
from gerbang.domain.partner_requests import GiveBack, PartnerRequest, account_missing, noted
from gerbang.domain.payments import KEPT_BYTES_MAX, Payment
from gerbang.domain.refunds import FEE_DEFAULT, FEE_NAME, Destination, Method, Reason, Refund
from gerbang.errors import (
    BankNotConnected,
    ChargeNotNamed,
    ChargeUnknown,
    InsufficientFunds,
    Invalid,
    KeyReused,
    MerchantUnknown,
    NotOpenYet,
    NotRefundable,
    PaymentUnknown,
    ReferenceTaken,
    RefundTooLarge,
    RefundUnknown,
    TooMuchKept,
    WrongState,
)
from gerbang.services import page_positions
from gerbang.services import refund_transfers as transfers
from gerbang.services.page_positions import Page, Place
from gerbang.services.payments.create import KEY_REMEMBERED
from gerbang.services.refund_requests import NO_ACCOUNT
from gerbang.world import World

TRIES_MAX = 3
"""How often a refund is decided that another one has overtaken."""
CHARGES_MAX = 100
"""Of the tries at paying a one-time payment, so many are looked at for the one that succeeded."""
ACCOUNT_LENGTH_MAX, NAME_LENGTH_MAX = 30, 50
"""Of an account that a refund may go to (payment-session reference, section 10)."""
SERIES = "refund"
"""No payment has this scope: references of refunds are a series of their own."""


class NewRefund(msgspec.Struct, frozen=True):
    """What a merchant asks for. `amount` > 0 in minor units; None for all that is left."""

    merchant_id: UUID
    product: str
    reference: str
    payment_id: UUID | None
    charge_id: UUID | None
    amount: int | None
    whole: bool
    method: Method
    reason: Reason
    destination: Destination | None = None
    statement_text: str = ""
    description: str | None = None
    metadata: msgspec.Raw = msgspec.Raw(b"{}")
    key: str | None = None
    """The idempotency key."""
    fingerprint: bytes = b""


class Order(msgspec.Struct, frozen=True):
    """What is refunded, held until the commit, and how it had been paid."""

    payment: Payment
    charge: Charge
    connection: str
    """By which it was paid."""
    money_reference: str
    """Its bank's name for the money."""
    left: int
    """What may still be refunded, in minor units."""


async def create(world: World, new: NewRefund, rendered: Callable[[Refund], bytes]) -> bytes:
    """Reserves the money of a refund and has it carried out; its answer, the same for a repeated request.

    Raises RefundTooLarge, InsufficientFunds, WrongState, NotRefundable, ReferenceTaken, KeyReused and what names nothing here.
    """
    if len(bytes(new.metadata)) > KEPT_BYTES_MAX:
        raise TooMuchKept("metadata", size=len(bytes(new.metadata)), most=KEPT_BYTES_MAX)
    if new.destination is not None:
        found = world.partners.serving(new.merchant_id, None, new.destination.bank_code, "payouts")
        if found is None or found.sender is None:
            raise BankNotConnected("destination", bank=new.destination.channel_code)
    for _ in range(TRIES_MAX):
        with suppress(WriteConflict):
            return await _create(world, new, rendered)
    return await _create(world, new, rendered)


async def _create(world: World, new: NewRefund, rendered: Callable[[Refund], bytes]) -> bytes:
    async with world.db.transaction() as tx:
        now = world.clock.now()
        repeated = await _repeated(tx, new, now)
        if repeated is not None:
            await wait_as_for_writing(tx)
            return repeated
        order = await _order(tx, new, now)
        # The same request may have been written while this one waited for the charge.
        repeated = await _repeated(tx, new, now)
        if repeated is not None:
            await wait_as_for_writing(tx)
            return repeated
        refund = await _decided(tx, new, order, now)
        changes = Changes(
            events=[transfers.event("refund.pending", refund, now)],
            transfers=reserving_refund(refund),
        )
        refund = await _begun(world, tx, changes, refund, order, now)
        changes.new_refunds.append(refund)
        answer = rendered(refund)
        if new.key is not None:
            until = now + KEY_REMEMBERED
            changes.new_answers.append(KeptAnswer(new.merchant_id, new.key, new.fingerprint, answer, until))
        await write_changes(tx, changes, now)
    return answer


async def _repeated(tx: Tx, new: NewRefund, now: datetime) -> bytes | None:
    """The answer of a repeated request; None for a new one. Raises KeyReused or ReferenceTaken."""
    # Both were written in one commit: whoever sees the reference sees the key as well, if it is asked for after that.
    taken = await kept.by_reference(tx, new.merchant_id, new.reference)
    if new.key is not None:
        asked = idempotency.Asked(new.merchant_id, SERIES, new.reference, new.key)
        before = (await idempotency.known(tx, [asked], now)).get(0)
        if before is not None:
            if before.fingerprint != new.fingerprint:
                raise KeyReused
            if before.answer is None:
                raise NotOpenYet
            return before.answer
    if taken is not None:
        raise ReferenceTaken("reference", thing="refund")
    return None


async def _order(tx: Tx, new: NewRefund, now: datetime) -> Order:
    """What is refunded, held until the commit, so that what is left of it stays true. Raises why it cannot be."""
    payment, charge = await _named(tx, new, now)
    money = await reports.of_charge(tx, new.merchant_id, charge.id)
    if money is None:
        raise NotRefundable(why="its bank has not reported the money yet")
    report_id, name = money
    # A bank that takes the money back waits for this refund, and the other way round.
    await reports.claim(tx, [name])
    held = await charges.locked(tx, new.merchant_id, charge.id)
    if held is None:
        raise ChargeUnknown("charge_id")
    if await reversals.reversed_reports(tx, [(new.merchant_id, report_id)]):
        raise NotRefundable(why="its bank has taken the money back")
    given = await kept.given_of(tx, new.merchant_id, charge.id)
    return Order(payment, held, name[0], name[2], held.taken - given)


async def _named(tx: Tx, new: NewRefund, now: datetime) -> tuple[Payment, Charge]:
    """The paid charge that a request names, and its payment. Raises what it is not."""
    if new.charge_id is not None:
        charge = (await charges.by_id(tx, [(new.merchant_id, new.charge_id)])).get(new.charge_id)
        if charge is None:
            raise ChargeUnknown("charge_id")
        if new.payment_id not in (None, charge.payment_id):
            raise Invalid("charge_id", why="This charge is of another payment.")
        payment = await _payment(tx, new.merchant_id, charge.payment_id)
        if charge.state != "succeeded":
            state = charge_rules.as_of(charge, now, payment.expires_at).state
            raise WrongState(thing="charge", state=state, verb="refunded")
        return payment, charge
    assert new.payment_id is not None, "one of the two is named"
    payment = await _payment(tx, new.merchant_id, new.payment_id)
    if payment.static:
        raise ChargeNotNamed("charge_id")
    tried = await charges.newest(tx, [(new.merchant_id, payment.id)], most=CHARGES_MAX)
    paid = next((charge for charge in tried.get(payment.id, []) if charge.state == "succeeded"), None)
    if paid is None:
        raise WrongState(state=payment_rules.as_of(payment, now).state, verb="refunded")
    return payment, paid


async def _payment(tx: Tx, merchant_id: UUID, payment_id: UUID) -> Payment:
    payment = (await payments.by_id(tx, [(merchant_id, payment_id)])).get(payment_id)
    if payment is None:
        raise PaymentUnknown("payment_id")
    return payment


async def _decided(tx: Tx, new: NewRefund, order: Order, now: datetime) -> Refund:
    """The refund of what is asked for. Raises RefundTooLarge or InsufficientFunds."""
    charge, left = order.charge, order.left
    if new.whole and new.amount not in (None, left):
        raise Invalid("amount", why=f"All that is left is {readable(left)}: leave the amount out, or ask for a part.")
    amount = left if new.amount is None else new.amount
    if not 0 < amount <= left:
        raise RefundTooLarge("amount", left=readable(left))
    merchant = (await merchants.by_id(tx, [new.merchant_id])).get(new.merchant_id)
    if merchant is None:
        raise MerchantUnknown
    fee = fee_of(merchant.agreement.fees.get(FEE_NAME, FEE_DEFAULT), amount, now)
    covered = await _covered(tx, charge, now)
    if covered < amount + fee.total:
        raise InsufficientFunds("amount", available=readable(covered), needed=readable(amount + fee.total))
    return Refund(
        id=ids.uuid7(now),
        merchant_id=new.merchant_id,
        product=new.product,
        reference=new.reference,
        payment_id=charge.payment_id,
        charge_id=charge.id,
        amount=amount,
        whole=new.whole,
        captured=left,
        fee=fee.total,
        vat=fee.vat,
        state="pending",
        method=new.method,
        reason=new.reason,
        connection=order.connection,
        created_at=now,
        updated_at=now,
        destination=new.destination,
        statement_text=new.statement_text,
        description=new.description,
        metadata=new.metadata,
        settles_at=charge.settles_at if charge.settled_at is None else None,
    )


async def _covered(tx: Tx, charge: Charge, now: datetime) -> int:
    """What the merchant has for a refund of this charge, in minor units; both its accounts are held until the commit.

    What the charge brings when it is settled counts as well. Other refunds may have been taken ahead of their own charges'
    settlements: what these bring for them is not missing here.
    """
    owner = available(charge.merchant_id)
    held = await ledger.hold_balances(tx, [owner, reserved(charge.merchant_id)])
    covered = -held.get(owner, 0)  # a balance is debits minus credits, and what is owed to a merchant is a credit
    ahead = await kept.ahead_of_settlement(tx, charge.merchant_id, now)
    ahead.pop(charge.id, None)
    others = await charges.by_id(tx, [(charge.merchant_id, id_) for id_ in ahead])
    brought = [(_brings(others[id_]), taken) for id_, taken in ahead.items() if id_ in others]
    return covered + _brings(charge) + sum(min(brings, taken) for brings, taken in brought)


def _brings(charge: Charge) -> int:
    """What a charge brings its merchant when it is settled, in minor units; nothing where it was."""
    return charge.taken - charge.fee if charge.settled_at is None else 0


async def _begun(world: World, tx: Tx, changes: Changes, refund: Refund, order: Order, now: datetime) -> Refund:
    """The refund with what is asked of somebody: of its channel, or of a bank; adds what must be written for that."""
    said = await transfers.preference(tx, order.payment)
    account = refund.destination or transfers.preferred(world, order.payment, said)
    only_transfer = refund.method == "transfer_only" or (said is not None and said.method == "transfer_only")
    if refund.method == "transfer_only" and account is None:
        raise Invalid("destination", why="A transfer needs an account to go to.")
    request = _request(refund, order, account, now)
    partner = world.partners.named(refund.connection)
    bank = partner.refunder if partner is not None and not only_transfer else None
    if partner is not None and bank is not None and bank.refunds(partner.connection, order.charge.channel):
        changes.new_requests.append(request)
        return refund
    refund = transfers.order(world, changes, refund, account, now)
    if refund.way is None:
        changes.new_requests.append(account_missing(request, NO_ACCOUNT, now))
    return refund


def _request(refund: Refund, order: Order, account: Destination | None, now: datetime) -> PartnerRequest:
    """What the channel is asked, due at once: whoever takes up what is due calls it."""
    instructions = order.charge.instructions
    asked = GiveBack(
        channel=order.charge.channel,
        option=instructions.option,
        amount=refund.amount,
        charge_id=order.charge.id,
        charge_amount=order.charge.taken,
        payment_reference=order.money_reference,
        number=instructions.number,
        reference=refund.reference,
        account_number=account.account_number if account is not None else "",
    )
    return replace(noted(refund.id, refund.merchant_id, refund.connection, "refund", asked, now), next_at=now)


# -- looking them up --------------------------------------------------------------------------------------------------


async def read(world: World, merchant_id: UUID, refund_id: UUID) -> Refund:
    """A merchant's refund. Raises RefundUnknown."""
    async with world.db.reading() as tx:
        found = await kept.by_id(tx, merchant_id, refund_id)
    if found is None or found.report_id is not None:
        raise RefundUnknown
    return found


async def by_reference(world: World, merchant_id: UUID, reference: str) -> Refund | None:
    """The merchant's refund of this reference."""
    async with world.db.reading() as tx:
        found = await kept.by_reference(tx, merchant_id, reference)
    return found if found is not None and found.report_id is None else None


async def page(
    world: World, merchant_id: UUID, payment_id: UUID | None, *, page: int, per_page: int
) -> tuple[list[Refund], int]:
    """A page of a merchant's refunds, or of those of one payment, newest first, and how many there are in all."""
    async with world.db.reading() as tx:
        if payment_id is not None and not await payments.by_id(tx, [(merchant_id, payment_id)]):
            return [], 0

        async def read_place(place: Place) -> list[Refund]:
            behind = place.edge(newest_first=True) or HIGHEST
            if payment_id is None:
                return await kept.page(tx, merchant_id, behind, skip=place.skip, most=per_page)
            return await kept.page_of_payment(tx, merchant_id, payment_id, behind, skip=place.skip, most=per_page)

        asked = Page(merchant_id, ("refunds", payment_id), page, per_page)
        listed = await page_positions.read_page(world, tx, asked, read_place, attrgetter("id"))
        if payment_id is None:
            return listed, await kept.count(tx, merchant_id)
        return listed, await kept.count_of_payment(tx, payment_id)


async def of_any_merchant(world: World, refund_id: UUID) -> Refund:
    """A refund, for operators. Raises RefundUnknown."""
    async with world.db.reading() as tx:
        found = await kept.of_any_merchant(tx, refund_id)
    if found is None:
        raise RefundUnknown
    return found


async def under_way(world: World, most: int) -> list[Refund]:
    """Refunds that have not ended, the oldest first, for operators."""
    async with world.db.reading() as tx:
        return await kept.under_way(tx, most)
