"""The way of a charge that its buyer is asked about: at the page of their bank or wallet, then agreed, then paid or not.

A payment goes with its newest charge (payment-session reference, 5.2). These are pure: each answers with what one commit writes.
"""

from datetime import datetime

from gerbang.domain import charges as charge_rules
from gerbang.domain.changes import Changes
from gerbang.domain.charges import Charge
from gerbang.domain.events import Event, Snapshot
from gerbang.domain.payments import Payment, as_of, moved
from gerbang.errors import WrongState


def authenticating(payment: Payment, charge: Charge, now: datetime) -> Changes:
    """The buyer is at the page where they sign in or enter a password. Raises WrongState.

    Nothing changes where they are there already.
    """
    return _step(payment, charge, "authenticate", now)


def processing(payment: Payment, charge: Charge, now: datetime) -> Changes:
    """The buyer has agreed, and the partner is at work. Raises WrongState. Nothing changes where it is so already."""
    return _step(payment, charge, "process", now)


_REACHED = {"authenticate": "authenticating", "process": "processing"}


def _step(payment: Payment, charge: Charge, verb: str, now: datetime) -> Changes:
    payment = as_of(payment, now)
    charge = charge_rules.as_of(charge, now, payment.expires_at)
    reached = _REACHED[verb]
    if charge.state == reached:
        return Changes()
    if charge.state not in charge_rules.MOVES[verb]:
        raise WrongState(state=payment.state, verb=f"moved to {reached}")
    charge = charge_rules.moved(charge, verb, now)
    left = payment.state == "awaiting"
    if payment.state != reached:
        payment = moved(payment, verb, now)
    events = [left_for_the_partner(payment, charge, now)] if left else []
    return Changes(payments={payment.id: payment}, charges={charge.id: charge}, events=events)


def left_for_the_partner(payment: Payment, charge: Charge, now: datetime) -> Event:
    """What the merchant is notified of once for each charge, when its buyer begins to deal with the partner."""
    snapshot = Snapshot(payment=payment, charge=charge)
    return Event(payment.merchant_id, "payment.processing", now, payment.id, charge.id, snapshot)
