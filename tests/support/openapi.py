"""Reading OpenAPI documents, with the parser in C where there is one: the one in Python takes a second for each."""

from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_openapi(text: str) -> dict[str, Any]:
    return yaml.load(text, Loader=_LOADER)
