"""Live mode: a wallet that nobody has connected is no way to pay, in neither dialect, and numbers and codes still are."""

import re
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from gerbang.errors import Invalid
from gerbang.services.merchants import default_agreement, offer
from tests.api.v2_sessions import contracts as v2
from tests.api.v2_sessions.sessions import order as session_order
from tests.api.v4_documents import contracts as v4
from tests.api.v4_documents.documents import LINKS, PAYMENTS, link_order, made, order
from tests.api.v4_documents.pages import url_of
from tests.support.gateways import Databases, Gateway, Shop

WALLET = {
    "paymentMethod": {"type": "EWALLET"},
    "paymentMethodOptions": {"ewallet": {"channel": "SHOPEEPAY", "successReturnUrl": "https://shop.example/"}},
}
V4_WALLET = {"providerCode": "SHOPEEPAY", "afterSettlementReturnUrl": "https://shop.example/return"}


def shop_of(gateway: Gateway) -> Shop:
    """A merchant that may be paid by wallet in both dialects, as far as was agreed with it."""
    agreed = replace(default_agreement(7001, "Toko"), also_offered={"payment": ["ewallet", "retail_outlet"]})
    return gateway.new_shop(agreement=agreed)


@pytest.fixture(scope="module")
def live(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with Gateway(databases.fresh(), tmp_path_factory.mktemp("live"), clock=None, live=True) as gateway:
        yield shop_of(gateway)


@pytest.fixture
def sandbox(shared_gateway: Gateway) -> Shop:
    return shop_of(shared_gateway)


def ways_on_the_page(shop: Shop, url: str) -> set[str]:
    """The channels that a payer's page offers."""
    page = shop.client.get("/detail?" + url.partition("?")[2])
    assert page.status_code == 200
    return set(re.findall(r'name="way" value="([a-z_]+)', page.text))


def session_page(shop: Shop) -> str:
    nothing_chosen = {"mode": "REDIRECT", "paymentMethod": None, "paymentMethodOptions": None}
    return shop.create(**nothing_chosen)["paymentUrl"]


def payments_of(shop: Shop) -> int:
    [row] = shop.gateway.rows("SELECT count(*) FROM payments WHERE merchant_id = $1", shop.merchant_id)
    return row["count"]


def test_a_wallet_that_is_not_connected_is_refused_in_the_words_of_each_dialect(live: Shop) -> None:
    before = payments_of(live)
    v2.CheckedShop.of(live).refused(
        "POST",
        "/v2/payments",
        session_order(**WALLET),
        status=400,
        code="api_validation_error",
        field="paymentMethod.type",
    )
    body = order(paymentMethodType="e-wallet", paymentMethodOptions=V4_WALLET)
    v4.CheckedShop(live).refused("POST", PAYMENTS, body, status=403, code="003")
    assert payments_of(live) == before


def test_a_session_that_waits_for_its_method_cannot_be_confirmed_with_such_a_wallet(live: Shop) -> None:
    session = live.create(autoConfirm=False, paymentMethod=None, paymentMethodOptions=None)
    path = f"/v2/payments/{session['id']}/confirm"
    v2.CheckedShop.of(live).refused(
        "POST", path, WALLET, status=400, code="api_validation_error", field="paymentMethod.type"
    )


def test_a_payers_page_does_not_offer_it(live: Shop, sandbox: Shop) -> None:
    """The same merchant in the sandbox is offered it: there the simulator's wallet is connected."""
    rest = {"virtual_account", "qris", "retail_outlet"}
    for shop, offered in ((live, rest), (sandbox, rest | {"ewallet"})):
        assert ways_on_the_page(shop, session_page(shop)) == offered
        assert ways_on_the_page(shop, url_of(made(v4.CheckedShop(shop), LINKS, link_order()))) == offered


def test_the_methods_of_a_merchant_do_not_name_it(live: Shop) -> None:
    configs = v2.CheckedShop.of(live).get("/v2/payment-method-configs")["data"]
    assert [name for name, config in configs.items() if config["enabled"]] == ["virtualAccount", "qr"]


def test_an_operator_who_offers_it_is_told_that_nobody_is_connected(live: Shop, sandbox: Shop) -> None:
    shop = shop_of(live.gateway)
    world, do = shop.gateway.services.world, shop.gateway.do
    with pytest.raises(Invalid, match="ewallet cannot be offered: nobody is connected yet to whom it sends its buyers"):
        do(offer(world, shop.merchant_id, "ewallet", "payment"))
    assert do(offer(world, shop.merchant_id, "ewallet", "payment", stop=True)) == ["retail_outlet"]
    there = sandbox.gateway
    assert there.do(offer(there.services.world, sandbox.merchant_id, "ewallet", "payment")) == [
        "ewallet",
        "retail_outlet",
    ]


def test_numbers_and_codes_are_given_out_as_in_the_sandbox(live: Shop) -> None:
    assert live.create()["status"] == "REQUIRE_ACTION"
    for type_ in ("virtual_bank_account", "retail_outlet", "qris"):
        assert v4.CheckedShop(live).create(type_)["attributes"]["status"] == "pending"
