"""Tasks on a payment: cancel it, or in the sandbox simulate its money or its settlement (reference, section 6)."""

from gerbang.api.v4_documents.answers import Endpoints
from gerbang.errors import WrongState
from gerbang.services import simulations
from gerbang.services.payments import end
from gerbang.services.payments.end import Cancellation
from gerbang.services.payments.search import Paid

ACTIONS = ("cancel", "receive_payment", "settle")
CANCELLED = "VOID_SESSION"
"""The v2 cancellation reason that means: cancelled by the merchant."""


async def perform(endpoints: Endpoints, found: Paid, action: str) -> None:
    """Performs a task. Raises WrongState, and NotInLiveMode for tasks that only the sandbox has."""
    if action == "cancel":
        try:
            await end.withdraw(endpoints.world, Cancellation(found.payment.merchant_id, found.payment.id, CANCELLED))
        except WrongState:
            if simulations.state_of(found) == "settled":
                raise WrongState(state="settled", verb="cancelled") from None
            raise
    elif action == "settle":
        await simulations.settle(endpoints.world, endpoints.batches, found)
    else:
        await simulations.receive(endpoints.world, endpoints.batches, found)
