"""Saying where callbacks go."""

import pytest

from tests.api.sandbox.explorers import Explorer, receiver
from tests.support.gateways import Gateway


def test_callbacks_go_where_they_were_last_told_to(mover: Explorer) -> None:
    with receiver() as first, receiver() as second:
        for server in (first, second):
            told = mover.done("PUT", "callbacks/payment", {"url": server.url})
            assert (told["product"], told["url"]) == ("payment", server.url)
            mover.simulate(mover.create()["id"])
            mover.done("POST", "clock/advance", {"seconds": 0})
        assert (len(first.bodies), len(second.bodies)) == (1, 1)
    assert mover.done("GET", "inbox") == {"items": []}


def test_what_has_not_arrived_yet_is_sent_to_the_new_address(mover: Explorer) -> None:
    with receiver() as server:
        mover.done("PUT", "callbacks/payment", {"url": "http://127.0.0.1:9/"})
        mover.simulate(mover.create()["id"])
        mover.done("POST", "clock/advance", {"seconds": 0})
        mover.done("PUT", "callbacks/payment", {"url": server.url})
        mover.done("POST", "clock/advance", {"seconds": 301})
        assert len(server.bodies) == 1


def test_the_secrets_stay_what_they_were_when_the_url_changes(explorer: Explorer) -> None:
    first = explorer.done("PUT", "callbacks/payment", {"url": "http://127.0.0.1:9/a"})
    second = explorer.done("PUT", "callbacks/payment", {"url": "http://127.0.0.1:9/b"})
    assert first | {"url": second["url"]} == second
    assert first["signingSecret"].startswith("whsec_")


@pytest.mark.parametrize(
    ("product", "begins"),
    [("payment", "whsec_"), ("money", "whsec_"), ("v4-payments", "ss_"), ("v4-disbursements", "ss_")],
)
def test_each_product_has_an_address_and_secrets_of_its_own(explorer: Explorer, product: str, begins: str) -> None:
    others = {"payment", "money", "v4-payments", "v4-disbursements"} - {product}
    before = [explorer.done("PUT", f"callbacks/{other}", {"url": f"http://127.0.0.1:9/{other}"}) for other in others]
    told = explorer.done("PUT", f"callbacks/{product}", {"url": "http://127.0.0.1:9/"})
    assert (told["product"], told["url"]) == (product, "http://127.0.0.1:9/")
    assert told["signingSecret"].startswith(begins)
    assert told["signingSecret"] not in {each["signingSecret"] for each in before}
    kept = explorer.gateway.rows("SELECT product, url FROM endpoints WHERE merchant_id = $1", explorer.merchant_id)
    assert {row["product"]: row["url"] for row in kept} == {each["product"]: each["url"] for each in [*before, told]}


def test_where_callbacks_go_can_be_asked_for(shared_gateway: Gateway, explorer: Explorer) -> None:
    assert explorer.done("GET", "callbacks")["items"] == [
        explorer.done(
            "PUT", f"callbacks/{product}", {"url": f"{shared_gateway.base_url}/sandbox/inbox/{explorer.merchant_id}"}
        )
        for product in ("money", "payment", "v4-disbursements", "v4-payments")
    ]
    told = explorer.done("PUT", "callbacks/v4-payments", {"url": "http://127.0.0.1:9/"})
    assert explorer.done("GET", "callbacks")["items"][3] == told


def test_only_products_whose_callbacks_carry_a_key_have_one(explorer: Explorer) -> None:
    keys = {item["product"]: item["apiKey"] for item in explorer.done("GET", "callbacks")["items"]}
    assert keys.pop("payment")
    assert keys.pop("money")
    assert keys == {"v4-payments": None, "v4-disbursements": None}


def test_each_merchant_has_secrets_of_its_own(shared_gateway: Gateway, explorer: Explorer) -> None:
    neighbour = Explorer.of(shared_gateway.new_shop())
    mine = explorer.done("PUT", "callbacks/payment", {"url": "http://127.0.0.1:9/a"})
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
def test_addresses_of_ones_own_network_are_allowed_in_the_sandbox(explorer: Explorer, url: str) -> None:
    assert explorer.done("PUT", "callbacks/payment", {"url": url})["url"] == url


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
def test_what_is_no_web_address_is_refused_and_changes_nothing(explorer: Explorer, url: object) -> None:
    before = explorer.gateway.rows("SELECT url FROM endpoints WHERE merchant_id = $1", explorer.merchant_id)
    assert explorer.refused("PUT", "callbacks/payment", {"url": url}) == (400, "invalid", "url")
    assert explorer.refused("PUT", "callbacks/payment", {}) == (400, "invalid", "url")
    assert explorer.gateway.rows("SELECT url FROM endpoints WHERE merchant_id = $1", explorer.merchant_id) == before


@pytest.mark.parametrize("product", ["refund", "PAYMENT", "payment%20", "payments", "%00", "%F0%9F%92%B0"])
def test_a_product_that_there_is_none_of_is_not_found(explorer: Explorer, product: str) -> None:
    answered = explorer.try_out("PUT", f"callbacks/{product}", {"url": "http://127.0.0.1:9/"})
    assert answered.status_code == 404
    error = answered.json()["error"]
    assert (error["code"], error["field"]) == ("not_found", "product")
    assert "payment" in error["message"]


def test_a_user_name_and_password_of_a_url_reach_the_shop_and_are_shown_nowhere(mover: Explorer) -> None:
    rows = mover.gateway.rows
    with receiver([500]) as server:
        shown = [mover.done("PUT", "callbacks/payment", {"url": server.url.replace("//", "//budi:r%40hasia@")})]
        assert shown[0]["url"] == server.url
        mover.simulate(mover.create()["id"])
        mover.done("POST", "clock/advance", {"seconds": 301})
        assert [each["authorization"] for each in server.headers] == ["Basic YnVkaTpyQGhhc2lh"] * 2
        shown += [mover.done("GET", "callbacks"), mover.done("GET", "deliveries")]
        # Without them, they are not sent any more.
        mover.done("PUT", "callbacks/payment", {"url": server.url})
        mover.simulate(mover.create()["id"])
        mover.done("POST", "clock/advance", {"seconds": 0})
        assert "authorization" not in server.headers[2]
    inbox = f"{mover.gateway.base_url}/sandbox/inbox/{mover.merchant_id}"
    shown.append(mover.done("PUT", "callbacks/payment", {"url": inbox.replace("//", "//budi:r%40hasia@")}))
    mover.simulate(mover.create()["id"])
    mover.done("POST", "clock/advance", {"seconds": 0})
    shown.append(mover.done("GET", "inbox"))
    assert shown[-1]["items"][0]["headers"]["authorization"] == "Basic (not shown)"
    kept = [rows(f"SELECT t::text FROM {table} t") for table in ("endpoints", "deliveries", "tries", "inbox")]
    for secret in ("hasia", "budi", "YnVkaTpyQGhhc2lh", b"budi:r@hasia".hex()):
        assert secret not in str(shown)
        assert secret not in str(kept)
