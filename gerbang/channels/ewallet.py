"""E-wallets: the buyer is sent to the wallet's own page or app, agrees there or declines, and is sent back.

Our reference travels with the buyer and comes back in the wallet's report. A partner that makes the payment says where its page is;
in a sandbox without one there is the simulator's wallet, whose page is Gerbang's own.
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
from gerbang.errors import ChannelNotEnabled, ReturnUrlMissing, WalletAccountMissing, WalletMissing, WalletUnknown

WALLETS = {"DANA": "DANA", "SHOPEEPAY": "ShopeePay", "OVO": "OVO"}
PUSHED = frozenset({"OVO"})
"""Wallets that need no page: the app notifies the buyer whose phone number is known."""
PUSH_LASTS = timedelta(seconds=55)
"""How long the app waits for its buyer. The wallet publishes about a minute; ours is over first, so that nothing is paid late."""


class EwalletAgreement(msgspec.Struct, frozen=True):
    wallets: list[str]


class Ewallet:
    spec = channels.ChannelSpec(
        name="ewallet",
        title="E-wallet",
        # The most that a wallet's verified user may hold (one-time-payment reference, 2.3).
        amount_min=rupiah(1),
        amount_max=rupiah(10_000_000),
        expiry_max=timedelta(days=30),
        expiry_is_capped=False,
        fee=Rate(percent=Decimal("1.5")),
        settling=Schedule(1),
        static=False,
        static_amount=False,
        options=WALLETS,
        agreement=EwalletAgreement,
        shows="wallet",
        texts=channels.PageTexts(
            title={"id": "Dompet digital", "en": "E-wallet"},
            hint={"id": "Setujui di aplikasinya", "en": "Approve in its app"},
            act={"id": "Bayar dengan {option}", "en": "Pay with {option}"},
            press={"id": "Buka {option}", "en": "Open {option}"},
            number={"id": "Nomor transaksi", "en": "Transaction number"},
        ),
    )

    def default_agreement(self, number: int, name: str, *, sandbox: bool = False) -> EwalletAgreement:
        """Every wallet."""
        return EwalletAgreement(wallets=list(WALLETS))

    def faults(self, agreed: EwalletAgreement, at: str) -> Iterator[str]:
        yield from ()

    def options(self, offer: Offer) -> list[str] | None:
        agreed = offer.merchant.agreement.settings(self.spec.name, EwalletAgreement)
        return None if agreed is None else channels.options_of(self.spec, offer, agreed.wallets)

    def plan(self, payment: Payment, offer: Offer, now: datetime) -> CodePlan:
        offered = self.options(offer)
        if offered is None:
            raise ChannelNotEnabled("method", title=self.spec.title)
        method = payment.method
        wallet = method.option if method else None
        if not wallet:
            raise WalletMissing("option", offered=", ".join(offered))
        if wallet not in offered:
            raise WalletUnknown("option", wallet=wallet, offered=", ".join(offered))
        pushed = wallet in PUSHED and not payment.details.redirect
        account = method.account if method else ""
        if pushed and not account:
            raise WalletAccountMissing("account", wallet=WALLETS[wallet])
        if offer.terms.return_url_needed and method and method.return_url is None and not payment.details.redirect:
            raise ReturnUrlMissing("return_url")
        channels.check_amount(self.spec, payment, offer)
        return CodePlan(
            channel=self.spec.name,
            option=wallet,
            name=offer.merchant.short_name,
            amount=payment.amount,
            static=False,
            expires_at=channels.end_of(self.spec, payment, offer, now, strict=payment.details.strict_expiry),
            account=account,
            pushed=pushed,
        )

    def instructions(self, code_plan: CodePlan, number: str) -> Instructions:
        return Instructions(
            number=number,
            name=code_plan.name,
            option=code_plan.option,
            expires_at=code_plan.expires_at,
            account=code_plan.account,
        )


CHANNEL = Ewallet()
