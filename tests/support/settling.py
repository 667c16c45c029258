"""Money that is settled: two processes and a merchant that is paid, and what its ledger must then be."""

from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from gerbang.domain.ledger import available, pending
from gerbang.domain.merchants import Merchant
from gerbang.domain.money import rupiah
from gerbang.domain.payments import Method
from gerbang.services import balances
from tests.support.services import PRICE, Services, forget_power_cuts, money, number, order, services

FEE, VAT = rupiah(4_000), rupiah(440)
"""Of a virtual account, where nothing was agreed."""
AFTER_EID = datetime(2025, 4, 8, 3, tzinfo=UTC)
"""10:00 in Jakarta on the first working day after the tests' START, a Sunday on the eve of Idul Fitri."""
BRI = Method(channel="virtual_account", option="BRI")
BCA = Method(channel="virtual_account", option="BCA")
"""BRI settles at once, BCA on the next working day."""

Start = Callable[[], AbstractAsyncContextManager[tuple[Services, Services]]]


@asynccontextmanager
async def two_processes_on(url: str) -> AsyncGenerator[tuple[Services, Services]]:
    """Two processes on one database and one clock, which stands still."""
    await forget_power_cuts(url)
    async with services(url) as one, services(url, clock=one.clock) as two:
        yield one, two


async def paid(here: Services, merchant: Merchant, method: Method = BCA, amount: int = PRICE, **asked: Any) -> UUID:
    """A payment that is paid; its charge."""
    paid_to = number(await here.batches.create(order(merchant.id, method=method, amount=amount, **asked)))
    booked = await here.batches.report(money(paid_to, amount=amount, channel=method.channel))
    assert booked.outcome == "booked"
    assert booked.charge_id is not None
    return booked.charge_id


async def charge_of(here: Services, charge_id: UUID) -> dict[str, Any]:
    (row,) = await here.rows("SELECT * FROM charges WHERE id = $1", charge_id)
    return row


async def accounts(here: Services, merchant: Merchant) -> tuple[int, int, int, int]:
    """What is pending and available for the merchant, and what the platform has earned and owes in tax."""
    found = {
        row["name"]: -row["balance"]
        for row in await here.rows("SELECT name, sum(balance) AS balance FROM accounts GROUP BY name")
    }
    names = pending(merchant.id), available(merchant.id), "platform/fees", "platform/vat"
    pending_, available_, fees, vat = (int(found.get(name, 0)) for name in names)
    return pending_, available_, fees, vat


async def check_ledger(here: Services) -> None:
    """Every settlement is the sum of its charges and of what was transferred, and what is not settled is pending."""
    assert await here.faults() == []
    charges = await here.rows("SELECT * FROM charges WHERE state = 'succeeded'")
    days = await here.rows("SELECT * FROM settlements")
    for day in days:
        own = [charge for charge in charges if charge["settlement_id"] == day["id"]]
        sums = len(own), sum(charge["amount"] for charge in own), sum(charge["fee"] for charge in own)
        assert (day["charges"], day["gross"], day["fees"]) == sums
        assert {charge["merchant_id"] for charge in own} == {day["merchant_id"]}
    moved: Counter[tuple[UUID, str]] = Counter()
    for line in await here.rows("SELECT * FROM transfers"):
        moved[line["merchant_id"], line["reason"]] += line["amount"]
    for merchant_id in {charge["merchant_id"] for charge in charges}:
        own = [day for day in days if day["merchant_id"] == merchant_id]
        assert moved[merchant_id, "settled"] == sum(day["gross"] for day in own)
        assert moved[merchant_id, "fee"] + moved[merchant_id, "vat"] == sum(day["fees"] for day in own)
        left = [c["amount"] for c in charges if c["merchant_id"] == merchant_id and c["settled_at"] is None]
        has = await balances.overview(here.world, merchant_id)
        assert (has.pending, has.available) == (sum(left), sum(day["gross"] - day["fees"] for day in own))
