"""The endpoints under /v1/inquiry-account: whose an account is, as its bank says."""

from starlette.requests import Request
from starlette.responses import Response

from gerbang.api._bodies import json_body
from gerbang.api._structs import shaped
from gerbang.api.v2_sessions import money_requests, money_shapes
from gerbang.api.v2_sessions.answers import Endpoints, answer, id_in_path, success
from gerbang.api.v2_sessions.money_out import coded, destination
from gerbang.errors import InquiryUnknown
from gerbang.services import account_inquiries


@coded
async def ask(endpoints: Endpoints, request: Request) -> Response:
    merchant_id = endpoints.merchant_of(request)
    given = shaped(await json_body(request), money_requests.InquireAccount)
    to = destination(given.channelCode, given.channelInformation, "channelCode")
    asked = await account_inquiries.ask(endpoints.world, merchant_id, to)
    return answer(success(money_shapes.inquiry(asked)))


@coded
async def retrieve(endpoints: Endpoints, request: Request) -> Response:
    merchant_id = endpoints.merchant_of(request)
    inquiry_id = id_in_path(request)
    if inquiry_id is None:
        raise InquiryUnknown
    found = await account_inquiries.read(endpoints.world, merchant_id, inquiry_id)
    return answer(success(money_shapes.inquiry(found)))
