"""/banks and /validation_services: the banks that payouts can go to, and the name of an account's holder."""

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
    attributes = await attributes_of(request)
    number, bank = account_of(attributes, "accountNo")
    name = await payouts.account_name(endpoints.world, merchant_id, bank, number)
    result = {"accountName": name, "accountNo": number, "bankShortCode": bank}
    return answer(document({"attributes": result}), 201)


def account_of(attributes: Attributes, name: str) -> tuple[str, str]:
    """The account number and the bank code in a request; `name` is the field of the number. Raises Malformed."""
    number = attributes.digits(name)
    if number is None:
        raise Malformed(attributes.field(name), "is required")
    if len(number) > ACCOUNT_LENGTH_MAX:
        raise Malformed(attributes.field(name), f"must have at most {ACCOUNT_LENGTH_MAX} digits")
    bank = attributes.demanded("bankShortCode").upper()
    if bank not in BANKS:
        raise Malformed(attributes.field("bankShortCode"), "must be one of the codes of GET /api/v4/banks")
    return number, bank
