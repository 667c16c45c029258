"""How charges that are settled together are grouped into one part per merchant and day."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gerbang.domain.charges import Charge
from gerbang.domain.settlements import Part, Settlement, parts_of
from tests.domain.samples import CHARGE, NOW

DAY = date(2025, 3, 31)
merchants = st.integers(1, 3).map(lambda number: UUID(int=number))
days = st.integers(0, 2).map(lambda later: DAY + timedelta(days=later))


def _charge(merchant_id: UUID, amount: int, fee: int) -> Charge:
    return replace(CHARGE, merchant_id=merchant_id, amount=amount, fee=fee)


charges = st.builds(_charge, merchants, st.integers(1, 10**12), st.integers(0, 10**7))


@given(st.lists(st.tuples(charges, days), max_size=30))
def test_every_charge_is_counted_exactly_once(settled: Sequence[tuple[Charge, date]]) -> None:
    parts = parts_of(settled)
    assert sum(part.charges for part in parts) == len(settled)
    assert sum(part.gross for part in parts) == sum(charge.amount for charge, _ in settled)
    assert sum(part.fees for part in parts) == sum(charge.fee for charge, _ in settled)


@given(st.lists(st.tuples(charges, days), max_size=30))
def test_each_merchant_and_day_has_one_part_in_sorted_order(settled: Sequence[tuple[Charge, date]]) -> None:
    parts = parts_of(settled)
    named = [(part.merchant_id, part.settled_on) for part in parts]
    # Sorted, so that two workers lock settlements in the same order and cannot deadlock.
    assert named == sorted({(charge.merchant_id, day) for charge, day in settled})
    for part in parts:
        own = [charge for charge, day in settled if (charge.merchant_id, day) == (part.merchant_id, part.settled_on)]
        assert part == Part(
            part.merchant_id, part.settled_on, len(own), sum(c.amount for c in own), sum(c.fee for c in own)
        )


def test_the_net_of_a_settlement_is_gross_less_fees() -> None:
    settlement = Settlement(
        id=UUID(int=9),
        merchant_id=CHARGE.merchant_id,
        settled_on=DAY,
        charges=2,
        gross=4_000_000,
        fees=888_000,
        created_at=NOW,
        updated_at=NOW,
    )
    assert settlement.net == 3_112_000
    assert replace(settlement, fees=5_000_000).net == -1_000_000, "old charges may have fees above their amount"
