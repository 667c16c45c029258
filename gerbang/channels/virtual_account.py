"""Virtual accounts: the buyer transfers to a number that stands for one payment, or to a static one of the merchant's.

Three kinds (payment-session reference, 6.1): closed dynamic, open static and closed static. Banks differ
only in data: the digits that a merchant may choose, and, per merchant, the prefixes and ranges agreed with the bank.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from gerbang import channels
from gerbang.domain import agreements
from gerbang.domain.calendars import Schedule
from gerbang.domain.fees import Rate
from gerbang.domain.merchants import NumberRange, Offer, part_of
from gerbang.domain.money import rupiah
from gerbang.domain.paycodes import CodePlan, Instructions
from gerbang.domain.payments import Method, Payment
from gerbang.errors import (
    BankMissing,
    BankUnknown,
    ChannelNotEnabled,
    MethodMissing,
    NumberNotOffered,
    NumberOutsideRange,
    NumberTooLong,
)

REAL_TIME = Schedule(0)
PAYMENT, V4 = "payment", "v4-payments"
"""The products that sell virtual accounts to everybody."""


class Bank(msgspec.Struct, frozen=True):
    """A bank: the digits of a suffix, the four-digit company codes that our numbers begin with, and who sells it how."""

    code: str
    title: str
    static_digits: int
    static_company: str
    dynamic_company: str
    own_company: str
    """For numbers of which the merchant chooses the tail."""
    settling: Schedule | None = None
    """None: as the channel does it."""
    not_sold_by: frozenset[str] = frozenset()
    """Products that do not offer it."""
    names: dict[str, str] = {}
    """What products call it otherwise than by its code."""


class BankAgreement(msgspec.Struct, frozen=True):
    """One bank's virtual accounts: where numbers by chance come from, and which suffixes the merchant may choose."""

    dynamic: NumberRange
    static_prefix: str
    static_digits: int
    static_ranges: list[tuple[int, int]]
    own: NumberRange | None = None
    """Numbers of which the merchant may choose the tail, for products that work so; None: Gerbang's default."""
    own_by_choice: bool = True
    """False where the bank lets nobody choose the tail of such a number."""


class VirtualAccountAgreement(msgspec.Struct, frozen=True):
    banks: dict[str, BankAgreement] = {}


BANKS = {
    bank.code: bank
    for bank in (
        # Digits are the reference's (6.1); Danamon's are not published and chosen here. Company codes are settings of an
        # installation: contract data in production, and Permata's as the reference observed them. Which banks settle in
        # real time: one-time-payment reference, section 4.
        Bank("BCA", "BCA", 6, "1401", "1402", "1304"),
        Bank("BRI", "BRI", 7, "1269", "1270", "1268", settling=REAL_TIME),
        Bank("MANDIRI", "Bank Mandiri", 7, "8861", "8862", "8863"),
        Bank("BNI", "BNI", 4, "9881", "9882", "9883", settling=REAL_TIME),
        Bank("BSI", "Bank Syariah Indonesia", 8, "9001", "9002", "9003"),
        Bank("CIMB", "CIMB Niaga", 8, "5919", "5920", "5921", names={V4: "CIMB_NIAGA"}),
        Bank("PERMATA", "Bank Permata", 8, "7699", "7663", "7698"),
        Bank("BNC", "Bank Neo Commerce", 4, "9011", "9012", "9013", not_sold_by=frozenset({V4})),
        Bank("DANAMON", "Bank Danamon", 8, "7915", "7916", "7917"),
        # The second dialect's three more. Their digits are chosen here; the prefix of Sampoerna is a recorded one.
        Bank("HANA", "KEB Hana", 8, "9771", "9772", "9773", not_sold_by=frozenset({PAYMENT})),
        Bank(
            *("SAHABAT_SAMPOERNA", "Bank Sahabat Sampoerna", 8, "2018", "2019", "2020"),
            settling=REAL_TIME,
            not_sold_by=frozenset({PAYMENT}),
        ),
        Bank("MAYBANK", "Maybank Indonesia", 8, "7811", "7812", "7813", not_sold_by=frozenset({PAYMENT})),
    )
}

STATIC_RANGE_DEFAULT = (0, 99)
DYNAMIC_DIGITS = 8
OWN_DIGITS = 8
"""The tail of a number that the merchant may choose (one-time-payment reference, 2.3)."""
SANDBOX_PERMATA = {
    "dynamic": NumberRange(prefix="76630000", digits=6),
    "static_ranges": [STATIC_RANGE_DEFAULT, (99_990_000, 99_999_999)],
}
"""76630000 and six digits by chance, and static suffixes up to 99999999, as the documents' examples print them."""
SANDBOX_OWN = {"BCA": "13044317", "BRI": "12696115", "SAHABAT_SAMPOERNA": "20202400"}
"""The recorded prefixes of numbers of which the merchant chooses the tail (one-time-payment reference, 2.3)."""
NAME_LENGTH_MAX = 100


def banks_of(product: str) -> tuple[str, ...]:
    """The codes of the banks that a product sells."""
    return tuple(bank.code for bank in BANKS.values() if product not in bank.not_sold_by)


def agreement_for(merchant_number: int) -> VirtualAccountAgreement:
    """What a new merchant gets: every bank, the documented default static ranges, and the dynamic numbers of all."""
    return VirtualAccountAgreement(
        banks={
            code: BankAgreement(
                dynamic=_shared_range(code),
                static_prefix=f"{bank.static_company}{merchant_number:04d}",
                static_digits=bank.static_digits,
                static_ranges=[STATIC_RANGE_DEFAULT],
            )
            for code, bank in BANKS.items()
        }
    )


class VirtualAccount:
    spec = channels.ChannelSpec(
        name="virtual_account",
        title="Virtual account",
        amount_min=rupiah(10_000),
        amount_max=rupiah(9_999_999_999),
        expiry_max=timedelta(days=30),
        expiry_is_capped=False,
        fee=Rate(flat=rupiah(4_000), percent=Decimal(0)),
        settling=Schedule(1),
        settling_of={bank.code: bank.settling for bank in BANKS.values() if bank.settling is not None},
        static=True,
        static_amount=True,
        options={bank.code: bank.title for bank in BANKS.values()},
        agreement=VirtualAccountAgreement,
        texts=channels.PageTexts(
            title={"id": "Transfer virtual account", "en": "Virtual account transfer"},
            hint={"id": "Lewat ATM, aplikasi, atau internet banking", "en": "By ATM, mobile app or internet banking"},
            act={"id": "Transfer ke nomor ini", "en": "Transfer to this number"},
            number={"id": "Nomor virtual account", "en": "Virtual account number"},
            copy={"id": "Salin nomor", "en": "Copy the number"},
        ),
        guide="other_bank",
        in_the_payers_name=True,
    )

    def default_agreement(self, number: int, name: str, *, sandbox: bool = False) -> VirtualAccountAgreement:
        agreed = agreement_for(number)
        if not sandbox:
            return agreed
        banks = agreed.banks | {"PERMATA": replace(agreed.banks["PERMATA"], **SANDBOX_PERMATA)}
        for bank, prefix in SANDBOX_OWN.items():
            banks[bank] = replace(banks[bank], own=NumberRange(prefix=prefix, digits=OWN_DIGITS))
        return VirtualAccountAgreement(banks)

    def faults(self, agreed: VirtualAccountAgreement, at: str) -> Iterator[str]:
        for code, bank in agreed.banks.items():
            yield from _faults_of(bank, f"{at}.banks.{code}")

    def options(self, offer: Offer) -> list[str] | None:
        agreed = offer.merchant.agreement.settings(self.spec.name, VirtualAccountAgreement)
        return None if agreed is None else channels.options_of(self.spec, offer, list(agreed.banks))

    def plan(self, payment: Payment, offer: Offer, now: datetime) -> CodePlan:
        method = payment.method
        if method is None:
            raise MethodMissing("method")
        channels.check_amount(self.spec, payment, offer)
        bank = self._bank(method.option, offer)
        ends_at = channels.end_of(self.spec, payment, offer, now)
        chosen, numbers, taken_out = _numbers(bank, payment, method, offer)
        return CodePlan(
            channel=self.spec.name,
            option=method.option,
            name=_name(method.payer_name.strip(), offer, static=payment.static),
            amount=payment.amount,
            static=payment.static,
            expires_at=ends_at,
            chosen=chosen,
            range=numbers,
            taken_out=taken_out,
        )

    def instructions(self, code_plan: CodePlan, number: str) -> Instructions:
        return Instructions(
            number=number, name=code_plan.name, option=code_plan.option, expires_at=code_plan.expires_at
        )

    def _bank(self, option: str | None, offer: Offer) -> BankAgreement:
        agreed = offer.merchant.agreement.settings(self.spec.name, VirtualAccountAgreement)
        sold = self.options(offer)
        if agreed is None or sold is None:
            raise ChannelNotEnabled("method", title=self.spec.title)
        if not option:
            raise BankMissing("option", title=self.spec.title, offered=", ".join(sold))
        if option not in sold:
            raise BankUnknown("option", bank=option, title=self.spec.title, offered=", ".join(sold))
        return agreed.banks[option]


def _faults_of(bank: BankAgreement, at: str) -> Iterator[str]:
    """What is wrong with the settings of one bank."""
    yield from agreements.of_range(f"{at}.dynamic", bank.dynamic)
    if bank.own is not None:
        yield from agreements.of_range(f"{at}.own", bank.own)
    yield from agreements.of_range(f"{at}.static_prefix", NumberRange(bank.static_prefix, bank.static_digits))
    if not bank.static_ranges:
        yield f"{at}.static_ranges must name a range."
    for first, last in bank.static_ranges:
        chosen = NumberRange(bank.static_prefix, bank.static_digits, first, last)
        yield from agreements.of_range(f"{at}.static_ranges", chosen)


def _name(payer: str, offer: Offer, *, static: bool) -> str:
    """What a buyer reads at the cash machine."""
    merchant = offer.merchant
    if offer.terms.prefixed_names:
        return f"{merchant.agreement.name_prefix}{payer or merchant.short_name}"
    if static or not payer:
        return payer or merchant.short_name
    return f"{merchant.short_name} - {payer}"  # whom they pay comes before the name that the merchant gave


def _numbers(
    bank: BankAgreement, payment: Payment, method: Method, offer: Offer
) -> tuple[str | None, NumberRange | None, tuple[tuple[int, int], ...]]:
    """The number that the merchant chose, or the range where one may be taken from, and what of it is not for chance."""
    merchant = offer.merchant
    if offer.terms.own_numbers:
        own = bank.own or own_numbers(method.option or "", merchant.number)
        if method.number is not None and not bank.own_by_choice:
            raise NumberNotOffered("number", bank=method.option)
        return (None, own, ()) if method.number is None else (_own_number(own, method.number), None, ())
    if not payment.static:
        shared = bank.dynamic == _shared_range(method.option or "")
        return None, part_of(bank.dynamic, merchant.id) if shared else bank.dynamic, _static_part(bank)
    if method.number is None:
        return None, _static_range(bank), ()
    return _static_number(bank, method.number), None, ()


def _shared_range(bank: str) -> NumberRange:
    """The numbers by chance of all merchants that have no contract data."""
    return NumberRange(prefix=f"{BANKS[bank].dynamic_company}0000", digits=DYNAMIC_DIGITS)


def own_numbers(bank: str, merchant_number: int) -> NumberRange:
    """A merchant's numbers at a bank of which it may choose the tail: the company code, the merchant, eight digits."""
    return NumberRange(prefix=f"{BANKS[bank].own_company}{merchant_number:04d}", digits=OWN_DIGITS)


def _own_number(own: NumberRange, tail: str) -> str:
    """The full number of a tail that the merchant chose; a shorter one is filled with zeros. Raises an Invalid."""
    if len(tail) > own.digits:
        raise NumberTooLong("number", digits=own.digits)
    if not (tail.isascii() and tail.isdigit()) or not own.first <= int(tail) <= own.end:
        raise NumberOutsideRange(
            "number", digits=own.digits, ranges=f"{own.first:0{own.digits}d}-{own.end:0{own.digits}d}"
        )
    return f"{own.prefix}{int(tail):0{own.digits}d}"


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
