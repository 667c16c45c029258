"""What merchants' programs write is read alike in every dialect: bodies, addresses, ids, instants, amounts, texts."""

import gzip
import json
import zlib
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from gerbang.api._addresses import plain_path
from gerbang.api._amounts import check_number, whole_of
from gerbang.api._bodies import Malformed, shaped
from gerbang.api._ids import id_of
from gerbang.api._instants import instant_of
from gerbang.api.v2_sessions import orders, requests
from gerbang.domain.addresses import linkable
from tests.support.gateways import Shop, V4Shop

JSON = {"Content-Type": "application/json"}


def fault(answered: httpx.Response) -> tuple[str, str]:
    """Where a request was at fault and why, whichever dialect says so."""
    said = answered.json()
    if "errors" in said:
        [error] = said["errors"]
        return next(iter(error.get("source", {"": ""}).values())), error["detail"]
    if isinstance(said["error"].get("details"), list):
        detail = said["error"]["details"][0]
        return detail["field"], detail["message"]
    return said["error"]["field"] or "", said["error"]["message"]


# -- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "whole"),
    [
        *((value, 75_000) for value in (75_000, 75_000.0, "75000", " 75000 ", "075000", "75000.0", "75000.00")),
        *(("75000.0000", 75_000), ("75000.000000", 75_000), ("0", 0), ("-5", -5), (10**30, 10**30)),
    ],
)
def test_an_amount_is_a_number_or_text(value: object, whole: int) -> None:
    assert whole_of(value, "amount") == whole


@pytest.mark.parametrize("value", ["15.000", "15,000", "1.500", "150.000", "1000.000", "0.000", "-15.000", " 15.000 "])
def test_text_with_three_digits_behind_a_separator_is_refused(value: str) -> None:
    for read in (whole_of, check_number):
        with pytest.raises(
            Malformed, match=r"can be read in two ways: write -?[0-9]+ or -?[0-9]+, without a separator"
        ):
            read(value, "amount")


@pytest.mark.parametrize(
    "value", ["", "1.5", "15,00", "1.500.000", "1,500,000", "Rp 15000", "2e4", "+1", "٢٠٠٠٠", "nan", "1_000", True, 1.5]
)
def test_what_is_no_whole_number_of_rupiah_is_refused(value: object) -> None:
    with pytest.raises(Malformed, match="must be a whole number of rupiah, written without separators, like 15000"):
        whole_of(value, "amount")


@pytest.mark.parametrize(
    "text",
    [
        *("2025-03-31T23:59:00Z", "2025-03-31t23:59z", "2025-04-01T06:59:00+07:00", "2025-04-01T06:59+07:00"),
        *("2025-04-01 06:59:00 +0700", "2025-04-01T06:59", "2025-04-01T06:59:00.000", " 2025-04-01 06:59:00 "),
    ],
)
def test_an_instant_without_an_offset_is_jakartas(text: str) -> None:
    assert instant_of(text, "expiryAt") == datetime(2025, 3, 31, 23, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "1743465545", "2025-02-30", "2025-03-31T25:00", "31-03-2025", "1969-12-31", "9999-01-01"]
)
def test_an_instant_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="must be an instant that exists, like"):
        instant_of(text, "expiryAt")


def test_an_id_is_read_in_capitals_and_without_hyphens() -> None:
    text = "0195e58a-91a0-7c3b-8b1e-0123456789ab"
    wanted = id_of(text)
    assert wanted is not None and str(wanted) == text
    for same in (text.upper(), text.replace("-", ""), text.replace("-", "").upper()):
        assert (id_of(same), id_of(f"contract_{same}", "contract_")) == (wanted, wanted)
    for other in ("", text[:-1], f"{{{text}}}", f"urn:uuid:{text}", text.replace("-", "_"), "٣" * 32, text + "\n"):
        assert id_of(other) is None


def test_doubled_slashes_and_one_at_the_end_are_taken_away() -> None:
    for path in ("/v2/payments", "//v2/payments", "/v2//payments/", "///v2///payments///"):
        assert plain_path(path) == "/v2/payments"
    assert plain_path("/") == plain_path("//") == "/"


@pytest.mark.parametrize(
    "url", ["https://shop.example/ok?a=%20b#c", "http://127.0.0.1:80", "tokoku://thanks", "com.shop.app://x/y"]
)
def test_an_address_of_the_web_or_of_an_app_may_be_linked(url: str) -> None:
    assert linkable(url)


@pytest.mark.parametrize(
    "url",
    [
        *("javascript://a/%0aalert(1)", "JavaScript://a", "data://text/html,x", "vbscript://x", "file:///etc/passwd"),
        *("blob://x", "about://blank", "view-source://x", "https://", "https://u:p@shop.example", "app://u@x"),
        *("tokoku:thanks", "shop.example/ok", "//shop.example", "https://a\\b", "https://a b", "https://a:b", ""),
    ],
)
def test_an_address_that_leads_nowhere_or_runs_may_not(url: str) -> None:
    assert not linkable(url)


# -- bodies -----------------------------------------------------------------------------------------------------------


def orders_of(shop: Shop, serial: str) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """For each dialect: where a request goes, the request, and what else it is sent with."""
    v2 = {"clientReferenceId": f"one-{serial}", "amount": {"value": 20_000, "currency": "IDR"}}
    v4 = {"paymentMethodType": "qris", "amount": 20_000, "referenceId": f"two-{serial}"}
    return [
        ("/v2/payments", v2, {"headers": {"Authorization": f"Bearer {shop.token}"} | JSON}),
        ("/api/v4/payments", {"data": {"attributes": v4}}, {"auth": shop.v4_keys, "headers": JSON}),
        ("/sandbox/clock/advance", {"seconds": 0}, {"headers": {"Authorization": f"Bearer {shop.token}"} | JSON}),
    ]


def test_a_byte_order_mark_is_passed_over(shop: Shop) -> None:
    for path, body, how in orders_of(shop, "mark"):
        answered = shop.client.post(path, content=b"\xef\xbb\xbf" + json.dumps(body).encode(), **how)
        assert answered.is_success, answered.text


@pytest.mark.parametrize("how", ["gzip", "deflate", "br", "GZIP", "gzip, gzip", "\u00e9"])
def test_a_compressed_body_is_refused_with_the_reason_and_not_unpacked(shop: Shop, how: str) -> None:
    bomb = gzip.compress(b" " * 50_000_000) if "gzip" in how.lower() else zlib.compress(b"{}")
    for path, _, sent in orders_of(shop, "packed"):
        sent["headers"] = [(name.encode(), value.encode()) for name, value in sent["headers"].items()]
        sent["headers"].append((b"Content-Encoding", how.encode("latin-1")))
        answered = shop.client.post(path, content=bomb, **sent)
        assert answered.status_code == 415
        assert fault(answered)[1].startswith("The body must be sent as it is, not as ")
    for path, body, sent in orders_of(shop, f"plain-{how}"):
        sent["headers"] = sent["headers"] | {"Content-Encoding": "identity"}
        assert shop.client.post(path, json=body, **sent).is_success


def test_an_empty_list_is_an_empty_object_and_empty_text_is_nothing(shop: Shop) -> None:
    nothing = dict.fromkeys(("paymentType", "customerId", "expiryAt", "mode"), "")
    php: dict[str, object] = {
        "metadata": [],
        "redirectUrl": [],
        "customer": {"email": "", "phoneNumber": ""},
        "orderInformation": [],
    }
    made = shop.create(**nothing, **php, paymentMethod=None, paymentMethodOptions=[])
    plainly = shop.create(mode="REDIRECT", paymentMethod=None, paymentMethodOptions=None)
    assert made["metadata"] == {}
    assert [made[name] for name in ("mode", "status")] == [plainly[name] for name in ("mode", "status")]
    assert shop.create(statementDescriptor="")["statementDescriptor"] == "", "where text may be empty, it is"
    v4 = V4Shop(shop)
    assert v4.create("qris", paymentMethodOptions=[])["attributes"]["status"] == "pending"


def test_numbers_on_which_nothing_depends_may_be_fractions_or_text(shop: Shop) -> None:
    product = {"type": "DIGITAL", "name": "Kopi", "quantity": "3", "price": {"value": 33333.33, "currency": "IDR"}}
    more = product | {"quantity": 0.5, "price": {"value": "12500.50", "currency": "IDR"}, "category": ""}
    asked: dict[str, object] = {
        "mode": "REDIRECT",
        "paymentMethod": None,
        "orderInformation": {"productDetails": [product, more]},
    }
    page = shop.client.get(shop.create(**asked)["paymentUrl"]).text
    for said in ("× 3<", "33.333,33", "× 0,5<", "12.500,50"):
        assert said in page
    asked["orderInformation"] = {"productDetails": [product | {"price": {"value": "15.000", "currency": "IDR"}}]}
    body = {"clientReferenceId": "two-ways", "amount": {"value": 20_000, "currency": "IDR"}, **asked}
    where, why = fault(shop.call("POST", "/v2/payments", body))
    assert (where, why[:24]) == ("orderInformation.productDetails[0].price.value", "can be read in two ways:")


def test_every_amount_is_read_alike(shop: Shop) -> None:
    v4, asked = V4Shop(shop), {"value": "75000.0000", "currency": "IDR"}
    assert shop.create(amount=asked)["amount"]["value"] == 75_000
    assert v4.create(amount="75000.0000")["attributes"]["amount"] == "75000.0"
    static = v4.post("payment_methods/virtual_bank_accounts", referenceId="s", bankShortCode="BRI", displayName="B")
    task = {"action": "receive_payment", "options": {"amount": "15.000"}}
    link = {"referenceId": "l", "customerName": "B", "customerEmail": "b@shop.example", "customerPhoneNumber": "1"}
    payout = {"referenceId": "p", "disbursementMethod": {"bankShortCode": "BRI", "bankAccountNo": "0102030405"}}
    payment = {"referenceId": "q", "paymentMethodType": "qris"}
    calls: list[tuple[Shop | V4Shop, str, dict[str, Any]]] = [
        (v4, f"/api/v4/payment_methods/virtual_bank_accounts/{static['id']}/tasks", task),
        (v4, "/api/v4/payment_links", link | {"amount": "15.000"}),
        (v4, "/api/v4/disbursements", payout | {"amount": "15,000"}),
        (v4, "/api/v4/payments", payment | {"amount": "15.000"}),
        (shop, "/v2/payments", {"clientReferenceId": "a", "amount": {"value": "15.000", "currency": "IDR"}}),
        (shop, "/sandbox/bank/reports", {"number": "1", "amount": "15.000"}),
    ]
    for who, path, said in calls:
        answered = who.call("POST", path, {"data": {"attributes": said}} if who is v4 else said)
        assert answered.status_code == 400, (path, answered.text)
        assert "can be read in two ways: write 15000 or 15, without a separator" in fault(answered)[1]


def exactly(amount: str, said: dict[str, Any]) -> bytes:
    """JSON in which the text AMOUNT is this number, digit by digit."""
    return json.dumps(said).replace('"AMOUNT"', amount).encode()


@pytest.mark.parametrize(
    "amount",
    ["19999.999999999999999999", "20000.000000000000000001", "0.99999999999999999999", "9007199254740993.00001"],
)
def test_no_amount_is_rounded(shop: Shop, amount: str) -> None:
    """A double would make whole numbers of these; so wherever money is asked for or told."""
    v4, known = V4Shop(shop), shop.create()
    static = v4.post("payment_methods/virtual_bank_accounts", referenceId=amount, bankShortCode="BRI", displayName="B")
    asked = {"referenceId": "e", "amount": "AMOUNT"}
    buyer = {"customerName": "B", "customerEmail": "b@shop.example", "customerPhoneNumber": "1"}
    money = {"value": "AMOUNT", "currency": "IDR"}
    calls: list[tuple[Shop | V4Shop, str, dict[str, Any]]] = [
        (
            v4,
            f"/api/v4/payment_methods/virtual_bank_accounts/{static['id']}/tasks",
            {"action": "receive_payment", "options": {"amount": "AMOUNT"}},
        ),
        (v4, "/api/v4/payment_links", asked | buyer),
        (v4, "/api/v4/disbursements", asked | {"disbursementMethod": {"bankShortCode": "BRI", "bankAccountNo": "1"}}),
        (v4, "/api/v4/payments", asked | {"paymentMethodType": "qris"}),
        (shop, "/v2/payments", {"clientReferenceId": "e", "amount": money, "mode": "REDIRECT"}),
        (
            shop,
            "/v2/payments/simulations",
            {"paymentSessionId": known["id"], "chargeStatus": "SUCCESS", "amount": money},
        ),
        (shop, "/sandbox/bank/reports", {"paymentId": known["id"], "amount": "AMOUNT"}),
    ]
    for who, path, said in calls:
        answered = who.call("POST", path, exactly(amount, {"data": {"attributes": said}} if who is v4 else said))
        assert answered.status_code == 400, (path, answered.text)
        assert "must be a whole number of rupiah" in fault(answered)[1], (path, answered.text)
    assert shop.get(f"/v2/payments/{known['id']}")["data"]["status"] == known["status"]


def test_a_whole_amount_may_have_as_many_noughts_as_it_likes(shop: Shop) -> None:
    body = {"clientReferenceId": "noughts", "amount": {"value": "AMOUNT", "currency": "IDR"}, "mode": "REDIRECT"}
    made = shop.call("POST", "/v2/payments", exactly("20000.00000000000000000000", body))
    assert made.json()["data"]["amount"]["value"] == 20_000, made.text
    asked: dict[str, Any] = {"referenceId": "more noughts", "paymentMethodType": "qris", "amount": "AMOUNT"}
    asked["paymentMethodOptions"] = {"displayName": "B"}
    v4_made = V4Shop(shop).call(
        "POST", "/api/v4/payments", exactly("20000.000000000000000", {"data": {"attributes": asked}})
    )
    assert v4_made.is_success, v4_made.text
    assert v4_made.json()["data"]["attributes"]["amount"] == "20000.0"


def test_a_long_number_is_still_no_text(shop: Shop) -> None:
    body = '{"clientReferenceId":0.12345678901234567890,"amount":{"value":20000,"currency":"IDR"},"mode":"REDIRECT"}'
    assert fault(shop.call("POST", "/v2/payments", body.encode())) == (
        "clientReferenceId",
        "must be text, not a number",
    )


def test_a_payout_is_at_least_what_banks_send(shop: Shop) -> None:
    v4, to = V4Shop(shop), {"bankShortCode": "BRI", "bankAccountNo": "0102030405"}
    asked = {"referenceId": "least", "amount": 9_999, "disbursementMethod": to}
    answered = v4.call("POST", "/api/v4/disbursements", {"data": {"attributes": asked}})
    assert answered.json()["errors"][0]["code"] == "TXN0002"
    assert fault(answered)[1].endswith("which is Rp 10.000.")
    assert v4.get("disbursements") == []


def test_every_instant_without_an_offset_is_jakartas(shop: Shop) -> None:
    v4 = V4Shop(shop)
    for text in ("2025-03-31T12:00", "2025-03-31T12:00:00", "2025-03-31 05:00:00Z", "2025-03-31T12:00:00+07:00"):
        assert shop.create(expiryAt=text)["expiryAt"] == "2025-03-31T05:00:00Z"
        ends = v4.create(expiredAt=text)["attributes"]["expiredAt"]
        assert datetime.fromisoformat(ends) == datetime(2025, 3, 31, 5, tzinfo=UTC)


# -- what is accepted has its effect ----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["0000001", "12345678901234567890", 7])
@pytest.mark.parametrize("mode", ["API", "REDIRECT"])
@pytest.mark.parametrize("bank", ["BRI", None])
def test_a_number_that_would_not_be_used_is_refused(shop: Shop, number: object, mode: str, bank: str | None) -> None:
    options = {"virtualAccount": {"channel": bank, "virtualAccountNumber": number}}
    asked = {"clientReferenceId": "chosen", "amount": {"value": 20_000, "currency": "IDR"}, "mode": mode}
    asked |= {"paymentMethod": {"type": "VIRTUAL_ACCOUNT"}, "paymentMethodOptions": options}
    where, why = fault(shop.call("POST", "/v2/payments", asked))
    if bank is None and mode == "API":
        assert where.startswith("paymentMethodOptions.virtualAccount.")
        return
    assert where == "paymentMethodOptions.virtualAccount.virtualAccountNumber"
    assert why == "The number of a payment that is paid once cannot be chosen: leave it out, or ask for MULTIPLE."
    waiting = shop.create(autoConfirm=False, paymentMethod=None, paymentMethodOptions=None)["id"]
    confirmed = {name: asked[name] for name in ("paymentMethod", "paymentMethodOptions")}
    if bank is not None:
        assert fault(shop.call("POST", f"/v2/payments/{waiting}/confirm", confirmed)) == (where, why)


def test_a_chosen_number_may_be_a_number() -> None:
    said = {"type": "VIRTUAL_ACCOUNT", "paymentMethodOptions": {"virtualAccount": {"virtualAccountNumber": 99996662}}}
    method = orders.method(shaped(said, requests.PaymentMethod), None)
    assert method is not None and method.number == "99996662"


def test_more_metadata_than_is_kept_is_refused_with_its_path(shop: Shop) -> None:
    kept = shop.create(metadata={"a": "x" * 15_900})
    assert shop.get(f"/v2/payments/{kept['id']}")["data"]["metadata"] == kept["metadata"]
    product = {"type": "DIGITAL", "quantity": 1, "price": {"value": 1, "currency": "IDR"}}
    for where, said in (("metadata", {"a": "x" * 900_000}), ("orderInformation", {"productDetails": [product] * 300})):
        body = {"clientReferenceId": "much", "amount": {"value": 20_000, "currency": "IDR"}, where: said}
        field, why = fault(shop.call("POST", "/v2/payments", body))
        assert field == where
        assert why.endswith("bytes together, of which 16000 can be kept.")


# -- addresses --------------------------------------------------------------------------------------------------------


def test_a_base_url_that_ends_in_a_slash_works(shop: Shop) -> None:
    made, v4 = shop.create(), V4Shop(shop)
    for path in (f"//v2/payments/{made['id']}", f"/v2//payments/{made['id']}/", "//v2//payments", "//sandbox/clock/"):
        assert shop.call("GET", str(shop.client.base_url) + path).status_code == 200, path
    for path in ("//api/v4/payments", "/api/v4//payments", "/api/v4//payments/"):
        assert v4.call("GET", str(shop.client.base_url) + path).status_code == 200, path


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize(
    "path", ["/v1", "/v1//customers", "/v2/", "/v2/payouts", "//v2//refunds", "/api/v4", "//api//v4//x", "/sandbox//x"]
)
def test_what_is_not_there_is_told_in_the_form_of_whoever_is_asked(shop: Shop, method: str, path: str) -> None:
    answered = shop.client.request(method, str(shop.client.base_url) + path)
    assert answered.status_code == 404
    said = answered.json()
    assert "errors" in said if "v4" in path else "error" in said


def test_an_id_is_found_in_capitals(shop: Shop) -> None:
    made, v4 = shop.create(), V4Shop(shop)
    other = v4.create()
    assert shop.get(f"/v2/payments/{made['id'].upper()}")["data"]["id"] == made["id"]
    assert v4.get(f"payments/{other['id'].upper()}")["id"] == other["id"]
    assert shop.simulate(made["id"].upper()) == "true"


def test_a_plus_that_was_not_escaped_is_found_as_a_space_and_as_a_plus(shop: Shop) -> None:
    v4 = V4Shop(shop)
    for reference in ("budi+1@shop.example", "budi 1@shop.example", "a+b c+d"):
        first = shop.create(clientReferenceId=reference)["id"]
        second = v4.create(referenceId=f"v4 {reference}")["id"]
        for query in (reference.replace(" ", "%20"), reference.replace("+", "%2B").replace(" ", "+")):
            found = shop.get(f"/v2/payments?clientReferenceId={query}")["data"]
            assert [one["id"] for one in found] == [first], query
            charged = shop.get(f"/v2/charges?clientReferenceId={query}")["data"]
            assert [one["paymentSessionId"] for one in charged] == [first], query
            listed = v4.get(f"payments?filter[referenceId]=v4%20{query}")
            assert [one["id"] for one in listed] == [second], query
    since = "2025-03-30T00:00:00+07:00"
    assert len(v4.get(f"payments?createdAfter={since}")) == len(
        v4.get(f"payments?createdAfter={since.replace('+', '%2B')}")
    )
