"""Libraries of strangers play the bank: what they sign and send, the gateway takes; what was changed on the way, it refuses."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.connections_file.pems import private, rsa_key
from tests.support import snap_bank
from tests.support.gateways import Databases, Gateway
from tests.support.snap_bank import CLIENT, COMPANY, SECRET, inquiry, payment
from tests.support.strangers import Strangers
from tests.support.tiny_gateway import tiny_gateway

BCA = {"virtualAccount": {"channel": "BCA", "virtualAccountName": "Budi"}}
V1 = "/partners/bank/v1.0"
Answer = dict[str, Any]
Bank = partial[Answer]
"""Calls the gateway: path and body, and as `sent` what goes out instead of what was signed."""


@pytest.fixture(scope="module", params=["bni", "bnc"])
def gateway(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """One that knows its bank by a secret over a token (BNI), and one that knows it by its key alone (BNC)."""
    folder = tmp_path_factory.mktemp(request.param)
    file = snap_bank.connections(folder, request.param, inbound=f'partner_ids = ["{COMPANY}"]')
    with Gateway(databases.fresh(), folder / "data", connections=file) as gateway:
        yield gateway


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "bank.pem"
    file.write_text(private(rsa_key("bank")), "ascii")
    return file


@pytest.fixture
def bank(request: pytest.FixtureRequest, gateway: Gateway, strangers: Strangers, key_file: Path) -> Bank:
    """BNI's library with a token of ours, or DANA's library."""
    if request.node.callspec.params["gateway"] == "bni":
        token = signed_in(gateway, strangers, key_file)["accessToken"]
        return partial(calls, strangers, "bni_call", gateway, partner_id=COMPANY, secret=SECRET, token=token)
    return partial(calls, strangers, "dana_call", gateway, partner_id=COMPANY, key=key_file.read_text("ascii"))


def signed_in(gateway: Gateway, strangers: Strangers, key_file: Path, client_id: str = CLIENT) -> Answer:
    url = f"{gateway.base_url}{V1}/access-token/b2b"
    return strangers.do("bni_token", url=url, client_id=client_id, key_file=str(key_file))


def calls(strangers: Strangers, do: str, gateway: Gateway, path: str, body: Answer, **how: Any) -> Answer:
    return strangers.do(do, base_url=gateway.base_url, path=V1 + path, body=body, **how)


def owed(gateway: Gateway) -> str:
    """The number of a new payment of Rp 20.000."""
    made = gateway.new_shop().create(paymentMethodOptions=BCA)
    return made["chargeDetails"][0]["virtualAccount"]["virtualAccountNumber"]


def booked(gateway: Gateway, number: str) -> list[tuple[str, int]]:
    rows = gateway.rows("SELECT outcome, amount FROM reports WHERE number = $1", number)
    return [(row["outcome"], row["amount"]) for row in rows]


@pytest.mark.parametrize("gateway", ["bni"], indirect=True)
def test_a_token_is_given_to_who_signs_with_the_banks_key(
    gateway: Gateway, strangers: Strangers, key_file: Path
) -> None:
    given = signed_in(gateway, strangers, key_file)
    assert (given["responseCode"], given["tokenType"], given["expiresIn"]) == ("2007300", "Bearer", "900")
    assert signed_in(gateway, strangers, key_file, "somebody")["responseCode"] == "4017300"
    key_file.write_text(private(rsa_key("another bank")), "ascii")
    refused = signed_in(gateway, strangers, key_file)
    assert (refused["responseCode"], "accessToken" in refused) == ("4017300", False)


def test_a_buyer_pays_by_what_a_library_signs_and_sends(gateway: Gateway, bank: Bank) -> None:
    number = owed(gateway)
    # Both sign a compact body and send one with blanks; both write what is not ASCII as escapes.
    shown = bank("/transfer-va/inquiry", inquiry(number) | {"additionalInfo": {"note": "Kopi susu / roti é, 12: 30"}})
    assert shown["responseCode"] == "2002400"
    assert shown["virtualAccountData"]["totalAmount"] == {"value": "20000.00", "currency": "IDR"}
    paid = bank("/transfer-va/payment", payment(number, "20000.00"))
    assert (paid["responseCode"], paid["virtualAccountData"]["paymentFlagStatus"]) == ("2002500", "00")
    assert booked(gateway, number) == [("booked", 2_000_000)]


async def test_what_a_library_sends_is_not_what_it_signs(strangers: Strangers) -> None:
    body = inquiry("140200000000001") | {"additionalInfo": {"note": "é"}}
    async with tiny_gateway() as listener:
        to = {"base_url": listener.url, "path": f"{V1}/transfer-va/inquiry", "partner_id": COMPANY, "body": body}
        listener.bills["140200000000001"] = 20_000
        await strangers.does("bni_call", **to, secret=SECRET, token="T")
        await strangers.does("dana_call", **to, key=private(rsa_key("bank")))
    bni, dana = listener.received
    for request in (bni, dana):
        assert request.body == json.dumps(body).encode()
        assert hashlib.sha256(request.body).hexdigest() != hashlib.sha256(compact(body)).hexdigest()
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+07:00", request.headers["X-TIMESTAMP"])
    signed = f"POST:{to['path']}:T:{hashlib.sha256(compact(body)).hexdigest()}:{bni.headers['X-TIMESTAMP']}"
    expected = base64.b64encode(hmac.digest(SECRET.encode(), signed.encode(), "sha512")).decode()
    assert bni.headers["X-SIGNATURE"] == expected
    assert re.fullmatch(r"[0-9]{19}", bni.headers["X-EXTERNAL-ID"])
    assert re.fullmatch(r"sdk[0-9a-f-]{33}", dana.headers["X-EXTERNAL-ID"])
    assert "X-IP-Address" in bni.headers
    assert "Authorization" not in dana.headers


def compact(body: Answer) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def test_a_body_that_was_changed_after_it_was_signed_is_refused(gateway: Gateway, bank: Bank) -> None:
    number = owed(gateway)
    body = payment(number, "20000.00")
    for changed in (
        {"paidAmount": {"value": "20000.0", "currency": "IDR"}},
        {"partnerServiceId": COMPANY},  # without its blanks, which are inside of a text
        {"paymentRequestId": "another"},
    ):
        refused = bank("/transfer-va/payment", body, sent=body | changed)
        assert refused["responseCode"] == "4012500", changed
    reordered = dict(reversed(body.items()))
    assert json.dumps(reordered) != json.dumps(body)
    assert bank("/transfer-va/payment", body, sent=reordered)["responseCode"] == "4012500"
    assert booked(gateway, number) == []


def test_a_wrong_secret_key_or_token_is_refused(gateway: Gateway, bank: Bank) -> None:
    number = owed(gateway)
    wrong: list[dict[str, str]] = [{"partner_id": "99999"}]
    if "secret" in bank.keywords:
        wrong += [{"secret": "another"}, {"token": "another"}]
    else:
        wrong += [{"key": private(rsa_key("another bank"))}]
    for how in wrong:
        refused = bank("/transfer-va/payment", payment(number, "20000.00"), **how)
        assert refused["responseCode"] in ("4012500", "4012501"), how
    assert booked(gateway, number) == []
