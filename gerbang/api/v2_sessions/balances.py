"""The endpoints /v1/balances and /v1/balance-histories: what a merchant has, and what moved it."""

from starlette.requests import Request
from starlette.responses import Response

from gerbang.api._bodies import Malformed
from gerbang.api.v2_sessions import money_shapes
from gerbang.api.v2_sessions.answers import Endpoints, answer, success
from gerbang.api.v2_sessions.money_out import coded
from gerbang.services import balances

USECASES = ("DISBURSEMENT", "PAYMENT", "WALLET")


@coded
async def retrieve(endpoints: Endpoints, request: Request) -> Response:
    """The balance for payouts, that of payments, or that of a wallet, which nobody has here."""
    merchant_id = endpoints.merchant_of(request)
    usecase = request.query_params.get("usecase", USECASES[0])
    if usecase not in USECASES:
        raise Malformed("usecase", f"must be one of {', '.join(USECASES)}")
    found = await balances.overview(endpoints.world, merchant_id)
    available, pending = {
        "DISBURSEMENT": (found.payouts, 0),
        "PAYMENT": (found.available, found.pending),
        "WALLET": (0, 0),
    }[usecase]
    return answer(
        success({"availableBalance": money_shapes.balance(available), "pendingBalance": money_shapes.balance(pending)})
    )
