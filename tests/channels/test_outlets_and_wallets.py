"""The documented rules of retail outlets, of wallets, and of account numbers whose last digits the merchant chooses."""

import pytest
from msgspec.structs import replace

from gerbang import channels
from gerbang.channels import ewallet, retail_outlet, virtual_account
from gerbang.channels.ewallet import Ewallet
from gerbang.channels.retail_outlet import RetailOutlet
from gerbang.channels.virtual_account import VirtualAccount, own_numbers
from gerbang.domain.calendars import Schedule
from gerbang.domain.merchants import NumberRange, Offer
from gerbang.domain.money import rupiah
from gerbang.domain.payments import Details
from gerbang.domain.terms import ChannelTerms, Terms
from gerbang.errors import (
    AmountAboveLimit,
    AmountBelowLimit,
    BankUnknown,
    NumberOutsideRange,
    NumberTooLong,
    ReturnUrlMissing,
)
from tests.channels.merchants import MERCHANT, NOW, OFFER, payment, selling
from tests.support.agreements import with_bank

RETAIL, WALLET, ACCOUNT = RetailOutlet(), Ewallet(), VirtualAccount()
OWN = Offer(MERCHANT, Terms(own_numbers=True, prefixed_names=True))
"""An offer with the terms of a product whose merchants choose the last digits of their account numbers."""


# Retail outlets


@pytest.mark.parametrize(
    ("outlet", "least", "most"),
    [("ALFAMART", rupiah(15_000), rupiah(2_500_000)), ("INDOMARET", rupiah(10_000), rupiah(5_000_000))],
)
def test_each_retail_chain_has_its_own_limits_and_is_named_in_the_refusal(outlet: str, least: int, most: int) -> None:
    for amount in (least, most):
        assert RETAIL.plan(payment(RETAIL, amount, outlet), OFFER, NOW).amount == amount
    for amount, refusal in ((least - rupiah(1), AmountBelowLimit), (most + rupiah(1), AmountAboveLimit)):
        with pytest.raises(refusal, match=outlet):
            RETAIL.plan(payment(RETAIL, amount, outlet), OFFER, NOW)


def test_a_payment_code_has_eight_digits_and_never_begins_with_zero() -> None:
    codes = RETAIL.plan(payment(RETAIL), OFFER, NOW).range
    assert codes is not None
    assert codes.number(0) < codes.number(codes.size - 1)
    assert retail_outlet.CODES.first <= codes.first < codes.end <= retail_outlet.CODES.end
    assert (retail_outlet.CODES.number(0), retail_outlet.CODES.digits) == ("10000000", 8)


def test_the_outlet_shows_the_payers_name_or_else_the_merchants_short_name() -> None:
    requested = payment(RETAIL)
    assert requested.method is not None
    assert RETAIL.plan(requested, OWN, NOW).name == "Budi", "only account numbers have a name prefix"
    for nobody in ("", "  "):
        nameless = replace(requested, method=replace(requested.method, payer_name=nobody))
        assert RETAIL.plan(nameless, OFFER, NOW).name == "TOKO UJI"


@pytest.mark.parametrize(
    ("channel", "option", "days"),
    [
        (RETAIL, "ALFAMART", 3),
        (RETAIL, "INDOMARET", 3),
        (WALLET, "SHOPEEPAY", 1),
        (ACCOUNT, "BRI", 0),
        (ACCOUNT, "BNI", 0),
        (ACCOUNT, "SAHABAT_SAMPOERNA", 0),
        *(
            (ACCOUNT, bank, 1)
            for bank in ("BCA", "MANDIRI", "CIMB", "DANAMON", "PERMATA", "HANA", "BSI", "BNC", "MAYBANK")
        ),
    ],
)
def test_each_option_settles_after_the_working_days_of_the_reference(
    channel: channels.Channel, option: str, days: int
) -> None:
    assert channels.settling(channel.spec, option, OFFER) == Schedule(days)


# Wallets


def test_a_wallet_payment_needs_a_return_url_unless_it_has_a_payment_page() -> None:
    requested = payment(WALLET)
    assert requested.method is not None
    without_return_url = replace(requested, method=replace(requested.method, return_url=None))
    with pytest.raises(ReturnUrlMissing) as caught:
        WALLET.plan(without_return_url, OFFER, NOW)
    assert caught.value.field == "return_url"
    assert WALLET.plan(replace(without_return_url, details=Details(redirect=True)), OFFER, NOW).option == "DANA"


def test_a_wallet_payment_takes_no_number_from_a_range() -> None:
    code_plan = WALLET.plan(payment(WALLET), OFFER, NOW)
    assert (code_plan.chosen, code_plan.range) == (None, None)
    assert list(ewallet.WALLETS) == WALLET.options(OFFER) == ["DANA", "SHOPEEPAY", "OVO"]


@pytest.mark.parametrize("channel", [RETAIL, WALLET])
def test_retail_outlets_and_wallets_have_no_static_paycodes(channel: channels.Channel) -> None:
    assert not channel.spec.static
    assert not channel.spec.static_amount


# Account numbers whose last digits the merchant chooses


def _account(tail: str | None, offer: Offer = OWN, bank: str = "BRI", *, static: bool = False) -> str:
    """The account number that a merchant gets who requests these last digits; None requests none."""
    requested = payment(ACCOUNT, option=bank)
    assert requested.method is not None
    requested = replace(requested, method=replace(requested.method, number=tail))
    if static:
        requested = replace(requested, kind="static", amount=None, expires_at=None)
    code_plan = ACCOUNT.plan(requested, offer, NOW)
    assert (code_plan.chosen is None) == (tail is None)
    return code_plan.chosen or (code_plan.range.number(0) if code_plan.range else "")


@pytest.mark.parametrize("static", [False, True])
def test_the_requested_digits_end_the_number_and_are_padded_with_zeros(static: bool) -> None:
    assert _account("12345678", static=static) == "1268013112345678"
    assert _account("7", static=static) == "1268013100000007"
    assert _account(None, static=static) == "1268013100000000", "without a request, a number of the same range"


def test_a_merchant_may_have_its_own_prefix_at_a_bank() -> None:
    agreed = with_bank(MERCHANT.agreement, "BRI", own=NumberRange(prefix="12696115", digits=8))
    offer = Offer(replace(MERCHANT, agreement=agreed), OWN.terms)
    assert _account("12345678", offer) == "1269611512345678"


@pytest.mark.parametrize("static", [False, True])
@pytest.mark.parametrize(
    ("tail", "refusal"),
    [
        ("123456789", NumberTooLong),
        ("", NumberOutsideRange),
        ("12a4", NumberOutsideRange),
        ("１２", NumberOutsideRange),
    ],
)
def test_requested_digits_that_are_invalid_are_refused(tail: str, refusal: type[Exception], static: bool) -> None:
    with pytest.raises(refusal):
        _account(tail, static=static)


def test_no_two_banks_and_no_two_kinds_of_number_share_a_prefix() -> None:
    prefixes = [
        company
        for bank in virtual_account.BANKS.values()
        for company in (bank.static_company, bank.dynamic_company, bank.own_company)
    ]
    assert len(set(prefixes)) == len(prefixes)
    assert {len(company) for company in prefixes} == {4}
    assert {len(own_numbers(bank, 131).number(0)) for bank in virtual_account.BANKS} == {16}


def test_account_names_have_the_agreed_prefix_where_the_terms_say_so() -> None:
    requested = payment(ACCOUNT)
    assert requested.method is not None
    assert ACCOUNT.plan(requested, OFFER, NOW).name == "TOKO UJI - Budi"
    assert ACCOUNT.plan(requested, OWN, NOW).name == "IKN-Budi"
    nameless = replace(requested, method=replace(requested.method, payer_name=" "))
    assert ACCOUNT.plan(nameless, OWN, NOW).name == "IKN-TOKO UJI"
    agreed = replace(MERCHANT.agreement, name_prefix="GBG-")
    other = Offer(replace(MERCHANT, agreement=agreed), OWN.terms)
    assert ACCOUNT.plan(requested, other, NOW).name == "GBG-Budi"


def test_an_agreed_bank_that_is_not_in_the_terms_is_not_offered() -> None:
    narrowed = selling(virtual_account=ChannelTerms(options=frozenset({"BRI", "BCA"})))
    assert ACCOUNT.options(narrowed) == ["BCA", "BRI"], "in the order of the agreement"
    assert ACCOUNT.plan(payment(ACCOUNT, option="BRI"), narrowed, NOW).option == "BRI"
    with pytest.raises(BankUnknown, match="BNI is not offered for Virtual account: choose one of BCA, BRI"):
        ACCOUNT.plan(payment(ACCOUNT, option="BNI"), narrowed, NOW)
