"""/banks and /validation_services: where money can be sent to, and whose account it is."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from gerbang.api._bodies import Malformed
from gerbang.api.v4_documents.answers import Endpoints, answer, document
from gerbang.api.v4_documents.requests import Attributes, attributes_of
from gerbang.domain.bank_directory import BANKS
from gerbang.services import payouts

ACCOUNT_LENGTH_MAX = 34


async def listed(endpoints: Endpoints, request: Request, merchant_id: UUID) -> Response:
    banks = [
        {
            "id": bank.code.lower(),
            "type": "bank",
            "attributes": {"name": bank.name, "shortCode": bank.code, "swiftBic": bank.swift},
        }
        for bank in BANKS.values()
    ]
    return answer(document(banks))


async def validate(endpoints: Endpoints, request: Request, merchant_id: UUID) -> Response:
    asked = await attributes_of(request)
    number, bank = account_of(asked, "accountNo")
    name = await payouts.account_name(endpoints.world, bank, number)
    attributes = {"accountName": name, "accountNo": number, "bankShortCode": bank}
    return answer(document({"attributes": attributes}), 201)


def account_of(asked: Attributes, name: str) -> tuple[str, str]:
    """The account number and the bank that a request names. Raises Malformed."""
    number = asked.digits(name)
    if number is None:
        raise Malformed(asked.field(name), "is required")
    if len(number) > ACCOUNT_LENGTH_MAX:
        raise Malformed(asked.field(name), f"must have at most {ACCOUNT_LENGTH_MAX} digits")
    bank = asked.demanded("bankShortCode").upper()
    if bank not in BANKS:
        raise Malformed(asked.field("bankShortCode"), "must be one of the codes of GET /api/v4/banks")
    return number, bank
