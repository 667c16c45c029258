"""Payment links: their page, their tasks, their expiry, and the callbacks when a buyer pays on the page."""

import re

import pytest

from tests.api.v4_documents.contracts import CheckedShop
from tests.api.v4_documents.documents import (
    LINKS,
    at_once,
    balance,
    folder,
    ids,
    link_order,
    listed,
    made,
    read,
    status_of,
    task,
)
from tests.api.v4_documents.pages import page_of, send_form, url_of


def test_a_new_link_is_pending_and_reads_as_in_the_create_answer(shop: CheckedShop) -> None:
    link = made(shop, LINKS, link_order(description="Kopi\nsusu"))
    assert link["attributes"]["status"] == "pending"
    assert link["attributes"]["description"] == "Kopi\nsusu"
    assert link["attributes"]["displayName"] is None
    assert read(shop, link) == link


def test_the_page_offers_every_channel_that_accepts_the_amount(shop: CheckedShop) -> None:
    page = page_of(shop, url_of(made(shop, LINKS, link_order())))
    assert page.status_code == 200
    offered = set(re.findall(r'name="way" value="([^"]+)"', page.text))
    banks = {"BCA", "BRI", "BNI", "MANDIRI", "CIMB", "DANAMON", "PERMATA", "HANA", "SAHABAT_SAMPOERNA"}
    banks |= {"BSI", "MAYBANK"}
    wanted = {f"virtual_account/{bank}" for bank in banks} | {
        "retail_outlet/ALFAMART",
        "retail_outlet/INDOMARET",
        "qris",
    }
    assert offered - {"ewallet", "ewallet/SHOPEEPAY"} == wanted
    assert offered & {"ewallet", "ewallet/SHOPEEPAY"}
    small = page_of(shop, url_of(made(shop, LINKS, link_order(amount=2_000))))
    assert "virtual_account" not in set(re.findall(r'name="way" value="([a-z_]+)', small.text))


@pytest.mark.parametrize("way", ["virtual_account/BCA", "retail_outlet/INDOMARET", "qris"])
def test_a_payment_on_the_page_is_sent_as_a_callback_of_the_link(shop: CheckedShop, way: str) -> None:
    link = made(shop, LINKS, link_order(customerName="Budi Santoso"))
    assert send_form(shop, url_of(link), "choose", way=way).status_code == 303
    assert status_of(shop, link) == "pending"
    assert send_form(shop, url_of(link), "simulate", play="exact").status_code == 303
    paid = read(shop, link)
    assert paid == link | {"attributes": link["attributes"] | {"status": "paid"}}
    assert shop.callbacks() == [paid]
    shop.do(link, "settle")
    completed = read(shop, link)
    assert completed["attributes"]["status"] == "completed"
    assert shop.callbacks() == [paid, completed]
    assert balance(shop)[2] == "0.0"


def test_the_account_name_has_the_buyers_name(shop: CheckedShop) -> None:
    link = made(shop, LINKS, link_order(customerName="Budi Santoso"))
    send_form(shop, url_of(link), "choose", way="virtual_account/BCA")
    [payment] = listed(shop)
    assert payment["attributes"]["paymentMethod"]["instructions"]["displayName"] == "IKN-Budi Santoso"


@pytest.mark.parametrize(
    ("way", "name"), [("virtual_account/BCA", "IKN-Toko Saya"), ("retail_outlet/ALFAMART", "Toko Saya")]
)
def test_the_display_name_of_a_link_is_shown_in_the_instructions(shop: CheckedShop, way: str, name: str) -> None:
    link = made(shop, LINKS, link_order(paymentMethodOptions={"displayName": "Toko Saya"}))
    send_form(shop, url_of(link), "choose", way=way)
    [payment] = listed(shop)
    assert payment["attributes"]["paymentMethod"]["instructions"]["displayName"] == name


def test_a_link_can_be_paid_by_a_task_before_a_buyer_has_chosen(shop: CheckedShop) -> None:
    for amount in (50_000, 20_000_000):
        link = made(shop, LINKS, link_order(amount=amount))
        shop.do(link, "receive_payment")
        assert status_of(shop, link) == "paid"
        shop.do(link, "settle")
        assert status_of(shop, link) == "completed"
    assert [callback["type"] for callback in shop.callbacks()] == ["payment_links"] * 4


def test_a_link_that_no_channel_can_pay_refuses_the_task(shop: CheckedShop) -> None:
    link = made(shop, LINKS, link_order(amount=9_000_000_000))
    shop.refused("POST", f"{folder(link)}/tasks", task("receive_payment"), code="005")
    assert status_of(shop, link) == "pending"


def test_a_task_pays_a_link_on_the_channel_that_the_buyer_chose(shop: CheckedShop) -> None:
    link = made(shop, LINKS, link_order())
    send_form(shop, url_of(link), "choose", way="retail_outlet/ALFAMART")
    shop.do(link, "receive_payment")
    [payment] = listed(shop)
    assert payment["attributes"]["paymentMethod"]["type"] == "retail_outlet"
    assert (payment["attributes"]["status"], status_of(shop, link)) == ("paid", "paid")


def test_ten_concurrent_receive_payment_tasks_pay_a_link_once(shop: CheckedShop) -> None:
    link = made(shop, LINKS, link_order())
    answers = at_once(*[lambda: shop.call("POST", f"{folder(link)}/tasks", task("receive_payment"))] * 10)
    assert 200 in {answer.status_code for answer in answers}
    assert {answer.status_code for answer in answers} <= {200, 400}
    assert (status_of(shop, link), balance(shop)[0]) == ("paid", "50000.0")


def test_a_cancelled_link_refuses_payment(shop: CheckedShop) -> None:
    link = made(shop, LINKS, link_order())
    send_form(shop, url_of(link), "choose", way="virtual_account/BCA")
    shop.do(link, "cancel")
    assert status_of(shop, link) == "cancelled"
    for action in ("cancel", "receive_payment", "settle"):
        why = shop.refused("POST", f"{folder(link)}/tasks", task(action), code="005")
        assert why.startswith("The payment is cancelled, so it cannot be ")
    page = page_of(shop, url_of(link))
    assert page.status_code == 200
    assert "<form" not in page.text
    assert shop.callbacks() == []


def test_a_link_expires_at_its_requested_expiry(traveller: CheckedShop) -> None:
    link = made(traveller, LINKS, link_order(expiredAt="2025-03-30T13:00:00+07:00"))
    assert link["attributes"]["expiredAt"] == "2025-03-30 13:00:00 +0700"
    day = made(traveller, LINKS, link_order())["attributes"]
    assert day["expiredAt"][11:] == day["createdAt"][11:]
    assert (day["createdAt"][:10], day["expiredAt"][:10]) == ("2025-03-30", "2025-03-31")
    traveller.advance(to="2025-03-30T13:00:00+07:00")
    assert status_of(traveller, link) == "expired"
    traveller.refused("POST", f"{folder(link)}/tasks", task("receive_payment"), code="005")


def test_a_link_expires_within_30_days(shop: CheckedShop) -> None:
    """No channel allows a longer expiry."""
    link = made(shop, LINKS, link_order(expiredAt="2025-04-29T12:00:00+07:00"))
    assert 'name="way"' in page_of(shop, url_of(link)).text
    body = link_order(expiredAt="2025-04-30T12:00:00+07:00")
    shop.refused("POST", LINKS, body, code="005", at="/data/attributes/expiredAt")


def test_an_expiry_in_the_format_of_an_answer_is_accepted(shop: CheckedShop) -> None:
    first = made(shop, LINKS, link_order())["attributes"]["expiredAt"]
    assert made(shop, LINKS, link_order(expiredAt=first))["attributes"]["expiredAt"] == first


def test_a_buyer_who_goes_back_leaves_no_paycode_active(shop: CheckedShop) -> None:
    link = made(shop, LINKS, link_order())
    send_form(shop, url_of(link), "choose", way="virtual_account/BCA")
    charge = re.search(r'name="charge" value="([^"]+)"', page_of(shop, url_of(link)).text)
    assert charge
    send_form(shop, url_of(link), "back", charge=charge[1])
    [payment] = listed(shop)
    assert (payment["attributes"]["status"], payment["attributes"]["paymentMethod"]) == ("pending", None)
    assert ids(listed(shop, "?filter[status]=pending")) == [payment["id"]]


def test_a_v2_session_is_not_found_as_a_link(shop: CheckedShop) -> None:
    session = shop.v2.create(mode="REDIRECT", paymentMethod=None, paymentMethodOptions=None)
    shop.refused("GET", f"{LINKS}/paymentlink_{session['id'].replace('-', '')}", status=404, code="004")
