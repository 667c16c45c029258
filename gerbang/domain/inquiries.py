"""Questions of a bank that asks before it gives us the money: may this number be paid, and will we take this payment?

A refusal costs nothing: the payer keeps the money, and none of it is in the ledger. So there is no suspense here.
"""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec

from gerbang.domain.charges import MOVES, Charge
from gerbang.domain.payments import Payment, as_of
from gerbang.domain.reports import ENDED_BY_TIME, Name, Outcome, Report

INQUIRY = "inquiry"
"""The service of inquiries, whose ids are a series of their own: a payment often repeats the id of its inquiry."""

Verdict = Literal["payable", "accepted", "refused"]
Reason = Literal["unknown_number", "not_active", "expired", "ended", "paid", "wrong_amount", "reference_used"]
"""Why a number cannot be paid. `ended`: its merchant or its buyer has ended it. `reference_used`: for other money."""


class CallName(msgspec.Struct, frozen=True):
    """What names one request of a bank: an id that it uses once a day for each service."""

    connection: str
    service: str
    called_on: date
    """The day in Jakarta."""
    external_id: str
    """As the bank has it; where nobody signs what names a payment, a hash of what is signed."""


class KnownCall(msgspec.Struct, frozen=True):
    """A request of a bank that was answered, and the question that it asked."""

    name: CallName
    request_id: str


class Inquiry(msgspec.Struct, frozen=True):
    """May this number be paid, and how much? Nothing changes by it."""

    connection: str
    request_id: str
    """The bank's own id of the question; repeated, it is the same question."""
    channel: str
    number: str
    amount: int | None = None
    """Minor units; None where the bank asks how much it is."""
    service: str = INQUIRY
    call: CallName | None = None
    """What the bank calls the request; None where it does not say."""

    @property
    def name(self) -> Name:
        return self.connection, self.service, self.request_id

    @property
    def money(self) -> Report:
        """The money that it asks about; 0 where it names no amount."""
        return Report(
            self.connection, self.request_id, self.channel, self.number, self.amount or 0, service=self.service
        )


class Acceptance(msgspec.Struct, frozen=True):
    """The bank has the payer's money and asks whether we take it. Refused, it goes back to the payer."""

    request_id: str
    """The bank's own id of the question; repeated, it is the same question."""
    money: Report
    call: CallName | None = None
    """What the bank calls the request; None where it does not say."""
    answer_by: datetime | None = None
    """After this instant of the machine's clock it is not accepted any more: the bank has given the money back by then. None: it has not."""

    @property
    def name(self) -> Name:
        return self.money.connection, self.money.service, self.request_id


BankQuestion = Inquiry | Acceptance


class Reply(msgspec.Struct, frozen=True):
    """What was answered, with what was asked: it is kept, and given again to the same question."""

    connection: str
    service: str
    request_id: str
    channel: str
    number: str
    amount: int
    """Minor units, as asked; 0 where no amount was."""
    reference: str
    verdict: Verdict
    reason: Reason | None
    merchant_id: UUID | None
    payment_id: UUID | None
    report_id: UUID | None
    """The report by which accepted money was booked."""
    owed: int | None
    """What may be paid, in minor units; None where any amount may be, or nothing."""
    payer_name: str
    """The name that the bank shows to its customer for this number."""
    answered_at: datetime
    same_call: bool = False
    """Whether it was given to this very request before, by the bank's name for the request. Not kept."""

    @property
    def name(self) -> Name:
        return self.connection, self.service, self.request_id

    def answers(self, question: BankQuestion) -> bool:
        """Whether this is what was asked: a repeat may differ in its time and in flags, and not in its money."""
        asked = question.money
        return (self.channel, self.number, self.amount, self.reference) == (
            asked.channel,
            asked.number,
            asked.amount,
            asked.reference,
        )


def owed(payment: Payment | None, charge: Charge | None) -> int | None:
    """What may be paid, in minor units; None where any amount may be."""
    return charge.amount if charge is not None else payment.amount if payment is not None else None


def payer_name(payment: Payment | None, charge: Charge | None) -> str:
    """The name under which a number is shown."""
    if charge is not None:
        return charge.instructions.name
    if payment is not None and payment.method is not None and payment.method.instructions is not None:
        return payment.method.instructions.name
    return ""


def refusal(outcome: Outcome, payment: Payment | None, charge: Charge | None, now: datetime) -> Reason | None:
    """Why money with this outcome is not taken; None for money that is owed."""
    if outcome == "booked":
        return None
    if payment is None or outcome == "unknown_number":
        return "unknown_number"
    if outcome in ("overpaid", "underpaid"):
        return "wrong_amount"
    state = as_of(payment, now).state
    if outcome == "double":
        return "paid" if state == "paid" else "reference_used"
    if state in ("needs_method", "needs_confirmation", "opening"):
        return "not_active"
    if (
        charge is not None
        and charge.state in MOVES["expire"]
        and charge.expires_at is not None
        and charge.expires_at <= now
    ):
        return "expired"
    return "expired" if state in ENDED_BY_TIME else "ended"
