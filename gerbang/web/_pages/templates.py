"""Templates, style sheets and scripts of a package, read once; a page carries all of it inside itself."""

import re
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

BIDIRECTIONAL = dict.fromkeys(map(ord, "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))
"""Characters that turn round what stands beside them: a name with one could make an amount or an address read otherwise."""


def shown(value: object) -> object:
    """What a template writes of a value. A page says itself, in its markup, which text may run in which direction."""
    return value.translate(BIDIRECTIONAL) if isinstance(value, str) and not value.isascii() else value


@cache
def of(package: str) -> Environment:
    """The templates of a package: everything put into them is escaped, and a name that is missing is an error."""
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
    """A style sheet or script of ours, without its indentation and the comments that have a line of their own."""
    text = (resources.files(package) / name).read_text("utf-8")
    text = re.sub(r"^\s*/\*.*?\*/\s*?$", "", text, flags=re.DOTALL | re.MULTILINE)
    return Markup("\n".join(line.strip() for line in text.splitlines() if line.strip()))  # noqa: S704  files of ours alone
