"""Retail outlets: the buyer says a payment code to the cashier of a convenience store and pays in cash.

Limits are each chain's own (one-time-payment reference, 2.3). A code is a number of Gerbang's, eight digits as
recorded from the vendor; the cashier types it or scans it as a barcode.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from gerbang import channels
from gerbang.domain import agreements
from gerbang.domain.calendars import Schedule
from gerbang.domain.fees import Rate
from gerbang.domain.merchants import NumberRange, Offer, part_of
from gerbang.domain.money import rupiah
from gerbang.domain.paycodes import CodePlan, Instructions
from gerbang.domain.payments import Payment
from gerbang.errors import ChannelNotEnabled, OutletMissing, OutletUnknown

OUTLETS = {"ALFAMART": "Alfamart", "INDOMARET": "Indomaret"}
CODES = NumberRange(prefix="", digits=8, first=10_000_000)
SANDBOX_CODES = NumberRange(prefix="", digits=7, first=1_000_000)
"""Seven digits, as the document's example prints them."""


class RetailAgreement(msgspec.Struct, frozen=True):
    """The outlets, and where payment codes come from."""

    outlets: list[str]
    codes: NumberRange


class RetailOutlet:
    spec = channels.ChannelSpec(
        name="retail_outlet",
        title="Retail outlet",
        amount_min=rupiah(10_000),
        amount_max=rupiah(5_000_000),
        limits_of={
            "ALFAMART": (rupiah(15_000), rupiah(2_500_000)),
            "INDOMARET": (rupiah(10_000), rupiah(5_000_000)),
        },
        expiry_max=timedelta(days=30),
        expiry_is_capped=False,
        fee=Rate(flat=rupiah(4_000)),
        settling=Schedule(3),
        static=False,
        static_amount=False,
        options=OUTLETS,
        agreement=RetailAgreement,
        shows="barcode",
        texts=channels.PageTexts(
            title={"id": "Bayar di gerai", "en": "Pay at a store"},
            hint={"id": "Tunai di kasir terdekat", "en": "In cash at the nearest store"},
            act={"id": "Tunjukkan kode ini di kasir {option}", "en": "Show this code to the cashier at {option}"},
        ),
    )

    def default_agreement(self, number: int, name: str, *, sandbox: bool = False) -> RetailAgreement:
        """Both chains, and codes of the range that all merchants share."""
        return RetailAgreement(outlets=list(OUTLETS), codes=SANDBOX_CODES if sandbox else CODES)

    def faults(self, agreed: RetailAgreement, at: str) -> Iterator[str]:
        yield from agreements.of_range(f"{at}.codes", agreed.codes)

    def options(self, offer: Offer) -> list[str] | None:
        agreed = offer.merchant.agreement.settings(self.spec.name, RetailAgreement)
        return None if agreed is None else channels.options_of(self.spec, offer, agreed.outlets)

    def plan(self, payment: Payment, offer: Offer, now: datetime) -> CodePlan:
        agreed = offer.merchant.agreement.settings(self.spec.name, RetailAgreement)
        offered = self.options(offer)
        if agreed is None or offered is None:
            raise ChannelNotEnabled("method", title=self.spec.title)
        method = payment.method
        outlet = method.option if method else None
        if not outlet:
            raise OutletMissing("option", offered=", ".join(offered))
        if outlet not in offered:
            raise OutletUnknown("option", outlet=outlet, offered=", ".join(offered))
        channels.check_amount(self.spec, payment, offer)
        return CodePlan(
            channel=self.spec.name,
            option=outlet,
            name=(method.payer_name.strip() if method else "") or offer.merchant.short_name,
            amount=payment.amount,
            static=False,
            expires_at=channels.end_of(self.spec, payment, offer, now),
            range=part_of(CODES, offer.merchant.id) if agreed.codes == CODES else agreed.codes,
        )

    def instructions(self, code_plan: CodePlan, number: str) -> Instructions:
        return Instructions(
            number=number, name=code_plan.name, option=code_plan.option, expires_at=code_plan.expires_at
        )


CHANNEL = RetailOutlet()
