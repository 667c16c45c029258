"""Banks whose calls differ from the standard's examples are served as well, each by its profile and the settings of its contract."""

import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support import snap_bank
from tests.support.gateways import Databases, Gateway
from tests.support.snap_bank import Bank, external_id, inquiry, payment

from .test_direct_inquiry import booked, code, created

Open = Callable[..., Gateway]


@pytest.fixture
def opened(databases: Databases, tmp_path: Path) -> Iterator[Open]:
    gateways: list[Gateway] = []

    def gateway(profile: str, public_url: str | None = None, **contract: str) -> Gateway:
        file = snap_bank.connections(tmp_path, profile, **contract)
        gateways.append(
            Gateway(databases.fresh(), tmp_path / "data", connections=file, public_url=public_url).__enter__()
        )
        return gateways[-1]

    yield gateway
    for each in gateways:
        each.__exit__(None, None, None)


def test_bri_names_no_call_and_signs_in_hex_over_the_path_without_its_query(opened: Open) -> None:
    gateway = opened("bri")
    bank = Bank(gateway.client, prefix="/partners/bank/v1", hex_signatures=True)
    bank.headers = {"X-EXTERNAL-ID": None, "CHANNEL-ID": None, "X-CLIENT-KEY": snap_bank.CLIENT}
    assert code(bank.sign_in()) == "2007300"
    _, number = created(gateway.new_shop())
    padded = {"virtualAccountNo": number.rjust(28)}
    path = "/transfer-va/inquiry"
    shown = bank.call(f"{path}?trace=1", inquiry(number) | padded, signed_path=bank.prefix + path)
    assert code(shown) == "2002400"
    flagged = payment(number, "20000.0") | padded | {"channelCode": 1, "flagAdvise": None, "trxDateTime": None}
    flagged["trxDateInit"] = "2026-11-28T05:00:00.123Z"
    answers = [bank.call("/transfer-va/payment", flagged) for _ in range(2)]
    assert [code(each) for each in answers] == ["2002500", "2002500"]
    assert [outcome for outcome, _ in booked(gateway, number)] == ["booked"]


def test_bsi_names_only_the_call_and_is_answered_in_whole_rupiah(opened: Open) -> None:
    gateway = opened("bsi")
    bank = Bank(gateway.client, prefix="/partners/bank/api/v1.0")
    bank.sign_in()
    _, number = created(gateway.new_shop())
    only = {"partnerServiceId": number[:4], "customerNo": number[4:]}
    shown = bank.call("/transfer-va/inquiry", only, X_EXTERNAL_ID="INQ-1")
    assert code(shown) == "2002400"
    data = shown.json()["virtualAccountData"]
    assert (data["totalAmount"]["value"], data["inquiryRequestId"], shown.json()["additionalInfo"]) == (
        "20000",
        "INQ-1",
        [],
    )
    paid_with = only | {"paidAmount": {"value": "20000", "currency": "IDR"}}
    paid = [bank.call("/transfer-va/payment", paid_with, X_EXTERNAL_ID="PAY-1") for _ in range(2)]
    assert [code(each) for each in paid] == ["2002500", "2002500"]
    assert paid[0].json()["virtualAccountData"]["paymentRequestId"] == "PAY-1"
    assert len(booked(gateway, number)) == 1


def test_a_call_of_bsi_that_somebody_sends_again_under_another_id_is_a_conflict(opened: Open) -> None:
    gateway = opened("bsi")
    bank = Bank(gateway.client, prefix="/partners/bank/api/v1.0")
    bank.sign_in()
    made = gateway.new_shop().create(
        paymentMethodOptions={"virtualAccount": {"channel": "BCA", "virtualAccountName": "Budi"}},
        paymentType="MULTIPLE",
        amount=None,
    )
    number = made["paymentMethod"]["virtualAccount"]["virtualAccountNumber"]
    said = {"partnerServiceId": number[:4], "customerNo": number[4:], "paidAmount": {"value": "20000"}}
    # Late in its clock's window, so that the days of Jakarta may differ, too.
    signed_at = snap_bank.stamp(datetime.now(UTC) - timedelta(minutes=9))
    later = snap_bank.stamp(datetime.now(UTC) - timedelta(minutes=8))
    answers: list[str] = []
    for id_, at in (
        ("PAY-1", signed_at),
        ("PAY-2", signed_at),  # whoever has seen the first call has this one, and no other
        ("PAY-1", signed_at),
        ("PAY-1", later),
        ("PAY-3", later),
        ("PAY-4", snap_bank.stamp()),
    ):
        answers.append(code(bank.call("/transfer-va/payment", said, X_EXTERNAL_ID=id_, X_TIMESTAMP=at)))
        bank.hex_signatures = not bank.hex_signatures  # another spelling of a signature is no other signature
    assert answers == ["2002500", "4092500", "2002500", "2002500", "4092500", "2002500"]
    assert booked(gateway, number) == [("booked", 2_000_000)] * 2
    # Asking moves nothing: two who ask in one second are both answered.
    only = {"partnerServiceId": number[:4], "customerNo": number[4:]}
    for id_ in ("INQ-1", "INQ-2"):
        assert code(bank.call("/transfer-va/inquiry", only, X_EXTERNAL_ID=id_, X_TIMESTAMP=later)) == "2002400"


def test_bnc_signs_with_its_key_and_has_no_token(opened: Open) -> None:
    gateway = opened("bnc")
    bank = Bank(gateway.client, asymmetric=True, headers={"AUTHORIZATION": None})
    _, number = created(gateway.new_shop())
    assert code(bank.inquire(number)) == "2002400"
    assert code(bank.pay(number)) == "2002500"
    bank.asymmetric = False  # the secret is not what it proves itself by
    assert code(bank.pay(number)) == "4012500"


def test_a_contract_can_say_another_scheme_and_a_narrower_clock(opened: Open) -> None:
    settings = 'settings = { inbound_scheme = "symmetric_without_token", clock_skew_seconds = 1 }'
    gateway = opened("ocbc", more=settings)
    bank = Bank(gateway.client)
    _, number = created(gateway.new_shop())
    body = inquiry(number)
    assert code(bank.call("/transfer-va/inquiry", body)) == "4012400"
    bank.no_token_signed = True
    assert code(bank.call("/transfer-va/inquiry", body)) == "2002400"
    assert code(bank.call("/transfer-va/inquiry", body, X_TIMESTAMP="2026-11-28T05:00:00Z")) == "4012400"


def test_tokens_are_revoked_by_the_file(opened: Open, tmp_path: Path) -> None:
    gateway = opened("bca", more='settings = { tokens_since = "2099-01-01T00:00:00+07:00" }')
    bank = Bank(gateway.client)
    assert code(bank.sign_in()) == "2007300"
    _, number = created(gateway.new_shop())
    assert code(bank.inquire(number)) == "4012401"


@pytest.mark.parametrize("kept", [True, False])
def test_a_proxy_may_keep_or_strip_the_path_of_the_public_url(opened: Open, kept: bool) -> None:
    gateway = opened("bca", public_url="https://pay.example/gate")
    bank = Bank(gateway.client)
    if kept:
        bank.prefix = "/gate" + bank.prefix
    bank.sign_in()
    _, number = created(gateway.new_shop())
    signed = "/gate/partners/bank/openapi/v1.0/transfer-va/inquiry"
    assert code(bank.call("/transfer-va/inquiry", inquiry(number), signed_path=signed)) == "2002400"


def test_only_the_addresses_of_the_contract_may_call(opened: Open) -> None:
    gateway = opened("bca", inbound='allowed_addresses = ["203.0.113.0/24"]')
    for headers in ({}, {"X-Forwarded-For": "203.0.113.9"}):  # nobody said that a proxy of ours is here
        answer = gateway.client.post("/partners/bank/v1.0/access-token/b2b", json={}, headers=headers)
        assert (answer.status_code, answer.json()["responseCode"]) == (403, "4030000")


def test_a_request_that_is_not_http_is_answered_in_the_standards_form(opened: Open) -> None:
    gateway = opened("bca")
    url = gateway.client.base_url
    with socket.create_connection((url.host, url.port or 80), 10) as raw:
        raw.sendall(b"POST /partners/bank/v1.0/access-token/b2b HTTP/1.1\r\nContent-Length: 0\r\n\r\n")  # no host
        answer = raw.recv(10_000)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"responseCode":"4000000"' in answer


def test_the_same_external_id_is_good_on_another_service(opened: Open) -> None:
    gateway = opened("generic")
    bank = Bank(gateway.client)
    bank.sign_in()
    _, number = created(gateway.new_shop())
    id_ = external_id()
    asked: dict[str, Any] = inquiry(number)
    answers = [
        bank.call("/transfer-va/inquiry", asked, X_EXTERNAL_ID=id_),
        bank.call("/transfer-va/inquiry", asked, X_EXTERNAL_ID=id_),
        bank.pay(number, X_EXTERNAL_ID=id_),
        bank.inquire(number, X_EXTERNAL_ID=id_),
    ]
    assert [code(each) for each in answers] == ["2002400", "2002400", "2002500", "4092400"]


def test_a_customer_number_that_lost_its_zeros_as_a_number_is_known(opened: Open) -> None:
    gateway = opened("bca")
    bank, shop = Bank(gateway.client), gateway.new_shop()
    bank.sign_in()
    for _ in range(3):
        _, number = created(shop)
        assert code(bank.inquire(number, customerNo=int(number[4:]))) == "2002400"
