"""Money that a merchant takes out of its balance: to its own bank account by a payout, or to its balance for payouts at once."""

from datetime import datetime
from uuid import UUID

import msgspec

from gerbang import ids
from gerbang.db import ledger, withdrawals
from gerbang.db.changes import write
from gerbang.domain.changes import Changes
from gerbang.domain.events import Event, Snapshot
from gerbang.domain.fees import fee_of
from gerbang.domain.ledger import available, payable, payouts, reserved, withdrawing
from gerbang.domain.merchants import Merchant
from gerbang.domain.money import MINOR_PER_RUPIAH, readable
from gerbang.domain.payouts import AMOUNT_MIN, FEE_DEFAULT, FEE_NAME, Destination, Payout, Source
from gerbang.domain.withdrawals import PRODUCT, Way, Withdrawal
from gerbang.errors import (
    InsufficientFunds,
    PayoutBelowLimit,
    PayoutReferenceTaken,
    WithdrawalAccountMissing,
)
from gerbang.services.payout_requests import instruct
from gerbang.services.payouts import NewPayout, carrier_to, made, ordered, ordering
from gerbang.world import World


class NewWithdrawal(msgspec.Struct, frozen=True):
    """An order to take money out. `amount` in minor units; None: all that there is."""

    merchant_id: UUID
    reference: str
    way: Way
    balance: Source
    """From which balance, to a bank account. To the balance for payouts it always goes from what is settled."""
    amount: int | None
    description: str | None = None


class Made(msgspec.Struct, frozen=True):
    """A withdrawal, and the payout that carries it out, where it goes to a bank."""

    withdrawal: Withdrawal
    payout: Payout | None


async def create(world: World, new: NewWithdrawal) -> Made:
    """Takes money out, once for each of the merchant's references.

    Raises PayoutReferenceTaken, InsufficientFunds, and to a bank account PayoutBelowLimit, WithdrawalAccountMissing or
    BankNotConnected.
    """
    if new.way == "balance":
        return Made(await _to_balance(world, new), None)
    account = await _account(world, new.merchant_id)
    carrier, _ = carrier_to(world, new.merchant_id, account.bank_code)
    async with world.db.transaction() as tx:
        now = world.clock.now()
        owner = payable(new.merchant_id, new.balance)
        held = await ledger.hold_balances(tx, [owner, reserved(new.merchant_id)])
        balance = -held.get(owner, 0)
        if await withdrawals.is_taken(tx, new.merchant_id, new.reference):
            raise PayoutReferenceTaken("withdrawal.reference")
        merchant = await ordering(tx, new.merchant_id)
        rate = merchant.agreement.fees.get(FEE_NAME, FEE_DEFAULT)
        amount = new.amount or _whole(balance - fee_of(rate, max(balance, 0), now).total)
        if amount < AMOUNT_MIN:
            raise PayoutBelowLimit("amount", minimum=readable(AMOUNT_MIN))
        withdrawal = _noted(new, amount, ids.uuid7(now), now)
        order = NewPayout(
            merchant_id=new.merchant_id,
            product=PRODUCT,
            reference=new.reference,
            amount=amount,
            destination=account,
            description=new.description,
            source=new.balance,
            kind="withdrawal",
            cause_id=withdrawal.id,
        )
        payout = made(merchant, order, carrier.connection.name, now)
        if balance < payout.reserved:
            raise InsufficientFunds("amount", available=readable(balance), needed=readable(payout.reserved))
        changes, request = ordered(world, carrier, payout, now)
        changes.new_withdrawals = [withdrawal]
        await write(tx, changes, now)
    return Made(withdrawal, await instruct(world, payout, request))


def _whole(minor: int) -> int:
    """As many whole rupiah as there are, in minor units."""
    return max(minor, 0) // MINOR_PER_RUPIAH * MINOR_PER_RUPIAH


def _noted(new: NewWithdrawal, amount: int, id_: UUID, now: datetime) -> Withdrawal:
    return Withdrawal(
        id=id_,
        merchant_id=new.merchant_id,
        reference=new.reference,
        way=new.way,
        balance=new.balance,
        whole=new.amount is None,
        amount=amount,
        description=new.description,
        created_at=now,
    )


async def _account(world: World, merchant_id: UUID) -> Destination:
    """The merchant's own bank account. Raises WithdrawalAccountMissing."""
    async with world.db.reading() as tx:
        merchant: Merchant = await ordering(tx, merchant_id)
    agreed = merchant.agreement.withdrawal_account
    if agreed is None:
        raise WithdrawalAccountMissing
    return Destination(
        kind="bank_transfer",
        bank_code=agreed.bank_code,
        account_number=agreed.account_number,
        account_name=agreed.account_name,
    )


async def _to_balance(world: World, new: NewWithdrawal) -> Withdrawal:
    """Moves settled money to the balance for payouts, in one commit."""
    async with world.db.transaction() as tx:
        now = world.clock.now()
        owner = available(new.merchant_id)
        balance = -(await ledger.hold_balances(tx, [owner, payouts(new.merchant_id)])).get(owner, 0)
        if await withdrawals.is_taken(tx, new.merchant_id, new.reference):
            raise PayoutReferenceTaken("withdrawal.reference")
        amount = new.amount or _whole(balance)
        if not 0 < amount <= balance:
            raise InsufficientFunds("amount", available=readable(balance), needed=readable(amount))
        withdrawal = _noted(new, amount, ids.uuid7(now), now)
        event = Event(new.merchant_id, "withdrawal.completed", now, snapshot=Snapshot(withdrawal=withdrawal))
        transfers = withdrawing(new.merchant_id, amount, withdrawal_id=withdrawal.id)
        await write(tx, Changes(new_withdrawals=[withdrawal], transfers=transfers, events=[event]), now)
    return withdrawal
