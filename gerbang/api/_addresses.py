"""Reads paths and queries leniently: extra slashes in a path, a plus sign in a query that was not escaped."""

import re
from urllib.parse import parse_qs

from starlette.requests import Request


def plain_path(path: str) -> str:
    """The path without repeated or trailing slashes, which come from base URLs and from the vendors' own samples."""
    if path and "//" not in path and path[-1] != "/":
        return path
    return re.sub("/{2,}", "/", path).rstrip("/") or "/"


def spellings(request: Request, name: str) -> list[str]:
    """The possible values of a query parameter: with "+" read as a space, as in forms, then with "+" read literally.

    Empty if the parameter is absent; one value if both readings are the same.
    """
    value = request.query_params.get(name)
    if value is None:
        return []
    if "+" not in request.url.query:
        return [value]
    literal = parse_qs(request.url.query.replace("+", "%2B"), keep_blank_values=True).get(name, [value])[-1]
    return list(dict.fromkeys((value, literal)))
