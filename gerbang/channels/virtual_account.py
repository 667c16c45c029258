"""Virtual accounts: the buyer transfers to a number that stands for one payment, or to a standing one of the merchant's.

Three kinds (payment-session reference, 6.1): closed dynamic (SINGLE), open static and closed static (MULTIPLE). Banks differ
only in data: the digits that a merchant may choose, and, per merchant, the prefixes and ranges agreed with the bank.
"""

from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from gerbang import channels
from gerbang.domain.fees import Rate
from gerbang.domain.merchants import BankAgreement, Merchant, NumberRange, VirtualAccountAgreement
from gerbang.domain.money import rupiah
from gerbang.domain.paycodes import Block, Opening
from gerbang.domain.payments import Payment
from gerbang.errors import BankMissing, BankUnknown, ChannelNotEnabled, MethodMissing, NumberOutsideRange


class Bank(msgspec.Struct, frozen=True):
    """A bank's facts: the digits of a suffix, and the four-digit company codes that our numbers begin with."""

    code: str
    title: str
    static_digits: int
    static_company: str
    dynamic_company: str


BANKS = {
    bank.code: bank
    for bank in (
        # Digits are the reference's (6.1); Danamon's are not published and chosen here. Company codes are settings of an
        # installation: contract data in production, and Permata's as the reference observed them.
        Bank("BCA", "BCA", 6, "1401", "1402"),
        Bank("BRI", "BRI", 7, "1269", "1270"),
        Bank("MANDIRI", "Bank Mandiri", 7, "8861", "8862"),
        Bank("BNI", "BNI", 4, "9881", "9882"),
        Bank("BSI", "Bank Syariah Indonesia", 8, "9001", "9002"),
        Bank("CIMB", "CIMB Niaga", 8, "5919", "5920"),
        Bank("PERMATA", "Bank Permata", 8, "7699", "7663"),
        Bank("BNC", "Bank Neo Commerce", 4, "9011", "9012"),
        Bank("DANAMON", "Bank Danamon", 8, "7915", "7916"),
    )
}

STATIC_RANGE_DEFAULT = (0, 99)
DYNAMIC_DIGITS = 8
NAME_LENGTH_MAX = 100


def agreement_for(merchant_number: int) -> VirtualAccountAgreement:
    """What a new merchant gets: every bank, the documented default static ranges, and the house's dynamic numbers."""
    return VirtualAccountAgreement(
        banks={
            code: BankAgreement(
                dynamic=NumberRange(prefix=f"{bank.dynamic_company}0000", digits=DYNAMIC_DIGITS),
                static_prefix=f"{bank.static_company}{merchant_number:04d}",
                static_digits=bank.static_digits,
                static_ranges=[STATIC_RANGE_DEFAULT],
            )
            for code, bank in BANKS.items()
        }
    )


class VirtualAccount:
    facts = channels.Facts(
        name="virtual_account",
        title="Virtual account",
        amount_min=rupiah(10_000),
        amount_max=rupiah(9_999_999_999),
        expiry_max=timedelta(days=30),
        expiry_is_capped=False,
        fee=Rate(flat=rupiah(4_000), percent=Decimal(0)),
        settled_after_working_days=1,
        standing=True,
        standing_amount=True,
    )

    def options(self, merchant: Merchant) -> list[str] | None:
        agreed = merchant.agreement.virtual_account
        return None if agreed is None else list(agreed.banks)

    def open(self, payment: Payment, merchant: Merchant, now: datetime) -> Opening:
        method = payment.method
        if method is None:
            raise MethodMissing("method")
        channels.check_amount(self.facts, payment, merchant)
        bank = self._bank(method.option, merchant)
        ends_at = channels.end_of(self.facts, payment, now)
        name = method.payer_name.strip()
        if payment.standing:
            return Opening(
                channel=self.facts.name,
                option=method.option,
                name=name or merchant.short_name,
                amount=payment.amount,
                standing=True,
                expires_at=ends_at,
                chosen=None if method.number is None else _static_number(bank, method.number),
                range=_static_range(bank) if method.number is None else None,
            )
        return Opening(
            channel=self.facts.name,
            option=method.option,
            # A buyer at the cash machine sees whom they pay before the name that the merchant gave.
            name=f"{merchant.short_name} - {name}" if name else merchant.short_name,
            amount=payment.amount,
            standing=False,
            expires_at=ends_at,
            range=bank.dynamic,
            taken_out=_static_part(bank),
        )

    def block(self, opening: Opening, number: str, merchant: Merchant, now: datetime) -> Block:
        return Block(number=number, name=opening.name, option=opening.option, expires_at=opening.expires_at)

    def _bank(self, option: str | None, merchant: Merchant) -> BankAgreement:
        agreed = merchant.agreement.virtual_account
        if agreed is None:
            raise ChannelNotEnabled("method", title=self.facts.title)
        offered = ", ".join(agreed.banks)
        if not option:
            raise BankMissing("option", title=self.facts.title, offered=offered)
        if option not in agreed.banks:
            raise BankUnknown("option", bank=option, title=self.facts.title, offered=offered)
        return agreed.banks[option]


def _static_number(bank: BankAgreement, suffix: str) -> str:
    """The full number of a suffix that the merchant chose. Raises NumberOutsideRange."""
    right = suffix.isascii() and suffix.isdigit() and len(suffix) == bank.static_digits
    if not right or not any(first <= int(suffix) <= last for first, last in bank.static_ranges):
        ranges = ", ".join(
            f"{first:0{bank.static_digits}d}-{last:0{bank.static_digits}d}" for first, last in bank.static_ranges
        )
        raise NumberOutsideRange("number", digits=bank.static_digits, ranges=ranges)
    return bank.static_prefix + suffix


def _static_range(bank: BankAgreement) -> NumberRange:
    """Where a static number comes from when the merchant did not choose one: the first agreed range."""
    first, last = bank.static_ranges[0]
    return NumberRange(prefix=bank.static_prefix, digits=bank.static_digits, first=first, last=last)


def _static_part(bank: BankAgreement) -> tuple[tuple[int, int], ...]:
    """The part of the dynamic numbers that is kept for static ones, where a bank gave one prefix for both."""
    same = bank.dynamic.prefix == bank.static_prefix and bank.dynamic.digits == bank.static_digits
    return tuple(bank.static_ranges) if same else ()


CHANNEL = VirtualAccount()
