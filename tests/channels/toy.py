"""A toy way to be paid: beads, red or blue, counted out against a code. It lies here until a test adds it to a copy."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from gerbang import channels
from gerbang.domain.calendars import Schedule
from gerbang.domain.fees import Rate
from gerbang.domain.merchants import Offer
from gerbang.domain.money import rupiah
from gerbang.domain.paycodes import CodePlan, Instructions
from gerbang.domain.payments import Payment
from gerbang.errors import ChannelNotEnabled

COLOURS = {"RED": "Red beads", "BLUE": "Blue beads"}


class ToyAgreement(msgspec.Struct, frozen=True):
    colours: list[str]
    beads_max: int = 100


class Toy:
    spec = channels.ChannelSpec(
        name="toy_beads",
        title="Toy beads",
        amount_min=rupiah(1_000),
        amount_max=rupiah(1_000_000),
        expiry_max=timedelta(days=2),
        expiry_is_capped=True,
        fee=Rate(flat=rupiah(100)),
        settling=Schedule(0),
        static=False,
        static_amount=False,
        options=COLOURS,
        agreement=ToyAgreement,
        texts=channels.PageTexts(
            title={"id": "Manik-manik", "en": "Beads"},
            act={"id": "Hitung {option} untuk kode ini", "en": "Count out {option} for this code"},
        ),
    )

    def default_agreement(self, number: int, name: str, *, sandbox: bool = False) -> ToyAgreement:
        return ToyAgreement(colours=list(COLOURS))

    def faults(self, agreed: ToyAgreement, at: str) -> Iterator[str]:
        if not 1 <= agreed.beads_max <= 1_000:
            yield f"{at}.beads_max must be 1 to 1000."

    def options(self, offer: Offer) -> list[str] | None:
        agreed = offer.merchant.agreement.settings(self.spec.name, ToyAgreement)
        return None if agreed is None else channels.options_of(self.spec, offer, agreed.colours)

    def plan(self, payment: Payment, offer: Offer, now: datetime) -> CodePlan:
        offered = self.options(offer)
        if offered is None:
            raise ChannelNotEnabled("method", title=self.spec.title)
        colour = channels.chosen_option(self.spec, payment, offered)
        channels.check_amount(self.spec, payment, offer)
        return CodePlan(
            channel=self.spec.name,
            option=colour,
            name=offer.merchant.short_name,
            amount=payment.amount,
            static=False,
            expires_at=channels.end_of(self.spec, payment, offer, now),
        )

    def instructions(self, code_plan: CodePlan, number: str) -> Instructions:
        return Instructions(
            number=number, name=code_plan.name, option=code_plan.option, expires_at=code_plan.expires_at
        )


CHANNEL = Toy()
