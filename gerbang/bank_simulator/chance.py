"""Ids and faults by chance, or by a seed: with the same seed the same calls get the same ids and the same faults."""

import hashlib
from collections import Counter
from collections.abc import Mapping

import msgspec

from gerbang import ids

TOWARDS_PARTNER: dict[str, str] = {
    "duplicate_same_id": "the call is made twice, with the same X-EXTERNAL-ID",
    "duplicate_new_id": "the call is made twice, the second time with another X-EXTERNAL-ID",
    "out_of_order": "a payment arrives before its inquiry",
    "wrong_amount": "one rupiah more is paid than the inquiry said",
    "unknown_number": "the number's last digits are others",
    "foreign_number": "the number belongs to another company",
    "bad_signature": "the signature is of something else",
    "hex_signature": "the signature is in the other letters: hexadecimal for base64, base64 for hexadecimal",
    "clock_behind": "X-TIMESTAMP is six hours ago",
    "clock_ahead": "X-TIMESTAMP is six hours from now",
    "body_reencoded": "the body is written with blanks and escapes after it was signed",
    "path_prefix_changed": "the signed path has another prefix than the one that is called",
    "rotated_keys": "the bank signs with a new key that its partner does not have",
    "lost_answer": "the partner's answer does not reach the bank, which counts as silence",
    "reversal": "the payer's money goes back although the payment was accepted",
}
TOWARDS_BANK: dict[str, str] = {
    "late_after_acting": "the bank does what it is asked and answers late",
    "dropped_before_acting": "the connection ends without an answer, and nothing was done",
    "dropped_after_acting": "the connection ends without an answer, and it was done",
    "cut_answer": "it was done, and the answer ends in the middle",
    "slow_drip": "it was done, and the answer arrives a few bytes at a time",
    "revoked_token": "the token does not count any more",
    "unauthorized": "401 Unauthorized",
    "conflict": "409 Conflict, although the external id is new",
    "too_many": "429 Too Many Requests",
    "html_error": "a 502 with a page of HTML",
    "wrong_service_code": "it was done, and the responseCode has another service's digits",
    "statement_delayed": "the statement's last quarter of an hour is missing",
    "statement_gap": "one line of the statement is missing",
    "statement_extra": "the statement has a line of money that no one else knows of",
}
FAULTS = TOWARDS_PARTNER | TOWARDS_BANK
LATE_SECONDS = 20.0


class Rate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often a fault happens: a share of the calls that it fits, and how many times at most."""

    rate: float = 1.0
    times: int | None = None


class FaultsWrong(Exception):
    """What was asked for is no fault or no rate. The message says which."""


class Chance:
    """Where the ids of the bank's calls and its faults come from."""

    def __init__(self) -> None:
        self.seed: int | None = None
        self.rates: dict[str, Rate] = {}
        self.late_seconds = LATE_SECONDS
        self._drawn: Counter[str] = Counter()
        self._happened: Counter[str] = Counter()

    def plan(self, rates: Mapping[str, object], seed: int | None, late_seconds: float = LATE_SECONDS) -> None:
        """From now on these faults happen, and what is by chance comes from the seed, counted anew. Raises FaultsWrong."""
        read = {name: _rate(name, value) for name, value in rates.items()}
        self.rates, self.seed, self.late_seconds = read, seed, late_seconds
        self._drawn.clear()
        self._happened.clear()

    def happens(self, *names: str) -> frozenset[str]:
        """Which of these faults happen now. Of the ones that are planned, each is drawn once."""
        found: set[str] = set()
        for name in names:
            rate = self.rates.get(name)
            if rate is None or (rate.times is not None and self._happened[name] >= rate.times):
                continue
            if self.fraction(name) < rate.rate:
                self._happened[name] += 1
                found.add(name)
        return frozenset(found)

    def fraction(self, what: str) -> float:
        """A number from 0 to below 1."""
        return self._number(what) / 2**64

    def digits(self, what: str, count: int) -> str:
        """Decimal digits."""
        if self.seed is None:
            return ids.digits(count)
        text = ""
        while len(text) < count:
            text += f"{self._number(what) % 10**9:09d}"
        return text[:count]

    def letters(self, what: str, count: int) -> str:
        """Lower-case hexadecimal digits."""
        if self.seed is None:
            return ids.hex_id(count)
        text = ""
        while len(text) < count:
            text += f"{self._number(what):016x}"
        return text[:count]

    def _number(self, what: str) -> int:
        if self.seed is None:
            return ids.between(0, 2**64 - 1)
        self._drawn[what] += 1
        raw = hashlib.sha256(f"{self.seed}|{what}|{self._drawn[what]}".encode()).digest()
        return int.from_bytes(raw[:8], "big")


def _rate(name: str, value: object) -> Rate:
    if name not in FAULTS:
        raise FaultsWrong(f"There is no fault {name!r}. There are {', '.join(FAULTS)}.")
    try:
        given = msgspec.convert({"rate": value} if isinstance(value, int | float) else value, Rate)
    except msgspec.ValidationError:
        given = Rate(-1)
    if not 0 <= given.rate <= 1:
        raise FaultsWrong(f'{name} takes a share from 0 to 1, or {{"rate": 0.5, "times": 1}}.')
    return given
