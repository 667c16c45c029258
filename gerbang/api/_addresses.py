"""Paths and queries as callers write them: a base URL that ends in a slash, a plus that nobody escaped."""

import re
from urllib.parse import parse_qs

from starlette.requests import Request


def plain_path(path: str) -> str:
    """A path without doubled slashes, and without one at its end: base URLs and vendors' own samples bring them along."""
    return re.sub("/{2,}", "/", path).rstrip("/") or "/"


def spellings(request: Request, name: str) -> list[str]:
    """What a query says of a name: as forms write it, where a plus is a space, and as whoever did not escape it means it."""
    value = request.query_params.get(name)
    if value is None:
        return []
    if "+" not in request.url.query:
        return [value]
    literal = parse_qs(request.url.query.replace("+", "%2B"), keep_blank_values=True).get(name, [value])[-1]
    return list(dict.fromkeys((value, literal)))
