"""Setting and listing callback URLs."""

import pytest

from tests.api.sandbox.sandbox_shops import Receiver, SandboxShop
from tests.support.gateways import Gateway


def test_callbacks_go_to_the_url_that_was_set_last(moving_merchant: SandboxShop) -> None:
    with Receiver() as first, Receiver() as second:
        for server in (first, second):
            callback = moving_merchant.done("PUT", "callbacks/payment", {"url": server.url})
            assert (callback["product"], callback["url"]) == ("payment", server.url)
            moving_merchant.simulate(moving_merchant.create()["id"])
            moving_merchant.done("POST", "clock/advance", {"seconds": 0})
        assert (len(first.received), len(second.received)) == (1, 1)
    assert moving_merchant.done("GET", "inbox") == {"items": []}


def test_callbacks_that_are_not_delivered_yet_go_to_the_new_url(moving_merchant: SandboxShop) -> None:
    with Receiver() as server:
        moving_merchant.done("PUT", "callbacks/payment", {"url": "http://127.0.0.1:9/"})
        moving_merchant.simulate(moving_merchant.create()["id"])
        moving_merchant.done("POST", "clock/advance", {"seconds": 0})
        moving_merchant.done("PUT", "callbacks/payment", {"url": server.url})
        moving_merchant.done("POST", "clock/advance", {"seconds": 301})
        assert len(server.received) == 1


def test_the_secrets_stay_what_they_were_when_the_url_changes(merchant: SandboxShop) -> None:
    first = merchant.done("PUT", "callbacks/payment", {"url": "http://127.0.0.1:9/a"})
    second = merchant.done("PUT", "callbacks/payment", {"url": "http://127.0.0.1:9/b"})
    assert first | {"url": second["url"]} == second
    assert first["signingSecret"].startswith("whsec_")


@pytest.mark.parametrize(
    ("product", "begins"),
    [
        ("payment", "whsec_"),
        ("refund", "whsec_"),
        ("money", "whsec_"),
        ("payout", "whsec_"),
        ("v4-payments", "ss_"),
        ("v4-disbursements", "ss_"),
    ],
)
def test_each_product_has_its_own_url_and_secrets(merchant: SandboxShop, product: str, begins: str) -> None:
    others = {"payment", "refund", "money", "payout", "withdrawal", "v4-payments", "v4-disbursements"} - {product}
    before = [merchant.done("PUT", f"callbacks/{other}", {"url": f"http://127.0.0.1:9/{other}"}) for other in others]
    callback = merchant.done("PUT", f"callbacks/{product}", {"url": "http://127.0.0.1:9/"})
    assert (callback["product"], callback["url"]) == (product, "http://127.0.0.1:9/")
    assert callback["signingSecret"].startswith(begins)
    assert callback["signingSecret"] not in {each["signingSecret"] for each in before}
    kept = merchant.gateway.rows("SELECT product, url FROM endpoints WHERE merchant_id = $1", merchant.merchant_id)
    assert {row["product"]: row["url"] for row in kept} == {
        each["product"]: each["url"] for each in [*before, callback]
    }


def test_callback_urls_can_be_listed(shared_gateway: Gateway, merchant: SandboxShop) -> None:
    assert merchant.done("GET", "callbacks")["items"] == [
        merchant.done(
            "PUT", f"callbacks/{product}", {"url": f"{shared_gateway.base_url}/sandbox/inbox/{merchant.merchant_id}"}
        )
        for product in sorted(("money", "payment", "payout", "refund", "v4-disbursements", "v4-payments", "withdrawal"))
    ]
    callback = merchant.done("PUT", "callbacks/v4-payments", {"url": "http://127.0.0.1:9/"})
    assert callback in merchant.done("GET", "callbacks")["items"]


def test_only_products_whose_callbacks_carry_a_key_have_one(merchant: SandboxShop) -> None:
    keys = {item["product"]: item["apiKey"] for item in merchant.done("GET", "callbacks")["items"]}
    assert keys.pop("payment")
    assert keys.pop("money")
    assert keys.pop("refund")
    assert keys.pop("payout")
    assert keys.pop("withdrawal")
    assert keys == {"v4-payments": None, "v4-disbursements": None}


def test_each_merchant_has_secrets_of_its_own(shared_gateway: Gateway, merchant: SandboxShop) -> None:
    neighbour = SandboxShop.of(shared_gateway.new_shop())
    mine = merchant.done("PUT", "callbacks/payment", {"url": "http://127.0.0.1:9/a"})
    theirs = neighbour.done("PUT", "callbacks/payment", {"url": "http://127.0.0.1:9/a"})
    assert mine["apiKey"] != theirs["apiKey"]
    assert mine["signingSecret"] != theirs["signingSecret"]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/",
        "http://localhost:8080/callbacks",
        "http://192.168.1.20/callbacks",
        "http://[::1]:8080/",
        "https://shop.example/callbacks?key=1&x=%20",
        "https://shop.example:8443",
        "HTTPS://SHOP.EXAMPLE/",
    ],
)
def test_private_addresses_are_allowed_in_the_sandbox(merchant: SandboxShop, url: str) -> None:
    assert merchant.done("PUT", "callbacks/payment", {"url": url})["url"] == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.example",
        "/callbacks",
        "ftp://shop.example/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://",
        "http:///callbacks",
        "http://user:pass%0aword@shop.example/",
        "http://shop.example:99999/",
        "http://shop.example:0/",
        "http://[::1/",
        "http://shop..example/",
        "http://shop.example/a b",
        "http://shop.example/\r\nX-Evil: 1",
        "http://shop.example/\x00",
        "http://toko\u00e9.example/",
        "http://shop.example\\@evil.example/",
        "http://shop.example/" + "x" * 2000,
        None,
        1,
        True,
        [],
        {},
    ],
)
def test_an_invalid_url_is_refused_and_changes_nothing(merchant: SandboxShop, url: object) -> None:
    before = merchant.gateway.rows("SELECT url FROM endpoints WHERE merchant_id = $1", merchant.merchant_id)
    assert merchant.refused("PUT", "callbacks/payment", {"url": url}) == (400, "invalid", "url")
    assert merchant.refused("PUT", "callbacks/payment", {}) == (400, "invalid", "url")
    assert merchant.gateway.rows("SELECT url FROM endpoints WHERE merchant_id = $1", merchant.merchant_id) == before


@pytest.mark.parametrize("product", ["refunds", "PAYMENT", "payment%20", "payments", "%F0%9F%92%B0"])
def test_an_unknown_product_is_not_found(merchant: SandboxShop, product: str) -> None:
    answered = merchant.request("PUT", f"callbacks/{product}", {"url": "http://127.0.0.1:9/"})
    assert answered.status_code == 404
    error = answered.json()["error"]
    assert (error["code"], error["field"]) == ("not_found", "product")
    assert "payment" in error["message"]


def test_a_user_name_and_password_in_a_url_are_sent_to_the_shop_and_never_shown(moving_merchant: SandboxShop) -> None:
    rows = moving_merchant.gateway.rows
    with Receiver([500]) as server:
        shown = [
            moving_merchant.done("PUT", "callbacks/payment", {"url": server.url.replace("//", "//budi:r%40hasia@")})
        ]
        assert shown[0]["url"] == server.url
        moving_merchant.simulate(moving_merchant.create()["id"])
        moving_merchant.done("POST", "clock/advance", {"seconds": 301})
        assert [each.headers["authorization"] for each in server.received] == ["Basic YnVkaTpyQGhhc2lh"] * 2
        shown += [moving_merchant.done("GET", "callbacks"), moving_merchant.done("GET", "deliveries")]
        # A URL without them replaces them: no credentials are sent.
        moving_merchant.done("PUT", "callbacks/payment", {"url": server.url})
        moving_merchant.simulate(moving_merchant.create()["id"])
        moving_merchant.done("POST", "clock/advance", {"seconds": 0})
        assert "authorization" not in server.received[2].headers
    inbox = f"{moving_merchant.gateway.base_url}/sandbox/inbox/{moving_merchant.merchant_id}"
    shown.append(moving_merchant.done("PUT", "callbacks/payment", {"url": inbox.replace("//", "//budi:r%40hasia@")}))
    moving_merchant.simulate(moving_merchant.create()["id"])
    moving_merchant.done("POST", "clock/advance", {"seconds": 0})
    shown.append(moving_merchant.done("GET", "inbox"))
    assert shown[-1]["items"][0]["headers"]["authorization"] == "Basic (not shown)"
    kept = [rows(f"SELECT t::text FROM {table} t") for table in ("endpoints", "deliveries", "tries", "inbox")]
    for secret in ("hasia", "budi", "YnVkaTpyQGhhc2lh", b"budi:r@hasia".hex()):
        assert secret not in str(shown)
        assert secret not in str(kept)
