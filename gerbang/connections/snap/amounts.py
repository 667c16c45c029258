"""Amounts in what partners answer: read in every form that is known, and below zero too, as a balance may be."""

from collections.abc import Mapping
from typing import Any, cast

from gerbang.connections import Silence
from gerbang.connections.snap import fields
from gerbang.connections.snap.fields import FieldWrong
from gerbang.domain.money import two_places


def written(minor: int) -> dict[str, str]:
    """An amount as the standard has it."""
    return {"value": two_places(minor), "currency": "IDR"}


def read(said: Mapping[str, Any], name: str) -> int | None:
    """An amount in minor units; None where it is not there. Raises Silence for one that cannot be read."""
    given: Any = said.get(name)
    members = cast(dict[str, Any], given) if isinstance(given, dict) else {"value": given, "currency": "IDR"}
    value = members.get("value")
    if value in (None, ""):
        return None
    below = str(value).strip().startswith("-")
    if below:
        value = str(value).strip()[1:]
    try:
        minor = fields.amount({name: {"value": value, "currency": members.get("currency")}}, name)
    except FieldWrong as wrong:
        raise Silence(f"its answer has an amount that cannot be read ({wrong.path})") from wrong
    return -minor if below else minor


def objects(said: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects of a list, or the one that stands in place of it."""
    given: Any = said.get(name)
    listed = cast(list[Any], given) if isinstance(given, list) else [given]
    return [each for each in listed if isinstance(each, dict)]


def text(said: Mapping[str, Any], name: str, length_max: int = 500) -> str:
    """A text of an answer, without blanks around it; "" for anything else."""
    value = said.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return ""
    return "".join(each for each in value.strip() if each.isprintable())[:length_max]
