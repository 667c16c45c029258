"""What a partner's answer means: done, under way, refused, or not known. Whatever could be read in two ways is not known.

The HTTP status and `responseCode` are both looked at, and may disagree. A code may have six digits or none, be a number, and carry the
number of another service. (`shared/reference`: sections A4, E, K12, K13.)
"""

from typing import Any

import msgspec

from gerbang.connections import Declined, Silence
from gerbang.connections.snap import bodies
from gerbang.network import Answer

MESSAGE_LENGTH_MAX = 150
UNCLEAR = frozenset({408, 409, 425, 429})
"""Refusals that may be about a call that arrived: it came too late, or twice, or too often."""


class InProgress(Silence):
    """The partner has it and is at work; `fields` are what it said."""

    def __init__(self, text: str, fields: dict[str, Any]) -> None:
        super().__init__(text)
        self.fields = fields


class TooMany(Silence):
    """The partner wants to be asked less often."""


class AskedBefore(Silence):
    """The partner may have been asked the same before: a call of this name, or about this thing, with this status and case."""

    def __init__(self, text: str, status: int, case: str) -> None:
        super().__init__(text)
        self.status = status
        self.case = case


class Refusal(Declined):
    """The partner has refused, with this status and case of the standard."""

    def __init__(self, text: str, status: int, case: str, fields: dict[str, Any]) -> None:
        super().__init__(text)
        self.status = status
        self.case = case
        self.fields = fields

    def is_(self, status: int, *cases: str) -> bool:
        """Whether it is one of these cases."""
        return self.status == status and self.case in cases


class Said(msgspec.Struct, frozen=True):
    """An answer that was read."""

    http: int
    coded: int | None
    """The status in `responseCode`; None where there is no code."""
    case: str
    """The last two digits of the code; "" where there are none."""
    message: str
    """What it says to people; it may be shown."""
    fields: dict[str, Any]

    @property
    def is_unauthorized(self) -> bool:
        """Whether it turns away whoever called, so that nothing was done."""
        if self.leaves_open:
            return False
        if self.coded is None:
            return self.http == 401
        if self.coded == 401:
            return 200 <= self.http < 300 or 400 <= self.http < 500
        return self.http == 401 and 400 <= self.coded < 500

    @property
    def leaves_open(self) -> bool:
        """Whether its status or its code, whatever the other is, may be about a call that arrived."""
        return bool(UNCLEAR & {self.http, self.coded}) or self.names_a_call_before

    @property
    def names_a_call_before(self) -> bool:
        """Whether it may say that there was such a call already."""
        return 409 in (self.http, self.coded) or (404 in (self.http, self.coded) and self.case == "18")

    @property
    def code(self) -> str:
        """Status and case for a log."""
        return f"{self.http}/{self.coded or '-'}/{self.case or '-'}"


def read(answer: Answer) -> Said:
    """The answer. Raises Silence for one that is cut, or no JSON; a 401 is read in any form."""
    if not answer.whole:
        raise Silence(f"its answer of status {answer.status} was cut off")
    try:
        fields = bodies.read(answer.body)
    except (bodies.NotJson, ArithmeticError) as wrong:  # or a number that is beyond all numbers
        if answer.status == 401:
            return Said(401, None, "", "", {})
        raise Silence(f"its answer of status {answer.status} cannot be read: {wrong}") from wrong
    coded, case = _code(fields.get("responseCode"))
    return Said(answer.status, coded, case, _message(fields.get("responseMessage")), fields)


def outcome(said: Said, *, code_needed: bool = True) -> dict[str, Any]:
    """The fields of an answer that says that it is done. Raises Refusal, InProgress, TooMany or Silence."""
    http, coded = said.http, said.coded
    if coded is None:
        if 200 <= http < 300 and http != 202 and not code_needed:
            return said.fields
        if http == 429:
            raise TooMany("it wants to be asked less often")
        raise Silence(f"its answer of status {http} has no code")
    if http == 429 or coded == 429:
        raise TooMany("it wants to be asked less often")
    if said.names_a_call_before:
        text = f"it may have been asked the same before ({said.code}{': ' + said.message if said.message else ''})"
        raise AskedBefore(text, coded, said.case)
    if said.leaves_open:
        raise Silence(f"it leaves open what came of it ({said.code})")
    if 400 <= coded < 500 and (200 <= http < 300 or 400 <= http < 500):
        text = said.message or f"The bank has refused it (code {coded}{said.case})"
        raise Refusal(text, coded, said.case, said.fields)
    if not (200 <= http < 300 and 200 <= coded < 300):
        raise Silence(f"its answer leaves open what came of it ({said.code})")
    if 202 in (http, coded):
        raise InProgress(f"it is at work ({said.code})", said.fields)
    return said.fields


def _code(value: Any) -> tuple[int | None, str]:
    """Status and case of a response code of any length."""
    digits = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not digits.isascii() or not digits.isdigit() or not 3 <= len(digits) <= 9 or not 200 <= int(digits[:3]) <= 599:
        return None, ""
    return int(digits[:3]), digits[-2:] if len(digits) >= 5 else ""


def _message(value: Any) -> str:
    text = value.strip() if isinstance(value, str) else ""
    return "".join(each for each in text if each.isprintable())[:MESSAGE_LENGTH_MAX]
