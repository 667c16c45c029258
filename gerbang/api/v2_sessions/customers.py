"""/v1/customers: a customer with the cards that they may pay by again (payment-session reference, 4.8), and deleting one of those."""

from starlette.requests import Request
from starlette.responses import Response

from gerbang.api.v2_sessions import shapes
from gerbang.api.v2_sessions.answers import Endpoints, answer, success
from gerbang.services.cards import stored


async def retrieve(endpoints: Endpoints, request: Request) -> Response:
    merchant_id = endpoints.merchant_of(request)
    found = await stored.customer(endpoints.world, merchant_id, request.path_params["customer"])
    return answer(success({"id": found.id, **shapes.customer_of(found.customer, read=True)}))


async def delete(endpoints: Endpoints, request: Request) -> Response:
    """Deletes a stored card; the address is ours, since the vendor documents none."""
    merchant_id = endpoints.merchant_of(request)
    customer_id, token = request.path_params["customer"], request.path_params["token"]
    await stored.delete(endpoints.world, merchant_id, customer_id, token)
    return answer(success({"token": token, "status": "INACTIVE"}))
