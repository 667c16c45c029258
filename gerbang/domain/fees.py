"""What a merchant pays for a charge: a flat part and a percentage, with value added tax on top."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec

VAT_PERCENT = Decimal(11)
"""PPN on payment services; the vendors' recorded fees solve exactly as base x 1.11."""
VAT_PERCENT_BEFORE = Decimal(10)
"""PPN until the end of March 2022 (law 7 of 2021); the fees in documents of 2020 solve exactly as base x 1.10."""
VAT_RAISED_AT = datetime(2022, 3, 31, 17, tzinfo=UTC)
"""The first of April 2022, 00:00 in Jakarta."""


class Rate(msgspec.Struct, frozen=True):
    """A price: `flat` in minor units plus `percent` of the amount, both before VAT."""

    flat: int = 0
    percent: Decimal = Decimal(0)
    vat_percent: Decimal | None = None
    """None: what the law says on the day."""


class Fee(msgspec.Struct, frozen=True):
    """A fee in minor units: `total` is what the merchant pays, `vat` the part of it that is tax."""

    total: int
    vat: int

    @property
    def net(self) -> int:
        return self.total - self.vat


def vat_percent(at: datetime) -> Decimal:
    """Value added tax on the services of a payment gateway, as the law has it at an instant."""
    return VAT_PERCENT if at >= VAT_RAISED_AT else VAT_PERCENT_BEFORE


def fee_of(rate: Rate, amount: int, at: datetime) -> Fee:
    """The fee for `amount` minor units. Total and tax-free part are each rounded half up; the tax is the difference.

    It is reckoned in whole numbers, so no percentage is too long and no amount too large to be right to the sen.
    """
    share, of = rate.percent.as_integer_ratio()
    tax, whole = (vat_percent(at) if rate.vat_percent is None else rate.vat_percent).as_integer_ratio()
    net, unit = rate.flat * 100 * of + amount * share, 100 * of
    total = _half_up(net * (100 * whole + tax), unit * 100 * whole)
    return Fee(total=total, vat=total - _half_up(net, unit))


def fee_out_of(rate: Rate, amount: int, at: datetime) -> Fee:
    """The fee that is taken out of `amount` minor units when they are settled: as `fee_of`, and at most all of them."""
    fee = fee_of(rate, amount, at)
    if fee.total <= amount:
        return fee
    tax, whole = (vat_percent(at) if rate.vat_percent is None else rate.vat_percent).as_integer_ratio()
    return Fee(total=amount, vat=amount - _half_up(amount * 100 * whole, 100 * whole + tax))


def _half_up(amount: int, unit: int) -> int:
    """`amount / unit` (neither negative) as a whole number, a half rounded up: the rounding of every fee."""
    return (2 * amount + unit) // (2 * unit)
