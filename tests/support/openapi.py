"""Reading OpenAPI documents, with the parser in C where there is one: the one in Python takes a second for each."""

import pickle
from functools import cache
from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_openapi(text: str) -> dict[str, Any]:
    """The document in a text, a new one each time: a test may change its own."""
    return pickle.loads(_parsed(text))


@cache
def _parsed(text: str) -> bytes:
    return pickle.dumps(yaml.load(text, Loader=_LOADER))
