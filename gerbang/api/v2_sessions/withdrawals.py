"""The endpoint /v1/withdrawals: money that the merchant takes out itself."""

from starlette.requests import Request
from starlette.responses import Response

from gerbang.api._bodies import Malformed, json_body
from gerbang.api._structs import shaped
from gerbang.api.v2_sessions import money_requests, money_shapes
from gerbang.api.v2_sessions.answers import Endpoints, answer, success
from gerbang.api.v2_sessions.money_out import amount, coded
from gerbang.services import withdrawals
from gerbang.services.withdrawals import NewWithdrawal


@coded
async def create(endpoints: Endpoints, request: Request) -> Response:
    merchant_id = endpoints.merchant_of(request)
    given = shaped(await json_body(request), money_requests.Withdraw)
    to_bank = given.withdrawType == "BANK_TRANSFER"
    if not to_bank and given.balanceType is None:
        raise Malformed("balanceType", "is required")
    if given.balanceType == "WALLET_BALANCE":
        raise Malformed("balanceType", "must be PAYOUT_BALANCE or PAYMENT_BALANCE: there are no wallets here")
    if not to_bank and given.balanceType != "PAYOUT_BALANCE":
        raise Malformed("balanceType", "must be PAYOUT_BALANCE for BALANCE_TRANSFER")
    if given.amount is None and not given.isFullAmount:
        raise Malformed("amount", "is required")
    minor = None if given.isFullAmount or given.amount is None else amount(given.amount, "amount.value")
    new = NewWithdrawal(
        merchant_id=merchant_id,
        reference=given.referenceId,
        way="bank" if to_bank else "balance",
        balance="payouts" if given.balanceType == "PAYOUT_BALANCE" else "available",
        amount=minor,
        description=given.description or None,
    )
    made = await withdrawals.create(endpoints.world, new)
    return answer(success(money_shapes.withdrawal(made.withdrawal, made.payout)))
