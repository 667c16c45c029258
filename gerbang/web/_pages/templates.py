"""Templates, style sheets and scripts of a package, read once and put inline into the pages."""

import re
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

BIDIRECTIONAL = dict.fromkeys(map(ord, "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))
"""Unicode controls of text direction: in a name they could make an amount or a URL beside it read differently."""


def shown(value: object) -> object:
    """A value as a template writes it: without direction controls, since the markup sets the direction of each text."""
    return value.translate(BIDIRECTIONAL) if isinstance(value, str) and not value.isascii() else value


@cache
def environment(package: str) -> Environment:
    """The templates of a package. All values are escaped, and an undefined name raises UndefinedError."""
    return Environment(
        loader=PackageLoader(package, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


@cache
def asset(package: str, name: str) -> Markup:
    """A style sheet or script of the package, without indentation and without comments on lines of their own."""
    text = (resources.files(package) / name).read_text("utf-8")
    text = re.sub(r"^\s*/\*.*?\*/\s*?$", "", text, flags=re.DOTALL | re.MULTILINE)
    return Markup("\n".join(line.strip() for line in text.splitlines() if line.strip()))  # noqa: S704  files of ours alone
