"""The page at /docs: a dialect's OpenAPI document, printed for people as one self-contained HTML page."""

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

    The curl lines begin with `base_url`; `others` are the neighbouring pages, title to address, and `file` is
    the document's own address. The page loads nothing, neither scripts nor fonts. Raises KeyError where a `$ref` leads nowhere.
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
    """One line of text; what stands between backticks is code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )


def prose(text: str) -> Markup:
    """Paragraphs, and lists whose items begin with `- `, as HTML."""
    return Markup("\n").join(
        _instructions(instructions) for instructions in re.split(r"\n\s*\n", text.strip()) if instructions
    )


def _instructions(instructions: str) -> Markup:
    if not instructions.startswith("- "):
        return Markup("<p>{}</p>").format(phrase(instructions))
    items = re.split(r"\n- ", instructions[2:])
    return Markup("<ul>{}</ul>").format(Markup("").join(Markup("<li>{}</li>").format(phrase(item)) for item in items))


def coloured(text: str) -> Markup:
    """JSON with its keys, texts, numbers and words marked for the style sheet."""
    out, end = Markup(""), 0
    for found in TOKEN.finditer(text):
        string, colon, word, number = found.groups()
        style = ("k" if colon else "s") if string else ("w" if word else "n")
        out += escape(text[end : found.start()])
        out += Markup('<b class="{}">{}</b>{}').format(style, string or word or number, colon or "")
        end = found.end()
    return out + escape(text[end:])
