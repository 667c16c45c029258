"""The form in which a buyer gives a card: what it shows, and the card that is read from it. No page shows what was typed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gerbang.channels.card import NETWORKS
from gerbang.domain.cards import StoredCard
from gerbang.services.cards.given import CardGiven
from gerbang.services.checkout import Way
from gerbang.vault import card, faults

FIELDS = {
    "number_empty": "number",
    "digits": "number",
    "network": "number",
    "not_taken": "number",
    "foreign": "number",
    "expiry_empty": "expiry",
    "expiry": "expiry",
    "over": "expiry",
    "cvc_empty": "cvc",
    "cvc": "cvc",
    "name_empty": "name",
    "name": "name",
}
"""What may be wrong with a card that was given, and beside which field that is said. An address names these words alone."""
SENT = ("number", "cvc", "expiry", "name")
EXPIRY = re.compile(r"\s*(\d{1,2})\s*[/.-]?\s*(\d{4}|\d{2})\s*", re.ASCII)
NAME_LENGTH_MAX = 100


class Wrong(Exception):
    """The card of a form is wrong in these ways, words of FIELDS."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class Saved:
    """A card that the buyer may pay by again. `name` stands for it in forms: its token is the merchant's."""

    name: str
    title: str
    """Its network and its last four digits."""
    until: str


@dataclass(frozen=True)
class CardForm:
    """What is asked of a card that pays now: all of it, or of a saved one its security code."""

    networks: str
    saved: Saved | None = None
    keeps: bool = False
    """Whether the card will be kept for the customer's next payment."""
    others: bool = False
    """Whether there is another way to pay, or another card, to go back to."""
    month: str = ""
    """This month, as 2025-03: cards that ended before it have expired."""
    wrong: Mapping[str, str] = field(default_factory=dict[str, str])
    """By field: what was wrong with it."""


def saved_card(kept: StoredCard) -> Saved:
    return Saved(name_of(kept), titled(kept.brand, kept.last4), f"{kept.expiry_month:02}/{kept.expiry_year % 100:02}")


def name_of(kept: StoredCard) -> str:
    return kept.charge_id.hex


def titled(brand: str, last4: str) -> str:
    """A card as its buyer knows it: its network and its last four digits, on one line."""
    return f"{NETWORKS[brand]} •••• {last4}".replace(" ", "\u00a0")


def networks_of(way: Way) -> str:
    return ", ".join(NETWORKS[option] for option in way.options)


def wrong_in(asked: str, texts: Mapping[str, str], way: Way) -> dict[str, str]:
    """What an address says was wrong with the last try, by field. Words that are none of ours say nothing."""
    found: dict[str, str] = {}
    for reason in asked.split(".")[: len(FIELDS)]:
        if reason in FIELDS:
            found.setdefault(FIELDS[reason], texts[f"wrong_{reason}"].format(networks=networks_of(way)))
    return found


def read(form: dict[str, str], way: Way, now: datetime) -> CardGiven:
    """The card of a form. What was typed is taken out of it. Raises Wrong."""
    typed = {name: form.pop(name, "").strip() for name in SENT}
    found = EXPIRY.fullmatch(typed["expiry"])
    month, year = (found[1], found[2]) if found else ("", "")
    reasons = [f"{name}_empty" for name in SENT if not typed[name]]
    wrong = faults(typed["number"], typed["cvc"], month, year, now=now, path="card")
    reasons += [str(each.spec["reason"]) for each in wrong]
    if any(char.isdigit() for char in typed["name"]) or len(typed["name"]) > NAME_LENGTH_MAX:
        reasons.append("name")  # a number that was typed there by mistake would be kept
    if reasons:
        raise Wrong(*_first_of_each(reasons))
    given = card(typed["number"], typed["cvc"], month, year, now=now, path="card", holder=typed["name"])
    if given.brand not in way.options:
        given.forget()
        raise Wrong("not_taken")
    return CardGiven(given)


def _first_of_each(reasons: Sequence[str]) -> list[str]:
    """One reason for each field: that nothing was typed goes before what is wrong with nothing."""
    firsts: dict[str, str] = {}
    for reason in reasons:
        firsts.setdefault(FIELDS[reason], reason)
    return list(firsts.values())
