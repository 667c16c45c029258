"""All APIs parse requests by the same rules: bodies, paths, ids, instants, amounts and text."""

import gzip
import json
import zlib
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from gerbang.api._addresses import plain_path
from gerbang.api._amounts import check_number, whole_of
from gerbang.api._bodies import Malformed
from gerbang.api._ids import id_of
from gerbang.api._instants import instant_of
from gerbang.api._structs import shaped
from gerbang.api.v2_sessions import orders, requests
from gerbang.domain.addresses import linkable
from tests.support.gateways import Shop, V4Shop

JSON = {"Content-Type": "application/json"}


def fault(answered: httpx.Response) -> tuple[str, str]:
    """The field and the message of a refusal in any of the APIs."""
    answer = answered.json()
    if "errors" in answer:
        [error] = answer["errors"]
        return next(iter(error.get("source", {"": ""}).values())), error["detail"]
    if isinstance(answer["error"].get("details"), list):
        detail = answer["error"]["details"][0]
        return detail["field"], detail["message"]
    return answer["error"]["field"] or "", answer["error"]["message"]


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
def test_an_amount_with_three_digits_after_a_separator_is_refused_as_ambiguous(value: str) -> None:
    for read in (whole_of, check_number):
        with pytest.raises(
            Malformed, match=r"can be read in two ways: write -?[0-9]+ or -?[0-9]+, without a separator"
        ):
            read(value, "amount")


@pytest.mark.parametrize(
    "value", ["", "1.5", "15,00", "1.500.000", "1,500,000", "Rp 15000", "2e4", "+1", "٢٠٠٠٠", "nan", "1_000", True, 1.5]
)
def test_an_amount_that_is_not_whole_rupiah_is_refused(value: object) -> None:
    with pytest.raises(Malformed, match="must be a whole number of rupiah, written without separators, like 15000"):
        whole_of(value, "amount")


@pytest.mark.parametrize(
    "text",
    [
        *("2025-03-31T23:59:00Z", "2025-03-31t23:59z", "2025-04-01T06:59:00+07:00", "2025-04-01T06:59+07:00"),
        *("2025-04-01 06:59:00 +0700", "2025-04-01T06:59", "2025-04-01T06:59:00.000", " 2025-04-01 06:59:00 "),
    ],
)
def test_an_instant_without_an_offset_is_in_jakarta_time(text: str) -> None:
    assert instant_of(text, "expiryAt") == datetime(2025, 3, 31, 23, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        *("", "tomorrow", "1743465545", "2025-02-30", "2025-03-31T25:00", "31-03-2025", "1969-12-31", "9999-01-01"),
        *("2025-03-31T23:59+12:60", "2025-03-31T23:59-0199", "2025-03-31T23:59+24:00"),
    ],
)
def test_an_instant_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="must be an instant that exists, like"):
        instant_of(text, "expiryAt")


def test_an_id_is_accepted_in_capitals_and_without_hyphens() -> None:
    text = "0195e58a-91a0-7c3b-8b1e-0123456789ab"
    wanted = id_of(text)
    assert wanted is not None and str(wanted) == text
    for same in (text.upper(), text.replace("-", ""), text.replace("-", "").upper()):
        assert (id_of(same), id_of(f"contract_{same}", "contract_")) == (wanted, wanted)
    for other in ("", text[:-1], f"{{{text}}}", f"urn:uuid:{text}", text.replace("-", "_"), "٣" * 32, text + "\n"):
        assert id_of(other) is None


def test_doubled_and_trailing_slashes_in_a_path_are_removed() -> None:
    for path in ("/v2/payments", "//v2/payments", "/v2//payments/", "///v2///payments///"):
        assert plain_path(path) == "/v2/payments"
    assert plain_path("/") == plain_path("//") == "/"


@pytest.mark.parametrize(
    "url", ["https://shop.example/ok?a=%20b#c", "http://127.0.0.1:80", "tokoku://thanks", "com.shop.app://x/y"]
)
def test_a_web_or_app_url_may_be_linked(url: str) -> None:
    assert linkable(url)


@pytest.mark.parametrize(
    "url",
    [
        *("javascript://a/%0aalert(1)", "JavaScript://a", "data://text/html,x", "vbscript://x", "file:///etc/passwd"),
        *("blob://x", "about://blank", "view-source://x", "https://", "https://u:p@shop.example", "app://u@x"),
        *("tokoku:thanks", "shop.example/ok", "//shop.example", "https://a\\b", "https://a b", "https://a:b", ""),
    ],
)
def test_a_malformed_or_executable_url_may_not_be_linked(url: str) -> None:
    assert not linkable(url)


# -- bodies -----------------------------------------------------------------------------------------------------------


def orders_of(shop: Shop, serial: str) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """For each API: the path, the body and the httpx arguments of one valid request."""
    v2 = {"clientReferenceId": f"one-{serial}", "amount": {"value": 20_000, "currency": "IDR"}}
    v4 = {"paymentMethodType": "qris", "amount": 20_000, "referenceId": f"two-{serial}"}
    return [
        ("/v2/payments", v2, {"headers": {"Authorization": f"Bearer {shop.token}"} | JSON}),
        ("/api/v4/payments", {"data": {"attributes": v4}}, {"auth": shop.v4_keys, "headers": JSON}),
        ("/sandbox/clock/advance", {"seconds": 0}, {"headers": {"Authorization": f"Bearer {shop.token}"} | JSON}),
    ]


def test_a_byte_order_mark_is_ignored(shop: Shop) -> None:
    for path, body, arguments in orders_of(shop, "mark"):
        answered = shop.client.post(path, content=b"\xef\xbb\xbf" + json.dumps(body).encode(), **arguments)
        assert answered.is_success, answered.text


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "GZIP", "gzip, gzip", "\u00e9"])
def test_a_compressed_body_is_refused_with_415_and_not_decompressed(shop: Shop, encoding: str) -> None:
    bomb = gzip.compress(b" " * 50_000_000) if "gzip" in encoding.lower() else zlib.compress(b"{}")
    for path, _, arguments in orders_of(shop, "packed"):
        arguments["headers"] = [(name.encode(), value.encode()) for name, value in arguments["headers"].items()]
        arguments["headers"].append((b"Content-Encoding", encoding.encode("latin-1")))
        answered = shop.client.post(path, content=bomb, **arguments)
        assert answered.status_code == 415
        assert fault(answered)[1].startswith("The body must be sent as it is, not as ")
    for path, body, arguments in orders_of(shop, f"plain-{encoding}"):
        arguments["headers"] = arguments["headers"] | {"Content-Encoding": "identity"}
        assert shop.client.post(path, json=body, **arguments).is_success


def test_an_empty_list_is_an_empty_object_and_empty_text_is_absent(shop: Shop) -> None:
    empty_text = dict.fromkeys(("paymentType", "customerId", "expiryAt", "mode"), "")
    php: dict[str, object] = {
        "metadata": [],
        "redirectUrl": [],
        "customer": {"email": "", "phoneNumber": ""},
        "orderInformation": [],
    }
    made = shop.create(**empty_text, **php, paymentMethod=None, paymentMethodOptions=[])
    without = shop.create(mode="REDIRECT", paymentMethod=None, paymentMethodOptions=None)
    assert made["metadata"] == {}
    assert [made[name] for name in ("mode", "status")] == [without[name] for name in ("mode", "status")]
    assert shop.create(statementDescriptor="")["statementDescriptor"] == "", "a field whose text may be empty"
    v4 = V4Shop(shop)
    assert v4.create("qris", paymentMethodOptions=[])["attributes"]["status"] == "pending"


def test_order_quantities_and_prices_may_be_fractions_or_text(shop: Shop) -> None:
    product = {"type": "DIGITAL", "name": "Kopi", "quantity": "3", "price": {"value": 33333.33, "currency": "IDR"}}
    more = product | {"quantity": 0.5, "price": {"value": "12500.50", "currency": "IDR"}, "category": ""}
    session: dict[str, object] = {
        "mode": "REDIRECT",
        "paymentMethod": None,
        "orderInformation": {"productDetails": [product, more]},
    }
    page = shop.client.get(shop.create(**session)["paymentUrl"]).text
    for shown in ("× 3<", "33.333,33", "× 0,5<", "12.500,50"):
        assert shown in page
    session["orderInformation"] = {"productDetails": [product | {"price": {"value": "15.000", "currency": "IDR"}}]}
    body = {"clientReferenceId": "two-ways", "amount": {"value": 20_000, "currency": "IDR"}, **session}
    path, reason = fault(shop.call("POST", "/v2/payments", body))
    assert (path, reason[:24]) == ("orderInformation.productDetails[0].price.value", "can be read in two ways:")


def test_every_amount_is_parsed_by_the_same_rules(shop: Shop) -> None:
    v4, money = V4Shop(shop), {"value": "75000.0000", "currency": "IDR"}
    assert shop.create(amount=money)["amount"]["value"] == 75_000
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
    for client, path, fields in calls:
        answered = client.call("POST", path, {"data": {"attributes": fields}} if client is v4 else fields)
        assert answered.status_code == 400, (path, answered.text)
        assert "can be read in two ways: write 15000 or 15, without a separator" in fault(answered)[1]


def with_amount(amount: str, body: dict[str, Any]) -> bytes:
    """The body as JSON with the text "AMOUNT" replaced by a number with exactly these digits."""
    return json.dumps(body).replace('"AMOUNT"', amount).encode()


@pytest.mark.parametrize(
    "amount",
    ["19999.999999999999999999", "20000.000000000000000001", "0.99999999999999999999", "9007199254740993.00001"],
)
def test_no_amount_is_rounded(shop: Shop, amount: str) -> None:
    """As doubles these numbers would be rounded to whole rupiah. Every field with an amount must refuse them."""
    v4, known = V4Shop(shop), shop.create()
    static = v4.post("payment_methods/virtual_bank_accounts", referenceId=amount, bankShortCode="BRI", displayName="B")
    common = {"referenceId": "e", "amount": "AMOUNT"}
    buyer = {"customerName": "B", "customerEmail": "b@shop.example", "customerPhoneNumber": "1"}
    money = {"value": "AMOUNT", "currency": "IDR"}
    calls: list[tuple[Shop | V4Shop, str, dict[str, Any]]] = [
        (
            v4,
            f"/api/v4/payment_methods/virtual_bank_accounts/{static['id']}/tasks",
            {"action": "receive_payment", "options": {"amount": "AMOUNT"}},
        ),
        (v4, "/api/v4/payment_links", common | buyer),
        (v4, "/api/v4/disbursements", common | {"disbursementMethod": {"bankShortCode": "BRI", "bankAccountNo": "1"}}),
        (v4, "/api/v4/payments", common | {"paymentMethodType": "qris"}),
        (shop, "/v2/payments", {"clientReferenceId": "e", "amount": money, "mode": "REDIRECT"}),
        (
            shop,
            "/v2/payments/simulations",
            {"paymentSessionId": known["id"], "chargeStatus": "SUCCESS", "amount": money},
        ),
        (shop, "/sandbox/bank/reports", {"paymentId": known["id"], "amount": "AMOUNT"}),
    ]
    for client, path, fields in calls:
        body = {"data": {"attributes": fields}} if client is v4 else fields
        answered = client.call("POST", path, with_amount(amount, body))
        assert answered.status_code == 400, (path, answered.text)
        assert "must be a whole number of rupiah" in fault(answered)[1], (path, answered.text)
    assert shop.get(f"/v2/payments/{known['id']}")["data"]["status"] == known["status"]


def test_a_whole_amount_may_have_any_number_of_zeros_after_the_point(shop: Shop) -> None:
    body = {"clientReferenceId": "zeros", "amount": {"value": "AMOUNT", "currency": "IDR"}, "mode": "REDIRECT"}
    made = shop.call("POST", "/v2/payments", with_amount("20000.00000000000000000000", body))
    assert made.json()["data"]["amount"]["value"] == 20_000, made.text
    attributes: dict[str, Any] = {"referenceId": "more zeros", "paymentMethodType": "qris", "amount": "AMOUNT"}
    attributes["paymentMethodOptions"] = {"displayName": "B"}
    v4_made = V4Shop(shop).call(
        "POST", "/api/v4/payments", with_amount("20000.000000000000000", {"data": {"attributes": attributes}})
    )
    assert v4_made.is_success, v4_made.text
    assert v4_made.json()["data"]["attributes"]["amount"] == "20000.0"


def test_a_long_number_is_refused_where_text_is_needed(shop: Shop) -> None:
    body = '{"clientReferenceId":0.12345678901234567890,"amount":{"value":20000,"currency":"IDR"},"mode":"REDIRECT"}'
    assert fault(shop.call("POST", "/v2/payments", body.encode())) == (
        "clientReferenceId",
        "must be text, not a number",
    )


def test_a_payout_below_10000_rupiah_is_refused(shop: Shop) -> None:
    v4, to = V4Shop(shop), {"bankShortCode": "BRI", "bankAccountNo": "0102030405"}
    attributes = {"referenceId": "least", "amount": 9_999, "disbursementMethod": to}
    answered = v4.call("POST", "/api/v4/disbursements", {"data": {"attributes": attributes}})
    assert answered.json()["errors"][0]["code"] == "TXN0002"
    assert fault(answered)[1].endswith("which is Rp 10.000.")
    assert v4.get("disbursements") == []


def test_every_instant_without_an_offset_is_in_jakarta_time(shop: Shop) -> None:
    v4 = V4Shop(shop)
    for text in ("2025-03-31T12:00", "2025-03-31T12:00:00", "2025-03-31 05:00:00Z", "2025-03-31T12:00:00+07:00"):
        assert shop.create(expiryAt=text)["expiryAt"] == "2025-03-31T05:00:00Z"
        ends = v4.create(expiredAt=text)["attributes"]["expiredAt"]
        assert datetime.fromisoformat(ends) == datetime(2025, 3, 31, 5, tzinfo=UTC)


# -- fields that would have no effect ---------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["0000001", "12345678901234567890", 7])
@pytest.mark.parametrize("mode", ["API", "REDIRECT"])
@pytest.mark.parametrize("bank", ["BRI", None])
def test_a_requested_number_that_would_not_be_used_is_refused(
    shop: Shop, number: object, mode: str, bank: str | None
) -> None:
    options = {"virtualAccount": {"channel": bank, "virtualAccountNumber": number}}
    session = {"clientReferenceId": "chosen", "amount": {"value": 20_000, "currency": "IDR"}, "mode": mode}
    session |= {"paymentMethod": {"type": "VIRTUAL_ACCOUNT"}, "paymentMethodOptions": options}
    where, why = fault(shop.call("POST", "/v2/payments", session))
    if bank is None and mode == "API":
        assert where.startswith("paymentMethodOptions.virtualAccount.")
        return
    assert where == "paymentMethodOptions.virtualAccount.virtualAccountNumber"
    assert why == "The number of a payment that is paid once cannot be chosen: leave it out, or ask for MULTIPLE."
    waiting = shop.create(autoConfirm=False, paymentMethod=None, paymentMethodOptions=None)["id"]
    confirmed = {name: session[name] for name in ("paymentMethod", "paymentMethodOptions")}
    if bank is not None:
        assert fault(shop.call("POST", f"/v2/payments/{waiting}/confirm", confirmed)) == (where, why)


def test_a_requested_account_number_may_be_a_json_number() -> None:
    body = {"type": "VIRTUAL_ACCOUNT", "paymentMethodOptions": {"virtualAccount": {"virtualAccountNumber": 99996662}}}
    method = orders.method(shaped(body, requests.PaymentMethod), None)
    assert method is not None and method.number == "99996662"


def test_metadata_over_the_limit_is_refused_with_its_path(shop: Shop) -> None:
    kept = shop.create(metadata={"a": "x" * 15_900})
    assert shop.get(f"/v2/payments/{kept['id']}")["data"]["metadata"] == kept["metadata"]
    product = {"type": "DIGITAL", "quantity": 1, "price": {"value": 1, "currency": "IDR"}}
    for where, value in (("metadata", {"a": "x" * 900_000}), ("orderInformation", {"productDetails": [product] * 300})):
        body = {"clientReferenceId": "much", "amount": {"value": 20_000, "currency": "IDR"}, where: value}
        field, why = fault(shop.call("POST", "/v2/payments", body))
        assert field == where
        assert why.endswith("bytes together, of which 16000 can be kept.")


# -- paths ------------------------------------------------------------------------------------------------------------


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
def test_an_unknown_path_is_answered_in_the_error_format_of_its_api(shop: Shop, method: str, path: str) -> None:
    answered = shop.client.request(method, str(shop.client.base_url) + path)
    assert answered.status_code == 404
    assert ("errors" if "v4" in path else "error") in answered.json()


def test_an_id_is_found_in_capitals(shop: Shop) -> None:
    made, v4 = shop.create(), V4Shop(shop)
    other = v4.create()
    assert shop.get(f"/v2/payments/{made['id'].upper()}")["data"]["id"] == made["id"]
    assert v4.get(f"payments/{other['id'].upper()}")["id"] == other["id"]
    assert shop.simulate(made["id"].upper()) == "true"


def test_an_unescaped_plus_in_a_query_matches_a_space_and_a_plus(shop: Shop) -> None:
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
