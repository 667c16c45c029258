"""Cards: an acquirer holds the buyer's money, once their bank has agreed, and takes it now or when the merchant says so.

The card itself never comes here: what is planned is how much, until when, and by which network. (docs/decisions/0081-cards.md)
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from gerbang import channels
from gerbang.domain.calendars import Schedule
from gerbang.domain.fees import Rate
from gerbang.domain.merchants import Offer
from gerbang.domain.money import rupiah
from gerbang.domain.paycodes import CodePlan, Instructions
from gerbang.domain.payments import Payment
from gerbang.errors import ChannelNotEnabled

NETWORKS = {
    "VISA": "Visa",
    "MASTERCARD": "Mastercard",
    "JCB": "JCB",
    "AMEX": "American Express",
    "UNIONPAY": "UnionPay",
    "DINERS": "Diners Club",
    "DISCOVER": "Discover",
}
USUAL = ("VISA", "MASTERCARD", "JCB")
"""The networks of a new merchant; the others need a contract (payment-session reference, 6.4)."""


class CardAgreement(msgspec.Struct, frozen=True):
    networks: list[str]
    raw_numbers: bool = False
    """Whether the merchant may send card numbers as they are, which asks for PCI DSS SAQ-D of it."""


class CardChannel:
    spec = channels.ChannelSpec(
        name="card",
        title="Card",
        # The limits of the payment-session reference, 3.10.
        amount_min=rupiah(10_000),
        amount_max=rupiah(9_999_999_999),
        expiry_max=timedelta(days=30),
        expiry_is_capped=True,
        # Ours, and what Indonesian acquirers ask for about: the vendor's fees are a matter of its contracts.
        fee=Rate(flat=rupiah(2_000), percent=Decimal("2.9")),
        settling=Schedule(2),
        static=False,
        static_amount=False,
        options=NETWORKS,
        agreement=CardAgreement,
        shows="card",
        texts=channels.PageTexts(
            title={"id": "Kartu kredit atau debit", "en": "Credit or debit card"},
            hint={"id": "Visa, Mastercard, JCB", "en": "Visa, Mastercard, JCB"},
            act={"id": "Bayar dengan kartu", "en": "Pay by card"},
            press={"id": "Lanjut ke bank Anda", "en": "Go on to your bank"},
            number={"id": "Nomor transaksi", "en": "Transaction number"},
        ),
    )

    def default_agreement(self, number: int, name: str, *, sandbox: bool = False) -> CardAgreement:
        """The usual networks; in a sandbox card numbers may be sent as they are, since they are nobody's."""
        return CardAgreement(networks=list(USUAL), raw_numbers=sandbox)

    def faults(self, agreed: CardAgreement, at: str) -> Iterator[str]:
        for network in agreed.networks:
            if network not in NETWORKS:
                yield f"{at}.networks: {network} is no card network; there are {', '.join(NETWORKS)}."

    def options(self, offer: Offer) -> list[str] | None:
        agreed = offer.merchant.agreement.settings(self.spec.name, CardAgreement)
        return None if agreed is None else channels.options_of(self.spec, offer, agreed.networks)

    def plan(self, payment: Payment, offer: Offer, now: datetime) -> CodePlan:
        offered = self.options(offer)
        if offered is None:
            raise ChannelNotEnabled("method", title=self.spec.title)
        network = (
            channels.chosen_option(self.spec, payment, offered) if payment.method and payment.method.option else None
        )
        channels.check_amount(self.spec, payment, offer)
        return CodePlan(
            channel=self.spec.name,
            option=network,
            name=offer.merchant.short_name,
            amount=payment.amount,
            static=False,
            expires_at=channels.end_of(self.spec, payment, offer, now),
        )

    def instructions(self, code_plan: CodePlan, number: str) -> Instructions:
        return Instructions(
            number=number, name=code_plan.name, option=code_plan.option, expires_at=code_plan.expires_at
        )


CHANNEL = CardChannel()
