"""POST /v2/payments/simulations: the simulator bank reports money, or a payment's time is over (reference, 9.1)."""

from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from gerbang.api._bodies import body_of, demand_json, plain, shaped
from gerbang.api.v2_sessions import orders, requests
from gerbang.api.v2_sessions.answers import Desk, answer, success
from gerbang.errors import PaymentUnknown
from gerbang.services import expiry, sandbox
from gerbang.services.lookups import Question

_decoder = msgspec.json.Decoder(requests.Simulation)


async def simulate(desk: Desk, request: Request) -> Response:
    merchant_id = desk.merchant_of(request)
    sandbox.sandbox_clock(desk.world)
    demand_json(request)
    body = await body_of(request)
    plain(body)
    asked = shaped(body, _decoder)
    amount = orders.minor(asked.amount, zero_is_open=False)
    try:
        payment_id = UUID(asked.paymentSessionId)
    except ValueError:
        raise PaymentUnknown from None
    if asked.chargeStatus == "EXPIRED":
        await expiry.expire_now(desk.world, merchant_id, payment_id)
        return _updated(True)
    found = await desk.commands.read(Question(merchant_id, payment_id))
    booked = await desk.commands.report(sandbox.simulated_payment(found, amount, asked.bankReference))
    return _updated(booked.outcome == "booked" and not booked.heard_before)


def _updated(done: bool) -> Response:
    return answer(success({"updated": "true" if done else "false"}))
