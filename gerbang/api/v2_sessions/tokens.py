"""POST /v1/access-token: exchanges a merchant's id and secret for a bearer token that is valid for 900 seconds."""

from starlette.requests import Request
from starlette.responses import Response

from gerbang.api._bodies import json_body
from gerbang.api._headers import header
from gerbang.api._structs import shaped
from gerbang.api.v2_sessions import requests
from gerbang.api.v2_sessions.answers import Endpoints, answer, success
from gerbang.services import credentials
from gerbang.services.merchants import V2


async def issue(endpoints: Endpoints, request: Request) -> Response:
    merchant = header(request, b"x-merchant-id") or ""
    merchant_id = await credentials.sign_in(endpoints.world, merchant, header(request, b"x-merchant-secret"), V2)
    shaped(await json_body(request), requests.AccessToken)
    token = credentials.issue_token(endpoints.world, merchant_id, merchant)
    lifetime = int(credentials.TOKEN_LIFETIME.total_seconds())
    return answer(success({"accessToken": token, "expiresIn": str(lifetime), "tokenType": "Bearer"}))
