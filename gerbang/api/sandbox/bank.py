"""The sandbox's bank: it reports money, and it asks before it gives money."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from gerbang import ids
from gerbang.api._amounts import whole_of
from gerbang.api._bodies import Malformed, json_body
from gerbang.api._ids import id_of
from gerbang.api._instants import instant_of
from gerbang.api._structs import shaped
from gerbang.api.sandbox.endpoints import TEXT, Endpoints, answer
from gerbang.domain.inquiries import Acceptance, Inquiry, Reply
from gerbang.domain.merchants import PLATFORM
from gerbang.domain.money import AMOUNT_DIGITS_MAX, rupiah, two_places
from gerbang.errors import KeyReused
from gerbang.services import simulations
from gerbang.services.payments.read import Question

Amount = int | float | str
Number = Annotated[str, Meta(pattern=r"\A[0-9A-Z]{1,30}\Z")]
BankReference = Annotated[str, Meta(min_length=1, max_length=100, pattern=TEXT)]
Instant = Annotated[str, Meta(min_length=1)]


class ReportRequest(Struct):
    amount: Amount
    number: Number | None = None
    paymentId: Annotated[str, Meta(max_length=50)] | None = None
    bankReference: BankReference | None = None
    paidAt: Instant | None = None


class InquiryRequest(Struct):
    number: Number
    amount: Amount | None = None
    requestId: BankReference | None = None


class AcceptanceRequest(Struct):
    number: Number
    amount: Amount
    requestId: BankReference | None = None
    bankReference: BankReference | None = None
    paidAt: Instant | None = None


async def report(endpoints: Endpoints, request: Request) -> Response:
    """Reports money as the simulator bank would: to a payment, or to any number, also one that is not assigned."""
    merchant_id = await endpoints.merchant(request)
    given = shaped(await json_body(request), ReportRequest)
    if (given.number is None) == (given.paymentId is None):
        raise Malformed("", "say either number or paymentId")
    amount, paid_at = _amount(given.amount), _paid_at(given.paidAt)
    if given.paymentId is not None:
        found = await endpoints.batches.read(Question(merchant_id, _payment_id(given.paymentId)))
        money = simulations.payment_of(found, amount, given.bankReference, paid_at)
    else:
        simulations.check_reference(given.bankReference)
        number = await simulations.named(endpoints.world, merchant_id, given.number or "", paid_at)
        money = simulations.money_to(number, amount, given.bankReference, paid_at)
    booked = await endpoints.batches.report(money)
    if booked.merchant_id not in (merchant_id, PLATFORM):
        raise KeyReused  # another merchant's report: the reference was used before, or the number was theirs at paidAt
    return answer({"reports": [{"id": str(booked.id), "outcome": booked.outcome, "paymentId": booked.payment_id}]})


async def inquire(endpoints: Endpoints, request: Request) -> Response:
    """Asks, as a bank of direct inquiry would, whether a number may be paid."""
    merchant_id = await endpoints.merchant(request)
    given = shaped(await json_body(request), InquiryRequest)
    amount = None if given.amount is None else _amount(given.amount)
    connection, channel, number = await simulations.named(endpoints.world, merchant_id, given.number)
    request_id = given.requestId or f"SIM{ids.alphanumeric(17)}"
    question = Inquiry(connection, request_id, channel, number, amount)
    return _reply(await endpoints.batches.answer(question), merchant_id)


async def accept(endpoints: Endpoints, request: Request) -> Response:
    """Asks, as a bank of direct inquiry would, to take the money that a buyer has paid."""
    merchant_id = await endpoints.merchant(request)
    given = shaped(await json_body(request), AcceptanceRequest)
    amount, paid_at = _amount(given.amount), _paid_at(given.paidAt)
    simulations.check_reference(given.bankReference)
    number = await simulations.named(endpoints.world, merchant_id, given.number, paid_at)
    request_id = given.requestId or f"SIM{ids.alphanumeric(17)}"
    # Without a reference of its own the money has that of the question, so that a repeat is the same question.
    money = simulations.money_to(number, amount, given.bankReference or request_id, paid_at)
    return _reply(await endpoints.batches.answer(Acceptance(request_id, money)), merchant_id)


def _reply(reply: Reply, merchant_id: UUID) -> Response:
    if reply.merchant_id not in (merchant_id, None):
        raise KeyReused  # another merchant's question under this id
    body: dict[str, Any] = {
        "requestId": reply.request_id,
        "verdict": reply.verdict,
        "reason": reply.reason,
        "paymentId": reply.payment_id,
        "amount": None if reply.owed is None else two_places(reply.owed),
        "name": reply.payer_name,
    }
    return answer(body)


def _amount(given: Amount) -> int:
    """Minor units. Raises Malformed."""
    whole = whole_of(given, "amount")
    if not 1 <= whole < 10**AMOUNT_DIGITS_MAX:
        raise Malformed("amount", f"must be at least 1 and have at most {AMOUNT_DIGITS_MAX} digits")
    return rupiah(whole)


def _paid_at(given: str | None) -> datetime | None:
    paid_at = None if given is None else instant_of(given, "paidAt")
    if paid_at is not None and not 2000 <= paid_at.year <= 2100:
        raise Malformed("paidAt", "must be between the years 2000 and 2100")
    return paid_at


def _payment_id(text: str) -> UUID:
    """A payment's id as any dialect writes it: with hyphens, or after a prefix such as contract_. Raises Malformed."""
    id_ = id_of(text.rpartition("_")[2])
    if id_ is None:
        raise Malformed("paymentId", "is no id of a payment")
    return id_
