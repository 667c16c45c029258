"""A settlement is what became available to one merchant on one day in Jakarta: its charges, and what they add up to."""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

import msgspec

from gerbang.domain.charges import Charge


class Settlement(msgspec.Struct, frozen=True):
    """`net` of it went to the merchant's available balance. Amounts in minor units."""

    id: UUID
    merchant_id: UUID
    settled_on: date
    charges: int
    gross: int
    fees: int
    """VAT included."""
    created_at: datetime
    updated_at: datetime

    @property
    def net(self) -> int:
        return self.gross - self.fees


class Part(msgspec.Struct, frozen=True):
    """What charges that are settled together add to their settlement."""

    merchant_id: UUID
    settled_on: date
    charges: int
    gross: int
    fees: int


def parts_of(settled: Iterable[tuple[Charge, date]]) -> list[Part]:
    """What each merchant's settlement of each day grows by, in the order of merchants and days."""
    sums: dict[tuple[UUID, date], tuple[int, int, int]] = {}
    for charge, day in settled:
        count, gross, fees = sums.get((charge.merchant_id, day), (0, 0, 0))
        sums[charge.merchant_id, day] = count + 1, gross + charge.taken, fees + charge.fee
    return [Part(merchant_id, day, *numbers) for (merchant_id, day), numbers in sorted(sums.items())]
