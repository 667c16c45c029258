"""Live mode: what no connection serves is not offered in either dialect; what one serves works as in the sandbox."""

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
from tests.support.snap_bank import live_connections

WALLET = {
    "paymentMethod": {"type": "EWALLET"},
    "paymentMethodOptions": {"ewallet": {"channel": "SHOPEEPAY", "successReturnUrl": "https://shop.example/"}},
}
V4_WALLET = {"providerCode": "SHOPEEPAY", "afterSettlementReturnUrl": "https://shop.example/return"}


def shop_of(gateway: Gateway) -> Shop:
    """A merchant whose agreement allows e-wallets in both dialects."""
    agreed = replace(default_agreement(7001, "Toko"), also_offered={"payment": ["ewallet", "retail_outlet"]})
    return gateway.new_shop(agreement=agreed)


@pytest.fixture(scope="module")
def live(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("live")
    file = live_connections(folder, "virtual_account", "qris", "retail_outlet")
    with Gateway(databases.fresh(), folder, clock=None, live=True, connections=file) as gateway:
        yield shop_of(gateway)


@pytest.fixture
def sandbox(shared_gateway: Gateway) -> Shop:
    return shop_of(shared_gateway)


def channels_on_the_page(shop: Shop, url: str) -> set[str]:
    """The channels that the payment page offers."""
    page = shop.client.get("/detail?" + url.partition("?")[2])
    assert page.status_code == 200
    return set(re.findall(r'name="way" value="([a-z_]+)', page.text))


def session_page(shop: Shop) -> str:
    no_method = {"mode": "REDIRECT", "paymentMethod": None, "paymentMethodOptions": None}
    return shop.create(**no_method)["paymentUrl"]


def payments_of(shop: Shop) -> int:
    [row] = shop.gateway.rows("SELECT count(*) FROM payments WHERE merchant_id = $1", shop.merchant_id)
    return row["count"]


def test_a_wallet_without_a_connection_is_refused_with_the_error_of_each_dialect(live: Shop) -> None:
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


def test_a_session_cannot_be_confirmed_with_a_wallet_without_a_connection(live: Shop) -> None:
    session = live.create(autoConfirm=False, paymentMethod=None, paymentMethodOptions=None)
    path = f"/v2/payments/{session['id']}/confirm"
    v2.CheckedShop.of(live).refused(
        "POST", path, WALLET, status=400, code="api_validation_error", field="paymentMethod.type"
    )


def test_the_payment_page_does_not_offer_a_wallet_without_a_connection(live: Shop, sandbox: Shop) -> None:
    """In the sandbox the same merchant's page offers it, since the simulator connects wallets."""
    rest = {"virtual_account", "qris", "retail_outlet"}
    for shop, offered in ((live, rest), (sandbox, rest | {"ewallet"})):
        assert channels_on_the_page(shop, session_page(shop)) == offered
        assert channels_on_the_page(shop, url_of(made(v4.CheckedShop(shop), LINKS, link_order()))) == offered


def test_the_payment_method_configs_do_not_enable_a_wallet_without_a_connection(live: Shop) -> None:
    configs = v2.CheckedShop.of(live).get("/v2/payment-method-configs")["data"]
    assert [name for name, config in configs.items() if config["enabled"]] == ["virtualAccount", "qr"]


def test_an_operator_cannot_offer_a_wallet_without_a_connection(live: Shop, sandbox: Shop) -> None:
    shop = shop_of(live.gateway)
    world, do = shop.gateway.services.world, shop.gateway.do
    with pytest.raises(Invalid, match="ewallet cannot be offered: no connection of this gateway takes payments by it"):
        do(offer(world, shop.merchant_id, "ewallet", "payment"))
    assert do(offer(world, shop.merchant_id, "ewallet", "payment", stop=True)) == ["retail_outlet"]
    sandbox_gateway = sandbox.gateway
    with pytest.raises(Invalid, match="ewallet is offered to everybody in payment"):
        sandbox_gateway.do(offer(sandbox_gateway.services.world, sandbox.merchant_id, "ewallet", "payment"))


def test_all_other_channels_give_out_numbers_and_codes_in_live_mode(live: Shop) -> None:
    assert live.create()["status"] == "REQUIRE_ACTION"
    for type_ in ("virtual_bank_account", "retail_outlet", "qris"):
        assert v4.CheckedShop(live).create(type_)["attributes"]["status"] == "pending"


@pytest.fixture(scope="module")
def one_bank(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("one-bank")
    file = live_connections(folder, 'virtual_account"\noption = "BCA')
    with Gateway(databases.fresh(), folder, clock=None, live=True, connections=file) as gateway:
        yield shop_of(gateway)


def test_nobody_gets_a_number_of_a_bank_that_is_not_connected(one_bank: Shop) -> None:
    bca = {"virtualAccount": {"channel": "BCA", "virtualAccountName": "Budi"}}
    assert one_bank.create(paymentMethodOptions=bca)["status"] == "REQUIRE_ACTION"
    before = payments_of(one_bank)
    checked = v2.CheckedShop.of(one_bank)
    qr = session_order(paymentMethod={"type": "QR"}, paymentMethodOptions=...)
    for body in (session_order(), qr):  # BRI
        checked.refused(
            "POST", "/v2/payments", body, status=400, code="api_validation_error", field="paymentMethod.type"
        )
    v4.CheckedShop(one_bank).refused("POST", PAYMENTS, order(paymentMethodType="qris"), status=403, code="003")
    assert payments_of(one_bank) == before
    assert channels_on_the_page(one_bank, session_page(one_bank)) == {"virtual_account"}
    configs = checked.get("/v2/payment-method-configs")["data"]
    assert configs["virtualAccount"]["acceptedChannels"] == ["BCA"]
    assert not configs["qr"]["enabled"]


def test_numbers_that_no_company_code_begins_are_not_given_out(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("codes")
    file = live_connections(folder, "virtual_account")
    file.write_text(
        file.read_text("utf-8").replace('serves = ["payments"]', 'serves = ["payments"]\ncompany_codes = ["12345"]')
    )
    with Gateway(databases.fresh(), folder, clock=None, live=True, connections=file) as gateway:
        shop = v2.CheckedShop.of(shop_of(gateway))
        body = session_order()
        shop.refused("POST", "/v2/payments", body, status=400, code="api_validation_error", field="paymentMethod.type")
        assert payments_of(shop) == 0
