"""Reads the headers of requests, for all dialects."""

from starlette.requests import Request


def header(request: Request, name: bytes) -> str:
    """The value of a header, whose name is given in lower case; "" if it is absent. Of several the first counts."""
    for other, value in request.scope["headers"]:
        if other == name:
            return value.decode("latin-1")
    return ""
