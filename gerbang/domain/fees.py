"""What a merchant pays for a charge: a flat part and a percentage, with value added tax on top."""

from decimal import Decimal

import msgspec

from gerbang.domain.money import half_up

VAT_PERCENT = Decimal(11)
"""PPN on payment services; the vendors' recorded fees solve exactly as base x 1.11."""


class Rate(msgspec.Struct, frozen=True):
    """A price: `flat` in minor units plus `percent` of the amount, both before VAT."""

    flat: int = 0
    percent: Decimal = Decimal(0)
    vat_percent: Decimal = VAT_PERCENT


class Fee(msgspec.Struct, frozen=True):
    """A fee in minor units: `total` is what the merchant pays, `vat` the part of it that is tax."""

    total: int
    vat: int

    @property
    def net(self) -> int:
        return self.total - self.vat


def fee_of(rate: Rate, amount: int) -> Fee:
    """The fee for `amount` minor units. Total and tax-free part are each rounded half up; the tax is the difference."""
    net = rate.flat + amount * rate.percent / 100
    total = half_up(net * (100 + rate.vat_percent) / 100)
    return Fee(total=total, vat=total - half_up(Decimal(net)))
