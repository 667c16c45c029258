"""Step-by-step guides for paying: one JSON file in guides/ for each bank, outlet, wallet or channel."""

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

import msgspec
from markupsafe import Markup, escape

from gerbang.channels import ChannelSpec

PLACEHOLDER = re.compile(r"\{(number|amount|name)\}(\S*)")
"""A placeholder, and the punctuation after it that must stay on its line."""

EMPHASIZED = Markup("<b>{}</b>{}{}")
UNBROKEN = Markup('<span class="whole"><b>{}</b>{}</span>{}')


class Steps(msgspec.Struct, frozen=True):
    """The steps at one place: at an ATM, in the app, on the web. Texts by language."""

    name: dict[str, str]
    steps: dict[str, list[str]]


class Guide(msgspec.Struct, frozen=True):
    """The file of one bank, outlet, wallet or channel; `title` is its name as people know it."""

    title: str
    ways: list[Steps]


class FilledGuide(msgspec.Struct, frozen=True):
    """Steps in one language as HTML, with their placeholders filled in."""

    name: str
    steps: list[Markup]


@cache
def payment_guides() -> Mapping[str, Guide]:
    """All guides, by file name in lower case. Raises msgspec.ValidationError for a file of another shape."""
    folder = resources.files("gerbang.web.checkout") / "guides"
    if not folder.is_dir():
        return {}
    files = (file for file in folder.iterdir() if file.name.endswith(".json"))
    return {
        file.name.removesuffix(".json").lower(): msgspec.json.decode(file.read_bytes(), type=Guide) for file in files
    }


def title(spec: ChannelSpec, option: str | None) -> str:
    """The name of a bank, outlet or wallet; its code if there is no guide for it; "" for a channel without options."""
    if option is None:
        return ""
    guide = _guide(spec, option)
    return guide.title if guide else spec.options.get(option, option)


def filled(spec: ChannelSpec, option: str | None, language: str, values: Mapping[str, str]) -> list[FilledGuide]:
    """The guides of an option, or of a channel without options. `values` are the number, the amount and the name."""
    guide, also = _guide(spec, option), payment_guides().get(spec.guide)
    ways = [*(guide.ways if guide else []), *(also.ways if also else [])]
    return [
        FilledGuide(
            way.name.get(language) or way.name["id"],
            [_filled(step, values) for step in way.steps.get(language) or way.steps["id"]],
        )
        for way in ways
    ]


def _guide(spec: ChannelSpec, option: str | None) -> Guide | None:
    return payment_guides().get((option or spec.name).lower())


def _filled(step: str, values: Mapping[str, str]) -> Markup:
    """A step as HTML: the values are in bold, all text is escaped."""
    text, *rest = PLACEHOLDER.split(step)
    filled = escape(text)
    for name, mark, text in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
        filled += (UNBROKEN if name == "number" else EMPHASIZED).format(values[name], mark, text)
    return filled
