"""Templates, style sheets and scripts of a package, read once; a page carries all of it inside itself."""

import re
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


@cache
def of(package: str) -> Environment:
    """The templates of a package: everything put into them is escaped, and a name that is missing is an error."""
    return Environment(
        loader=PackageLoader(package, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
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
