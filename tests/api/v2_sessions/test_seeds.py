"""Replays the vendor's documents: every printed request works, and every response is as printed.

The examples are in printed/, named after the four documents: static payment, full API mode, redirect page, and the
reference of a payment session. A printed fragment replaces the same fields in the whole request that it explains.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import jwt
import pytest

from tests.api.v2_sessions.contracts import CheckedShop
from tests.api.v2_sessions.sessions import fresh

Json = dict[str, Any]
PRINTED = Path(__file__).parent / "printed"
COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*')


def text(name: str) -> str:
    """An example without its comments, which are not JSON."""
    return COMMENT.sub(lambda found: found[1] or "", (PRINTED / f"{name}.jsonc").read_text("utf-8"))


def example(name: str) -> Json:
    return json.loads(text(name))


def sent_as_printed(shop: CheckedShop, path: str, name: str) -> Json:
    answered = shop.call("POST", path, text(name).encode())
    assert answered.status_code == 200, answered.text
    return answered.json()


def laid_over(request: Json, *fragments: str) -> Json:
    """A whole request in which fragments of the document replace its own fields."""
    for fragment in fragments:
        request = request | example(fragment)
    return request | {"clientReferenceId": fresh()}


def reproduces(printed: Any, answered: Any, known: dict[str, Callable[[Any], bool]], at: str = "") -> None:
    """Asserts that a response has the printed fields in the printed order, with the printed types and values.

    `known` maps the paths of values that the request does not determine to a check of each.
    """
    assert type(answered) is type(printed), f"{at} is {answered!r}, printed is {printed!r}"
    if at in known:
        assert known[at](answered), f"{at} is {answered!r}"
    elif isinstance(printed, dict):
        assert list(answered) == list(cast(Json, printed)), at
        for name, value in cast(Json, printed).items():
            reproduces(value, answered[name], known, f"{at}.{name}".removeprefix("."))
    elif isinstance(printed, list):
        assert len(answered) == len(cast("list[Any]", printed)), at
        for number, value in enumerate(cast("list[Any]", printed)):
            reproduces(value, answered[number], known, f"{at}[{number}]")
    else:
        assert answered == printed, f"{at} is {answered!r}, printed is {printed!r}"


def is_id(value: str) -> bool:
    return str(UUID(value)) == value


def is_the_documents_day(value: str) -> bool:
    return value.endswith("Z") and datetime.fromisoformat(value).strftime("%Y-%m-%dT%H") == "2025-03-30T05"


def is_reforzas_number(value: str) -> bool:
    """Whether a number is like the printed one: Permata's 7663 0000 and six digits."""
    return re.fullmatch("76630000[0-9]{6}", value) is not None


def charge_known(session: Json, name: str, reference: str) -> dict[str, Callable[[Any], bool]]:
    """Checks for the printed charge, which is of another payment (1743313696, over 10,000) and another merchant.

    That merchant has no short name. Our charge is the payment's own.
    """
    at = "chargeDetails[0]"
    return {
        f"{at}.id": is_id,
        f"{at}.paymentSessionId": lambda value: value == session["id"],
        f"{at}.paymentSessionClientReferenceId": lambda value: value == reference,
        f"{at}.amount.value": lambda value: value == session["amount"]["value"],
        f"{at}.createdAt": is_the_documents_day,
        f"{at}.updatedAt": is_the_documents_day,
        f"{at}.virtualAccount.virtualAccountNumber": is_reforzas_number,
        f"{at}.virtualAccount.virtualAccountName": lambda value: value == f"TOKO GERBANG - {name}",
        f"{at}.virtualAccount.expiryAt": lambda value: value == "2025-03-31T23:59:05Z" == session["expiryAt"],
    }


def below(name: str, known: dict[str, Callable[[Any], bool]]) -> dict[str, Callable[[Any], bool]]:
    return {f"{name}.{path}": check for path, check in known.items()}


@pytest.mark.parametrize("name", sorted(path.stem for path in PRINTED.iterdir()))
def test_every_printed_example_is_json_once_its_comments_are_gone(name: str) -> None:
    assert isinstance(example(name), dict)


# -- static payments --------------------------------------------------------------------------------------------------


def test_a_static_payment_is_created_as_printed(sole_shop: CheckedShop) -> None:
    session = sent_as_printed(sole_shop, "/v2/payments", "static-create")["data"]
    request = example("static-create")
    assert session["status"] == "ACTIVE"
    assert session["chargeDetails"] is None
    assert session["expiryAt"] is None
    echoed = ("clientReferenceId", "amount", "autoConfirm", "mode", "redirectUrl", "paymentType")
    for name in (*echoed, "statementDescriptor", "metadata"):
        assert session[name] == request[name]
    assert session["paymentMethod"]["virtualAccount"]["virtualAccountNumber"] == "7699013100000001"


def test_a_static_payment_finished_at_once_gives_the_printed_method(sole_shop: CheckedShop) -> None:
    request = laid_over(example("static-create"), "static-type", "static-amount", "static-method")
    session = sole_shop.post("/v2/payments", request)["data"]
    reproduces(example("static-answer")["paymentMethod"], session["paymentMethod"], {})


def test_a_static_payment_confirmed_later_gives_the_printed_method(sole_shop: CheckedShop) -> None:
    created = sent_as_printed(sole_shop, "/v2/payments", "static-create-later")["data"]
    assert (created["status"], created["paymentMethod"]) == ("REQUIRE_CONFIRMATION", None)
    confirmed = sent_as_printed(sole_shop, f"/v2/payments/{created['id']}/confirm", "static-confirm")["data"]
    assert (confirmed["status"], confirmed["chargeDetails"]) == ("ACTIVE", None)
    reproduces(example("static-answer")["paymentMethod"], confirmed["paymentMethod"], {})
    read = sole_shop.get(f"/v2/payments/{created['id']}")["data"]
    reproduces(example("static-answer")["paymentMethod"], read["paymentMethod"], {})


def test_the_printed_amount_of_a_static_payment_is_what_must_be_paid(sole_shop: CheckedShop) -> None:
    session = sent_as_printed(sole_shop, "/v2/payments", "static-create")["data"]
    assert sole_shop.simulate(session["id"]) == "true"
    assert sole_shop.simulate(session["id"], amount={"value": 9999, "currency": "IDR"}) == "false"
    charges = sole_shop.get(f"/v2/payments/{session['id']}")["data"]["chargeDetails"]
    assert [charge["amount"]["value"] for charge in charges] == [10000]


# -- full API mode ----------------------------------------------------------------------------------------------------


def test_api_mode_finished_at_once_gives_the_printed_charge(sole_shop: CheckedShop) -> None:
    session = sent_as_printed(sole_shop, "/v2/payments", "api-create")["data"]
    printed = {"chargeDetails": example("api-answer")["chargeDetails"]}
    assert session["amount"]["value"] == 20000  # printed in the request; the printed charge is over 10,000
    known = charge_known(session, "Reforza Harsya", "1743240981")
    reproduces(printed, {"chargeDetails": session["chargeDetails"]}, known)
    assert "paymentUrl" not in session


def test_api_mode_confirmed_later_gives_the_printed_charge(sole_shop: CheckedShop) -> None:
    request: Json = laid_over(example("api-create")) | {"autoConfirm": False}
    del request["paymentMethod"], request["paymentMethodOptions"]
    created = sole_shop.post("/v2/payments", request)["data"]
    assert (created["status"], created["chargeDetails"]) == ("REQUIRE_CONFIRMATION", None)
    confirmed = sent_as_printed(sole_shop, f"/v2/payments/{created['id']}/confirm", "api-confirm")["data"]
    printed = {"chargeDetails": example("api-answer")["chargeDetails"]}
    known = charge_known(confirmed, "Reforza Harsya", request["clientReferenceId"])
    reproduces(printed, {"chargeDetails": confirmed["chargeDetails"]}, known)


def test_the_printed_method_fragment_of_api_mode_finishes_a_payment(sole_shop: CheckedShop) -> None:
    session = sole_shop.post("/v2/payments", laid_over(example("api-create"), "api-method"))["data"]
    assert session["status"] == "REQUIRE_ACTION"


# -- redirect page ----------------------------------------------------------------------------------------------------


def claims_of(shop: CheckedShop, url: str) -> tuple[Json, Json]:
    """Header and claims of the token in a page's URL, after its signature was verified."""
    token = url.partition("?token=")[2]
    key = shop.gateway.services.world.keyring.page_key
    claims = jwt.decode(token, key, algorithms=["HS256"], options={"verify_exp": False})
    return jwt.get_unverified_header(token), claims


def leads_to_the_page_of(shop: CheckedShop, session: Json) -> Callable[[Any], bool]:
    """A check that the token in a page's URL has the printed header and claims, but the payment's own id."""

    def leads(url: str) -> bool:
        printed = example("redirect-answer")["paymentUrl"].partition("?token=")[2]
        header, claims = claims_of(shop, url)
        printed_claims = jwt.decode(printed, options={"verify_signature": False})
        assert header == jwt.get_unverified_header(printed)
        assert list(claims) == list(printed_claims) == ["uuid", "iss", "exp"]
        assert claims == printed_claims | {"uuid": session["id"]}
        return url.startswith(f"{shop.gateway.base_url}/detail?token=")

    return leads


def test_redirect_mode_leads_to_the_page_with_the_printed_claims(sole_shop: CheckedShop) -> None:
    session = sent_as_printed(sole_shop, "/v2/payments", "redirect-create")["data"]
    known = {"paymentUrl": leads_to_the_page_of(sole_shop, session)}
    reproduces(example("redirect-answer"), {"paymentUrl": session["paymentUrl"]}, known)
    assert session["redirectUrl"] == example("redirect-urls")["redirectUrl"]


def test_redirect_mode_confirmed_later_leads_to_the_same_page(sole_shop: CheckedShop) -> None:
    request: Json = laid_over(example("redirect-create"), "redirect-urls") | {"autoConfirm": False}
    del request["paymentMethod"], request["paymentMethodOptions"]
    created = sole_shop.post("/v2/payments", request)["data"]
    assert created["status"] == "REQUIRE_CONFIRMATION"
    confirmed = sent_as_printed(sole_shop, f"/v2/payments/{created['id']}/confirm", "redirect-confirm")["data"]
    assert confirmed["paymentUrl"] == created["paymentUrl"]
    assert leads_to_the_page_of(sole_shop, confirmed)(confirmed["paymentUrl"])
    assert confirmed["chargeDetails"][0]["virtualAccount"]["virtualAccountName"] == "TOKO GERBANG - Reforza Harsya"


def test_the_printed_method_fragment_of_redirect_mode_finishes_a_payment(sole_shop: CheckedShop) -> None:
    session = sole_shop.post("/v2/payments", laid_over(example("redirect-create"), "redirect-method"))["data"]
    assert session["status"] == "REQUIRE_ACTION"


# -- the reference of a payment session -------------------------------------------------------------------------------


def test_the_printed_session_comes_out_whole(sole_shop: CheckedShop) -> None:
    answered = sent_as_printed(sole_shop, "/v2/payments", "session-create")
    session = answered["data"]
    known = {
        "id": is_id,
        "createdAt": is_the_documents_day,
        "updatedAt": is_the_documents_day,
        "paymentUrl": leads_to_the_page_of(sole_shop, session),
        **charge_known(session, "Reforza Pivot", "1743240980"),
    }
    reproduces(example("session-answer"), answered, below("data", known))


def test_the_printed_order_is_stored_with_the_payment(sole_shop: CheckedShop) -> None:
    session = sent_as_printed(sole_shop, "/v2/payments", "session-create")["data"]
    [row] = sole_shop.gateway.rows("SELECT details->'order' AS kept FROM payments WHERE id = $1", UUID(session["id"]))
    assert json.loads(row["kept"]) == example("session-create")["orderInformation"]
