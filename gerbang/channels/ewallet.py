"""E-wallets: the buyer is sent to the wallet's own page or app, agrees there or declines, and is sent back.

Our reference travels with the buyer and comes back in the wallet's report. Only the simulator's wallet exists so far, so
it is offered in the sandbox alone; the page that it shows is the house's own.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from gerbang import channels
from gerbang.domain.calendars import Schedule
from gerbang.domain.fees import Rate
from gerbang.domain.merchants import EwalletAgreement, Merchant
from gerbang.domain.money import rupiah
from gerbang.domain.paycodes import CodePlan, Instructions
from gerbang.domain.payments import Payment
from gerbang.errors import ChannelNotEnabled, ReturnUrlMissing, WalletMissing, WalletUnknown

WALLETS = {"SHOPEEPAY": "ShopeePay"}


def agreement_for() -> EwalletAgreement:
    """What a new merchant gets: every wallet."""
    return EwalletAgreement(wallets=list(WALLETS))


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
        needs_connection=True,
    )

    def options(self, merchant: Merchant) -> list[str] | None:
        agreed = merchant.agreement.ewallet
        return None if agreed is None else channels.options_of(self.spec, merchant, agreed.wallets)

    def plan(self, payment: Payment, merchant: Merchant, now: datetime) -> CodePlan:
        offered = self.options(merchant)
        if offered is None:
            raise ChannelNotEnabled("method", title=self.spec.title)
        method = payment.method
        wallet = method.option if method else None
        if not wallet:
            raise WalletMissing("option", offered=", ".join(offered))
        if wallet not in offered:
            raise WalletUnknown("option", wallet=wallet, offered=", ".join(offered))
        if method is not None and method.return_url is None and not payment.details.redirect:
            raise ReturnUrlMissing("return_url")
        channels.check_amount(self.spec, payment, merchant)
        return CodePlan(
            channel=self.spec.name,
            option=wallet,
            name=merchant.short_name,
            amount=payment.amount,
            static=False,
            expires_at=channels.end_of(self.spec, payment, merchant, now),
        )

    def instructions(self, code_plan: CodePlan, number: str, merchant: Merchant, now: datetime) -> Instructions:
        return Instructions(
            number=number, name=code_plan.name, option=code_plan.option, expires_at=code_plan.expires_at
        )


CHANNEL = Ewallet()
