"""POST /v2/payments/simulations: the simulator bank reports money, a card's bank lets its buyer pay, or the payment expires
(reference, 9.1).
"""

from starlette.requests import Request
from starlette.responses import Response

from gerbang.api._bodies import json_body
from gerbang.api._ids import id_of
from gerbang.api._structs import shaped
from gerbang.api.v2_sessions import orders, requests
from gerbang.api.v2_sessions.answers import Endpoints, answer, success
from gerbang.errors import PaymentUnknown
from gerbang.services import sandbox, simulations
from gerbang.services.payments.read import Question


async def simulate(endpoints: Endpoints, request: Request) -> Response:
    merchant_id = endpoints.merchant_of(request)
    sandbox.sandbox_clock(endpoints.world)
    given = shaped(await json_body(request), requests.Simulation)
    amount = orders.minor(given.amount, zero_is_open=False)
    payment_id = id_of(given.paymentSessionId)
    if payment_id is None:
        raise PaymentUnknown
    if given.chargeStatus == "EXPIRED":
        await simulations.expire(endpoints.world, merchant_id, payment_id)
        return _updated(True)
    found = await endpoints.batches.read(Question(merchant_id, payment_id))
    if found.charges and simulations.is_by_card(found.charges[0]):
        return _updated(await simulations.pass_at_the_bank(endpoints.world, endpoints.batches, found))
    booked = await simulations.pay(endpoints.world, endpoints.batches, found, amount, given.bankReference)
    return _updated(booked.outcome == "booked" and not booked.known_before)


def _updated(done: bool) -> Response:
    return answer(success({"updated": "true" if done else "false"}))
