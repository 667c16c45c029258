"""The page at /docs: a dialect's OpenAPI document, as one self-contained HTML page."""

import re
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from gerbang.web.docs.contents import Node, read

TOKEN = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|(?<![\w./:-])(-?\d+(?:\.\d+)?)(?![\w./:-])')


def render(
    openapi: Node, base_url: str = "http://127.0.0.1:8000", others: Mapping[str, str] | None = None, file: str = ""
) -> str:
    """The whole page of a parsed OpenAPI 3.1 document.

    The curl lines begin with `base_url`; `others` maps the titles of the other pages to their URLs, and `file` is
    the URL of the document itself. The page loads no scripts and no fonts. Raises KeyError for a `$ref` to nothing.
    """
    return _pages().get_template("page.html").render(page=read(openapi, base_url), others=others or {}, file=file)


def _pages() -> Environment:
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters.update(prose=prose, phrase=phrase, coloured=coloured)
    return pages


def phrase(text: str) -> Markup:
    """One line of text as HTML; text between backticks becomes code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )


def prose(text: str) -> Markup:
    """Text as HTML: paragraphs separated by empty lines, and lists whose items begin with `- `."""
    return Markup("\n").join(_paragraph(part) for part in re.split(r"\n\s*\n", text.strip()) if part)


def _paragraph(text: str) -> Markup:
    if not text.startswith("- "):
        return Markup("<p>{}</p>").format(phrase(text))
    items = re.split(r"\n- ", text[2:])
    return Markup("<ul>{}</ul>").format(Markup("").join(Markup("<li>{}</li>").format(phrase(item)) for item in items))


def coloured(text: str) -> Markup:
    """JSON as HTML, with keys (k), strings (s), numbers (n) and true, false, null (w) marked for the style sheet."""
    out, end = Markup(""), 0
    for found in TOKEN.finditer(text):
        string, colon, word, number = found.groups()
        style = ("k" if colon else "s") if string else ("w" if word else "n")
        out += escape(text[end : found.start()])
        out += Markup('<b class="{}">{}</b>{}').format(style, string or word or number, colon or "")
        end = found.end()
    return out + escape(text[end:])
