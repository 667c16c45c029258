"""The sandbox's e-wallet: its buyer signs in with a phone number and a one-time password, and agrees or declines.

Everything goes the way that a partner's word goes; nothing here exists in live mode. Four phone numbers play an outcome
(payment-session reference, 9.3), and any other one pays.
"""

from datetime import datetime
from typing import Literal

from msgspec.structs import replace

from gerbang.connections.simulator import WALLET_PHONES
from gerbang.domain import progress as rules
from gerbang.domain.changes import Changes
from gerbang.domain.charges import Charge
from gerbang.domain.payments import Payment
from gerbang.domain.phones import mobile
from gerbang.errors import WrongState
from gerbang.services import simulations
from gerbang.services.batches import Batches
from gerbang.services.payments import end, progress
from gerbang.services.payments.end import Decline, Lapse
from gerbang.world import World

OTP = "000000"
TRIES_MAX = 3

SignedIn = Literal["done", "wrong_phone", "wrong_password", "over"]
"""`done`: it has gone as the phone number plays it. `over`: the charge could not be paid any more, or has just failed."""


async def sign_in(world: World, batches: Batches, charge: Charge, phone: str, password: str) -> SignedIn:
    """Signs a buyer in and lets them agree. The third wrong password fails the charge."""
    account = mobile(phone)
    if account is None:
        return "wrong_phone"
    right = password == OTP
    tries = 0

    def signed_in(payment: Payment, charge: Charge, now: datetime) -> Changes:
        nonlocal tries
        changes = rules.authenticating(payment, charge, now)
        charge = changes.charges.get(charge.id, charge)
        tries = charge.instructions.wrong_passwords + (not right)
        instructions = replace(charge.instructions, account=account, wrong_passwords=tries)
        changes.charges[charge.id] = replace(charge, instructions=instructions, updated_at=now)
        return changes

    where = charge.merchant_id, charge.payment_id, charge.id
    try:
        payment = await progress.take(world, *where, signed_in)
        if payment.state != "authenticating":
            return "over"
        if right:
            await _play(world, batches, charge, WALLET_PHONES.get(account, "pays"))
        elif tries >= TRIES_MAX:
            await end.decline(world, Decline(*where, "not_authenticated"))
            return "over"
        else:
            return "wrong_password"
    except WrongState:  # another tab, the bank or the clock was first
        return "over"
    return "done"


async def _play(world: World, batches: Batches, charge: Charge, outcome: str) -> None:
    where = charge.merchant_id, charge.payment_id, charge.id
    if outcome == "declines":
        await end.decline(world, Decline(*where, "refused"))
    elif outcome == "lapses":
        await end.lapse(world, Lapse(*where))
    elif outcome == "waits":
        await progress.processing(world, *where)
    else:
        await simulations.in_the_wallet(batches, charge)
