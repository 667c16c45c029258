"""QRIS, the national QR standard: one code that every bank app and wallet can pay, dynamic or static.

The payload is composed here from the merchant's registration (NMID, merchant PAN); our reference travels in it as the bill
number (62-01) or the reference label (62-05), and comes back in the acquirer's report.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache

import msgspec

from gerbang import channels
from gerbang.domain import emv
from gerbang.domain.calendars import Schedule
from gerbang.domain.fees import Rate
from gerbang.domain.merchants import Offer
from gerbang.domain.money import rupiah
from gerbang.domain.paycodes import CodePlan, Instructions
from gerbang.domain.payments import Payment
from gerbang.errors import ChannelNotEnabled

STORE_DIGITS = 12
STATIC_QUOTA_MAX = 1_000_000


class QrisAgreement(msgspec.Struct, frozen=True):
    """The merchant's registration with its acquirer, as a QRIS payload carries it (EMVCo ids 26 to 62)."""

    acquirer: str
    globally_unique_id: str
    merchant_pan: str
    merchant_id: str
    criteria: str
    nmid: str
    category_code: str
    name: str
    city: str
    postal_code: str
    terminal: str = "A01"
    static_quota: int = 100


def agreement_for(
    merchant_number: int, name: str, city: str = "JAKARTA PUSAT", postal_code: str = "10110"
) -> QrisAgreement:
    """A registration for a merchant that has none yet: well formed, on an institution number that nobody holds.

    Codes with it can be read by every app and paid by none; an acquirer's own data take its place in production.
    """
    return QrisAgreement(
        acquirer="BNC",
        globally_unique_id="ID.CO.GERBANG.WWW",
        merchant_pan=f"93600990{merchant_number:010d}",
        merchant_id=f"G{merchant_number:011d}",
        criteria="UKE",
        nmid=f"ID2025{merchant_number:09d}",
        category_code="5399",
        name=name,
        city=city,
        postal_code=postal_code,
    )


class Qris:
    spec = channels.ChannelSpec(
        name="qris",
        title="QRIS",
        amount_min=rupiah(1_000),
        amount_max=rupiah(9_999_999),
        expiry_max=timedelta(minutes=60),
        expiry_is_capped=True,
        fee=Rate(percent=Decimal("0.7")),
        settling=Schedule(1),
        static=True,
        static_amount=False,
        agreement=QrisAgreement,
        shows="picture",
        texts=channels.PageTexts(
            title={"id": "QRIS", "en": "QRIS"},
            hint={
                "id": "Pindai dengan aplikasi bank atau dompet digital apa pun",
                "en": "Scan with any bank or wallet app",
            },
            act={"id": "Pindai kode QRIS ini", "en": "Scan this QRIS code"},
            number={"id": "Kode QRIS", "en": "QRIS code"},
        ),
    )

    def default_agreement(self, number: int, name: str, *, sandbox: bool = False) -> QrisAgreement:
        return agreement_for(number, name)

    def faults(self, agreed: QrisAgreement, at: str) -> Iterator[str]:
        if not 1 <= len(agreed.acquirer) <= 20 or not agreed.acquirer.isprintable():
            yield f"{at}.acquirer must be 1 to 20 letters that can be printed."
        if not 0 <= agreed.static_quota <= STATIC_QUOTA_MAX:
            yield f"{at}.static_quota must be 0 to {STATIC_QUOTA_MAX}."

    def options(self, offer: Offer) -> list[str] | None:
        return None if offer.merchant.agreement.settings(self.spec.name, QrisAgreement) is None else []

    def plan(self, payment: Payment, offer: Offer, now: datetime) -> CodePlan:
        agreed = self._agreed(offer)
        _account(agreed)  # so that what cannot be composed is known before a number is taken
        channels.check_amount(self.spec, payment, offer)
        return CodePlan(
            channel=self.spec.name,
            option=None,
            name=agreed.name,
            amount=payment.amount,
            static=payment.static,
            expires_at=channels.end_of(self.spec, payment, offer, now),
            static_max=agreed.static_quota if payment.static else None,
            settings=bytes(offer.merchant.agreement.channels[self.spec.name]).decode(),
        )

    def instructions(self, code_plan: CodePlan, number: str) -> Instructions:
        agreed = _settings(code_plan.settings)
        written = number[-emv.LABEL_LENGTH_MAX :]  # a partner's own number may be longer
        content = emv.compose(
            _account(agreed),
            amount=code_plan.amount,
            bill_number="" if code_plan.static else written,
            reference=written if code_plan.static else "",
        )
        return Instructions(
            number=number,
            name=agreed.name,
            content=content,
            acquirer=agreed.acquirer,
            store=number[-STORE_DIGITS:] if code_plan.static else "",
            expires_at=code_plan.expires_at,
        )

    def _agreed(self, offer: Offer) -> QrisAgreement:
        agreed = offer.merchant.agreement.settings(self.spec.name, QrisAgreement)
        if agreed is None:
            raise ChannelNotEnabled("method", title=self.spec.title)
        return agreed


@lru_cache(maxsize=1024)
def _settings(written: str) -> QrisAgreement:
    return msgspec.json.decode(written, type=QrisAgreement)


@lru_cache(maxsize=1024)
def _account(agreed: QrisAgreement) -> emv.MerchantAccount:
    return emv.MerchantAccount(
        acquirer=agreed.globally_unique_id,
        pan=agreed.merchant_pan,
        merchant_id=agreed.merchant_id,
        criteria=agreed.criteria,
        nmid=agreed.nmid,
        mcc=agreed.category_code,
        name=agreed.name,
        city=agreed.city,
        postcode=agreed.postal_code,
        terminal=agreed.terminal,
    )


CHANNEL = Qris()
