"""Authenticates requests to the sandbox API, which accepts the credentials of any dialect."""

import base64
from uuid import UUID

from starlette.requests import Request

from gerbang.api._headers import header
from gerbang.errors import CredentialsWrong
from gerbang.services import credentials
from gerbang.services.credentials import Tokens
from gerbang.world import World


async def merchant_of(world: World, tokens: Tokens, request: Request) -> UUID:
    """The merchant of a bearer token, X-MERCHANT-ID and X-MERCHANT-SECRET, or HTTP Basic. Raises CredentialsWrong."""
    scheme, _, value = header(request, b"authorization").partition(" ")
    if scheme.lower() == "bearer":
        return tokens.merchant_of(value.strip())
    if scheme.lower() == "basic":
        try:
            key, _, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
        except ValueError:  # not base64, or not text
            raise CredentialsWrong(why="what follows Basic in Authorization is not base64 of a text") from None
        return await credentials.sign_in(world, key, secret)
    key = header(request, b"x-merchant-id") or ""
    return await credentials.sign_in(world, key, header(request, b"x-merchant-secret"))
