"""Retail outlets: the buyer says a payment code at the till of a convenience store and pays in cash.

Limits are each chain's own (one-time-payment reference, 2.3). A code is a number of the house, eight digits as
recorded from the vendor; at the till it is typed or scanned as a barcode.
"""

from datetime import datetime, timedelta

from gerbang import channels
from gerbang.domain.calendars import Schedule
from gerbang.domain.fees import Rate
from gerbang.domain.merchants import Merchant, NumberRange, RetailAgreement, part_of
from gerbang.domain.money import rupiah
from gerbang.domain.paycodes import CodePlan, Instructions
from gerbang.domain.payments import Payment
from gerbang.errors import ChannelNotEnabled, OutletMissing, OutletUnknown

OUTLETS = {"ALFAMART": "Alfamart", "INDOMARET": "Indomaret"}
CODES = NumberRange(prefix="", digits=8, first=10_000_000)


def agreement_for() -> RetailAgreement:
    """What a new merchant gets: both chains, and codes of the whole house."""
    return RetailAgreement(outlets=list(OUTLETS), codes=CODES)


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
    )

    def options(self, merchant: Merchant) -> list[str] | None:
        agreed = merchant.agreement.retail_outlet
        return None if agreed is None else channels.options_of(self.spec, merchant, agreed.outlets)

    def plan(self, payment: Payment, merchant: Merchant, now: datetime) -> CodePlan:
        agreed, offered = merchant.agreement.retail_outlet, self.options(merchant)
        if agreed is None or offered is None:
            raise ChannelNotEnabled("method", title=self.spec.title)
        method = payment.method
        outlet = method.option if method else None
        if not outlet:
            raise OutletMissing("option", offered=", ".join(offered))
        if outlet not in offered:
            raise OutletUnknown("option", outlet=outlet, offered=", ".join(offered))
        channels.check_amount(self.spec, payment, merchant)
        return CodePlan(
            channel=self.spec.name,
            option=outlet,
            name=(method.payer_name.strip() if method else "") or merchant.short_name,
            amount=payment.amount,
            static=False,
            expires_at=channels.end_of(self.spec, payment, merchant, now),
            range=part_of(CODES, merchant.id) if agreed.codes == CODES else agreed.codes,
        )

    def instructions(self, code_plan: CodePlan, number: str, merchant: Merchant, now: datetime) -> Instructions:
        return Instructions(
            number=number, name=code_plan.name, option=code_plan.option, expires_at=code_plan.expires_at
        )


CHANNEL = RetailOutlet()
