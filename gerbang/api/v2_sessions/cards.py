"""Payments by card: the card of a request, and captures (payment-session reference, 4.6 and 6.4)."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from gerbang.api._bodies import Malformed, json_body
from gerbang.api._structs import shaped
from gerbang.api.v2_sessions import orders, requests, shapes
from gerbang.api.v2_sessions.answers import Endpoints, answer, id_in_path, success
from gerbang.domain.cards import Capture
from gerbang.domain.payments import Payment
from gerbang.errors import PaymentUnknown
from gerbang.services import vault_keys
from gerbang.services.cards import captures, stored
from gerbang.services.cards.captures import CaptureOrder
from gerbang.services.cards.given import CardGiven
from gerbang.vault import Taken, card, mark_of, take_out

PATH = "paymentMethod.card"
RAW_NAMES = ("expMonth", "expYear")


@dataclass(frozen=True)
class CardTaken:
    """What was taken out of a request, and the request's own mark of it: equal for equal cards, and no way back to one."""

    taken: Taken | None
    mark: bytes


def taken_out(endpoints: Endpoints, body_object: dict[str, Any]) -> CardTaken:
    """Takes a card's number and CVC out of a request, before anything else looks at it."""
    taken = take_out(body_object)
    return CardTaken(taken, b"" if taken is None else mark_of(endpoints.world.keyring.card_key, taken))


async def given(
    endpoints: Endpoints, merchant_id: UUID, method: requests.PaymentMethod | None, taken: Taken | None
) -> CardGiven | None:
    """The card of a request, in memory: decrypted, stored, or as a number. None where there is none.

    Raises Malformed where it is given in two ways, and CardUnreadable, CardWrong or CardNotStored.
    """
    if method is None or method.type != "CARD":
        return None
    await vault_keys.ready(endpoints.world)
    block = method.card
    if block is None and taken is None:
        return None
    block = block or requests.Card()
    number = taken.number if taken is not None else ""
    ways = [
        name
        for name, value in (("encryptedCard", block.encryptedCard), ("token", block.token), ("number", number))
        if value
    ]
    if not ways:
        return None
    if len(ways) > 1:
        raise Malformed(PATH, f"must be given in one way, and not as {' and '.join(ways)}")
    world, now, cvc = endpoints.world, endpoints.world.clock.now(), taken.cvc if taken is not None else ""
    if block.encryptedCard:
        return CardGiven(world.vault.opened(block.encryptedCard, now, f"{PATH}.encryptedCard"))
    if block.token:
        return await stored.by_token(world, merchant_id, block.token, cvc, PATH)
    holder = f"{block.cardHolderFirstName or ''} {block.cardHolderLastName or ''}".strip()
    read = card(
        number, cvc, block.expMonth or "", block.expYear or "", now=now, path=PATH, holder=holder, names=RAW_NAMES
    )
    return CardGiven(read, raw=True)


async def capture(endpoints: Endpoints, request: Request) -> Response:
    """POST /v2/payments/{id}/capture: takes a part of what is held, or all of it."""
    merchant_id = endpoints.merchant_of(request)
    wanted = shaped(await json_body(request), requests.CapturePayment)
    payment_id = id_in_path(request)
    if payment_id is None:
        raise PaymentUnknown
    amount = orders.minor(wanted.amount, zero_is_open=False)
    payment, made = await captures.order(
        endpoints.world, CaptureOrder(merchant_id, payment_id, amount, wanted.releaseRemainingAmount)
    )
    return answer(success(_capture(payment, made)))


def _capture(payment: Payment, made: Capture) -> shapes.Json:
    return {
        "id": made.id,
        "paymentSessionId": payment.id,
        "paymentSessionClientReferenceId": payment.reference,
        "releaseRemainingAmount": made.release_rest,
        "amount": shapes.amount(made.amount),
        "status": made.state.upper() if made.state != "succeeded" else "SUCCESS",
        "createdAt": made.created_at,
        "updatedAt": made.updated_at,
    }
