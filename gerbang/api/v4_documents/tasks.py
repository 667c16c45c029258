"""Tasks on a payment: cancel it, or in the sandbox simulate its money or its settlement (reference, section 6)."""

from contextlib import suppress

from gerbang.api.v4_documents import shapes
from gerbang.api.v4_documents.answers import Endpoints
from gerbang.domain.charges import Charge
from gerbang.domain.payments import Payment
from gerbang.errors import WrongState
from gerbang.services import checkout, sandbox, settlements
from gerbang.services.payments import end
from gerbang.services.payments.confirm import Confirmation
from gerbang.services.payments.end import Cancellation
from gerbang.services.payments.search import Asked, Paid

ACTIONS = ("cancel", "receive_payment", "settle")
CANCELLED = "VOID_SESSION"
"""The v2 cancellation reason that means: cancelled by the merchant."""


async def perform(endpoints: Endpoints, found: Paid, action: str) -> None:
    """Performs a task. Raises WrongState, and NotInLiveMode for tasks that only the sandbox has."""
    if action != "cancel":
        sandbox.sandbox_clock(endpoints.world)
    status = shapes.status_of(found.payment, found.charge)
    if action == "cancel":
        try:
            await end.withdraw(endpoints.world, Cancellation(found.payment.merchant_id, found.payment.id, CANCELLED))
        except WrongState:
            if status == "pending":  # the state changed after it was read
                raise
            raise WrongState(state=status, verb="cancelled") from None
    elif action == "settle":
        # A bank that settles in real time may have settled it already.
        if status == "completed":
            return
        if status != "paid" or found.charge is None:
            raise WrongState(state=status, verb="settled")
        try:
            await settlements.settle_now(endpoints.world, found.payment.merchant_id, found.charge.id)
        except WrongState:
            if await _status_now(endpoints, found) != "completed":
                raise
    else:
        await _receive(endpoints, found, status)


async def _receive(endpoints: Endpoints, found: Paid, status: str) -> None:
    """Simulates the buyer's payment. Raises WrongState."""
    charge = found.charge
    if found.payment.details.redirect and found.payment.state in ("needs_method", "needs_confirmation"):
        charge = await _chosen(endpoints, found.payment)
    if charge is None or charge.state != "waiting":
        raise WrongState(state=status, verb="paid")
    # One bank reference per charge, so that two simultaneous tasks pay once.
    report = sandbox.simulated_report(
        charge.channel, charge.instructions.number, charge.amount, f"TASK-{charge.id.hex}"
    )
    booked = await endpoints.batches.report(report)
    if booked.outcome != "booked":  # another request was faster, so this money is late
        raise WrongState(state=await _status_now(endpoints, found), verb="paid")


async def _status_now(endpoints: Endpoints, found: Paid) -> str:
    now = await endpoints.batches.find(Asked(found.payment.merchant_id, found.id))
    return shapes.status_of(now.payment, now.charge)


async def _chosen(endpoints: Endpoints, payment: Payment) -> Charge | None:
    """Chooses the first method that fits, where the buyer has not chosen one; the charge, or None if none fits."""
    method = checkout.first_fitting(endpoints.world, await endpoints.batches.visit(payment.id))
    if method is None:
        return None
    with suppress(WrongState):  # the buyer or another task has just chosen a method
        await endpoints.batches.confirm(Confirmation(payment.merchant_id, payment.id, method))
    return (await endpoints.batches.find(Asked(payment.merchant_id, payment.id))).charge
