"""The sandbox API's view of the ledger: account balances, and settlements with their charges."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gerbang.api._bodies import Malformed
from gerbang.api._ids import id_of
from gerbang.api.sandbox.endpoints import Endpoints, answer, limit
from gerbang.domain.charges import Charge
from gerbang.domain.money import two_places
from gerbang.domain.settlements import Settlement
from gerbang.errors import SettlementUnknown
from gerbang.services import sandbox, settlements


async def ledger(endpoints: Endpoints, request: Request) -> Response:
    """The balance of each account from this merchant's transfers alone; their sum is always zero."""
    merchant_id = await endpoints.merchant(request)
    balances = await sandbox.balances_of(endpoints.world, merchant_id)
    accounts = [{"name": name, "balance": two_places(balance)} for name, balance in balances.items()]
    return answer({"accounts": accounts, "sum": two_places(sum(balances.values()))})


async def listed(endpoints: Endpoints, request: Request) -> Response:
    """A merchant's settlements, newest first."""
    merchant_id = await endpoints.merchant(request)
    found = await settlements.newest(endpoints.world, merchant_id, limit(request))
    return answer({"items": [_settlement(settlement) for settlement in found]})


async def one(endpoints: Endpoints, request: Request) -> Response:
    """A settlement with one page of its charges, starting after the charge `after`."""
    merchant_id = await endpoints.merchant(request)
    id_ = id_of(request.path_params["id"])
    if id_ is None:
        raise SettlementUnknown
    after = request.query_params.get("after")
    behind = None if after is None else id_of(after)
    if after is not None and behind is None:
        raise Malformed("after", "must be the id of a charge")
    settlement, charges = await settlements.one(endpoints.world, merchant_id, id_, behind, limit(request))
    return answer(_settlement(settlement) | {"items": [_charge(charge) for charge in charges]})


def _settlement(settlement: Settlement) -> dict[str, Any]:
    return {
        "id": settlement.id,
        "settledOn": settlement.settled_on,
        "charges": settlement.charges,
        "gross": two_places(settlement.gross),
        "fees": two_places(settlement.fees),
        "net": two_places(settlement.net),
        "updatedAt": settlement.updated_at,
    }


def _charge(charge: Charge) -> dict[str, Any]:
    return {
        "chargeId": charge.id,
        "paymentId": charge.payment_id,
        "reference": charge.payment_reference,
        "amount": two_places(charge.amount),
        "fee": two_places(charge.fee),
        "paidAt": charge.paid_at,
        "settledAt": charge.settled_at,
    }
