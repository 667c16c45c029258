"""/disbursements: payouts; and /overviews: the balances from which they are paid."""

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
from gerbang.services import balances, payouts, simulations
from gerbang.services.payouts import NewPayout

STATUSES: tuple[State, ...] = ("pending", "processing", "completed", "failed")
FIELD_NAMES = {
    "amount": "amount",
    "bank_code": "disbursementMethod.bankShortCode",
    "account_number": "disbursementMethod.bankAccountNo",
    "account_name": "disbursementMethod.bankAccountHolderName",
    "description": "description",
}
"""The name in this API of each field in which two payouts may differ."""
ENDS: tuple[Literal["complete"], Literal["fail"]] = ("complete", "fail")


async def create(endpoints: Endpoints, request: Request, merchant_id: UUID) -> Response:
    attributes = await attributes_of(request)
    attributes.rupiah_only()
    amount = attributes.amount()
    reference = attributes.demanded("referenceId", REFERENCE_LENGTH_MAX)
    method = attributes.member("disbursementMethod")
    if method.text("type") is not None:
        method.one_of("type", ("bank_transfer",))
    number, bank = account_of(method, "bankAccountNo")
    destination = Destination(
        kind="bank_transfer",
        bank_code=bank,
        account_number=number,
        account_name=method.text("bankAccountHolderName", NAME_LENGTH_MAX) or "",
    )
    description = attributes.text("description", lines=True)
    made = await payouts.create(
        endpoints.world, NewPayout(merchant_id, PAYOUTS, reference, amount, destination, description)
    )
    differs = [FIELD_NAMES[name] for name in differing(made, amount, destination, description)]
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
    """Completes or fails a payout as the simulator bank would (reference, section 6)."""
    attributes = await attributes_of(request)
    action = attributes.one_of("action", ENDS)
    ended = await simulations.finish(endpoints.world, merchant_id, _id(request), action)
    return answer(document(shapes.task(f"contract_{ended.id.hex}", "disbursement", action)), 202)


async def balance(endpoints: Endpoints, request: Request, merchant_id: UUID) -> Response:
    """The balances. The total is available plus pending; what payouts have reserved is in neither (reference, 7.4)."""
    found = await balances.overview(endpoints.world, merchant_id)
    attributes = {
        "totalBalance": shapes.money(found.total),
        "availableBalance": shapes.money(found.available),
        "pendingBalance": shapes.money(found.pending),
    }
    return answer(document({"attributes": attributes}))
