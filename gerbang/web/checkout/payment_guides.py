"""How to pay, step by step: one data file for each bank or channel in the folder guides/, found by listing it."""

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

import msgspec
from markupsafe import Markup, escape

from gerbang.channels import ChannelSpec

PLACE = re.compile(r"\{(number|amount|name)\}(\S*)")
"""What is filled in, and the full stop or comma that must not be parted from it."""


STANDS_OUT = Markup("<b>{}</b>{}{}")
IN_ONE_PIECE = Markup('<span class="whole"><b>{}</b>{}</span>{}')


class Steps(msgspec.Struct, frozen=True):
    """One way to go: at the cash machine, in the app, on the web. Texts by language."""

    name: dict[str, str]
    steps: dict[str, list[str]]


class Guide(msgspec.Struct, frozen=True):
    title: str
    ways: list[Steps]


class Told(msgspec.Struct, frozen=True):
    """A way in one language, its places filled in."""

    name: str
    steps: list[Markup]


@cache
def payment_guides() -> Mapping[str, Guide]:
    """All files, by their name in small letters. Raises msgspec.ValidationError for one of another shape."""
    folder = resources.files("gerbang.web.checkout") / "guides"
    if not folder.is_dir():
        return {}
    files = (file for file in folder.iterdir() if file.name.endswith(".json"))
    return {
        file.name.removesuffix(".json").lower(): msgspec.json.decode(file.read_bytes(), type=Guide) for file in files
    }


def title(spec: ChannelSpec, option: str | None) -> str:
    """What people call a bank or wallet; its code where nobody has written it down. "" for a channel without options."""
    if option is None:
        return ""
    guide = _guide(spec, option)
    return guide.title if guide else spec.options.get(option, option)


def told(spec: ChannelSpec, option: str | None, language: str, places: Mapping[str, str]) -> list[Told]:
    """The steps for a bank, or for the channel where it has no banks, with number, amount and name in their places."""
    guide, also = _guide(spec, option), payment_guides().get(spec.guide)
    ways = [*(guide.ways if guide else []), *(also.ways if also else [])]
    return [
        Told(
            way.name.get(language) or way.name["id"],
            [_filled(step, places) for step in way.steps.get(language) or way.steps["id"]],
        )
        for way in ways
    ]


def _guide(spec: ChannelSpec, option: str | None) -> Guide | None:
    return payment_guides().get((option or spec.name).lower())


def _filled(step: str, places: Mapping[str, str]) -> Markup:
    """A step as HTML: what was put into a place stands out, everything is escaped."""
    text, *places_in = PLACE.split(step)
    filled = escape(text)
    for place, mark, text in zip(places_in[::3], places_in[1::3], places_in[2::3], strict=True):
        filled += (IN_ONE_PIECE if place == "number" else STANDS_OUT).format(places[place], mark, text)
    return filled
