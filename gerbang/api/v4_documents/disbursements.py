"""/disbursements: money sent out, and /overviews: what there is to send."""

from typing import Literal
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from gerbang.api.v4_documents import listing, shapes
from gerbang.api.v4_documents.answers import Endpoints, answer, created, document, id_in_path
from gerbang.api.v4_documents.banks import account_of
from gerbang.api.v4_documents.events import PAYOUTS
from gerbang.api.v4_documents.requests import NAME_LENGTH_MAX, REFERENCE_LENGTH_MAX, attributes_of
from gerbang.domain.payouts import Destination, Payout, Search, State, differing
from gerbang.errors import PayoutUnknown
from gerbang.services import balances, payouts
from gerbang.services.payouts import NewPayout

STATUSES: tuple[State, ...] = ("pending", "processing", "completed", "failed")
CALLED = {
    "amount": "amount",
    "bank_code": "disbursementMethod.bankShortCode",
    "account_number": "disbursementMethod.bankAccountNo",
    "account_name": "disbursementMethod.bankAccountHolderName",
    "description": "description",
}
"""What the house's fields are called here."""
ENDS: tuple[Literal["complete"], Literal["fail"]] = ("complete", "fail")


async def create(endpoints: Endpoints, request: Request, merchant_id: UUID) -> Response:
    asked = await attributes_of(request)
    asked.rupiah_only()
    amount = asked.amount()
    reference = asked.demanded("referenceId", REFERENCE_LENGTH_MAX)
    method = asked.member("disbursementMethod")
    if method.text("type") is not None:
        method.one_of("type", ("bank_transfer",))
    number, bank = account_of(method, "bankAccountNo")
    destination = Destination(
        kind="bank_transfer",
        bank_code=bank,
        account_number=number,
        account_name=method.text("bankAccountHolderName", NAME_LENGTH_MAX) or "",
    )
    description = asked.text("description", lines=True)
    made = await payouts.create(
        endpoints.world, NewPayout(merchant_id, PAYOUTS, reference, amount, destination, description)
    )
    differs = [CALLED[name] for name in differing(made, amount, destination, description)]
    return created(document(shapes.payout(made)), merchant_id, differs)


def _id(request: Request) -> UUID:
    id_ = id_in_path(request, "contract_")
    if id_ is None:
        raise PayoutUnknown
    return id_


async def read(endpoints: Endpoints, request: Request, merchant_id: UUID) -> Response:
    return answer(document(shapes.payout(await payouts.read(endpoints.world, merchant_id, _id(request)))))


async def listed(endpoints: Endpoints, request: Request, merchant_id: UUID) -> Response:
    query = listing.query_of(request, STATUSES)

    async def page(query: listing.Query) -> list[Payout]:
        search = Search(
            created_after=query.created_after,
            created_before=query.created_before,
            state=next((status for status in STATUSES if status == query.status), None),
            reference=query.reference,
            newest_first=query.newest_first,
        )
        return await payouts.page(endpoints.world, merchant_id, search, query.number, query.size)

    found = await listing.looked_up(query, page)
    return answer(document([shapes.payout(payout) for payout in found]))


async def tasks(endpoints: Endpoints, request: Request, merchant_id: UUID) -> Response:
    """The word of the simulator bank: the money arrived, or came back (reference, section 6)."""
    asked = await attributes_of(request)
    action = asked.one_of("action", ENDS)
    ended = await payouts.finish(endpoints.world, merchant_id, _id(request), action)
    return answer(document(shapes.task(f"contract_{ended.id.hex}", "disbursement", action)), 202)


async def balance(endpoints: Endpoints, request: Request, merchant_id: UUID) -> Response:
    """Total is available and pending; what is on its way out is in neither (reference, 7.4)."""
    found = await balances.overview(endpoints.world, merchant_id)
    attributes = {
        "totalBalance": shapes.money(found.total),
        "availableBalance": shapes.money(found.available),
        "pendingBalance": shapes.money(found.pending),
    }
    return answer(document({"attributes": attributes}))
