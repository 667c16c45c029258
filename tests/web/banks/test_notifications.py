"""Partners that say what has happened: money that arrived is booked or held in suspense, and always acknowledged."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support import snap_bank
from tests.support.snap_bank import Bank, external_id, parts, payment, request_id, stamp

from .test_direct_inquiry import all_is_well, booked, code, created
from .test_habits import Open, opened

__all__ = ["opened"]
PUSH = "/transfer-va/notify-payment-intrabank"


def pushed(number: str, value: str = "20000.00", **changes: Any) -> dict[str, Any]:
    """A payment as BRI pushes it (34): the amount is inside additionalInfo."""
    info = {"idApp": "TEST", "passApp": "", "paymentAmount": value, "terminalId": "9"}
    return parts(number) | {"paymentRequestId": request_id(), "trxDateTime": stamp(), "additionalInfo": info} | changes


def test_a_push_of_bri_is_booked_once_and_acknowledged(opened: Open) -> None:
    gateway = opened("bri-ws")
    bank = Bank(gateway.client, prefix="/partners/bank/snap/v1.0", hex_signatures=True, headers={"X-EXTERNAL-ID": None})
    bank.sign_in()
    shop = gateway.new_shop()
    id_, number = created(shop)
    said = pushed(number)
    answers = [bank.call(PUSH, said) for _ in range(2)]
    assert [code(each) for each in answers] == ["2003400", "2003400"]
    assert answers[0].json()["virtualAccountData"] == parts(number)
    assert shop.get(f"/v2/payments/{id_}")["data"]["status"] == "PAID"
    assert booked(gateway, number) == [("booked", 2_000_000)]
    # Not paid yet; too much; nobody's number; without an id of its own, twice.
    _, other = created(shop)
    assert code(bank.call(PUSH, pushed(other, paymentStatus="In Progress"))) == "2003400"
    assert booked(gateway, other) == []
    assert code(bank.call(PUSH, pushed(other, "99999.00"))) == "2003400"
    unnamed = pushed("1402777777777777", paymentRequestId="")
    assert [code(bank.call(PUSH, unnamed)) for _ in range(2)] == ["2003400", "2003400"]
    assert booked(gateway, other) == [("overpaid", 9_999_900)]
    assert booked(gateway, "1402777777777777") == [("unknown_number", 2_000_000)]
    # What this bank does not do over this contract, it cannot ask.
    assert code(bank.call("/transfer-va/payment", payment(other, "20000.00"))) == "4050000"
    all_is_well(gateway)


def test_a_payment_of_a_registered_number_is_a_report_and_never_refused(opened: Open) -> None:
    gateway = opened("mandiri")
    bank = Bank(gateway.client)
    bank.sign_in()
    _, number = created(gateway.new_shop())
    for value, outcome in (("19000.00", "underpaid"), ("20000.00", "booked"), ("20000.00", "double")):
        answer = bank.pay(number, value, trxDateTime="20261128T120000+0700")
        assert code(answer) == "2002500"
        assert "paymentFlagStatus" not in answer.json()["virtualAccountData"]
        assert [each for each, _ in booked(gateway, number)][-1] == outcome
    all_is_well(gateway)


UNREADABLE = "what a partner reports could not be read, and may not be said again: compare its day"


def logged(logs: list[Any], event: str) -> list[dict[str, Any]]:
    """The lines of this event, which are errors."""
    assert {each["log_level"] for each in logs if each["event"] == event} <= {"error"}
    return [each for each in logs if each["event"] == event]


def test_a_report_that_cannot_be_read_is_an_error_each_time_and_needs_no_name_of_its_call(opened: Open) -> None:
    gateway = opened("mandiri")
    bank = Bank(gateway.client)
    bank.sign_in()
    _, number = created(gateway.new_shop())
    said = payment(number, "20000.00") | {"paidAmount": {"value": "much"}, "additionalInfo": {"passApp": "a secret"}}
    with capture_logs() as logs:
        for _ in range(40):  # whoever has no key fills another line
            assert code(bank.call("/transfer-va/payment", said, AUTHORIZATION=None)) == "4012501"
        for _ in range(2):
            assert code(bank.call("/transfer-va/payment", said)) == "4002501"
        assert code(bank.call("/transfer-va/payment", b"[]")) == "4002500"
    first, again, no_json = logged(logs, UNREADABLE)
    assert first == again
    assert (first["connection"], first["why"]) == ("bank", "Invalid Field Format paidAmount.value")
    named = {"paymentRequestId": said["paymentRequestId"], "customerNo": number[4:], "paidAmount": "much"}
    assert first["said"].items() >= named.items()
    assert "a secret" not in str(first)
    assert no_json["said"] == {}
    for id_ in (None, "x" * 65, "with blank"):
        assert code(bank.pay(number, X_EXTERNAL_ID=id_)) == "2002500"
    assert booked(gateway, number)[0] == ("booked", 2_000_000)


def test_one_bank_takes_back_by_34_what_it_has_said(opened: Open) -> None:
    gateway = opened("ocbc")
    bank = Bank(gateway.client)
    bank.sign_in()
    _, number = created(gateway.new_shop())
    flagged = payment(number, "20000.00")
    assert code(bank.call("/transfer-va/payment", flagged)) == "2002500"
    for _ in range(2):
        assert code(bank.call(PUSH, flagged | {"paymentStatus": "Reversed"}, method="PUT")) == "2003400"
    rows = gateway.rows("SELECT outcome, amount FROM reversals")
    assert [(row["outcome"], row["amount"]) for row in rows] == [("reversed", 2_000_000)]
    all_is_well(gateway)


def test_what_the_standard_means_by_34_takes_nothing_back(opened: Open) -> None:
    gateway = opened("ocbc")
    bank = Bank(gateway.client)
    bank.sign_in()
    _, number = created(gateway.new_shop())
    flagged = payment(number, "20000.00")
    assert code(bank.call("/transfer-va/payment", flagged)) == "2002500"
    with capture_logs() as logs:
        for status in ("Success", "Reversed"):
            assert code(bank.call(PUSH, flagged | {"paymentStatus": status})) == "4053400"
    assert [each["said"]["paymentRequestId"] for each in logged(logs, UNREADABLE)] == [flagged["paymentRequestId"]] * 2
    assert gateway.rows("SELECT 1 FROM reversals") == []
    assert booked(gateway, number) == [("booked", 2_000_000)]


@pytest.mark.parametrize("profile", ["doku", "dana"])
def test_money_by_a_code_that_nobody_knows_is_held_and_acknowledged(opened: Open, profile: str) -> None:
    gateway = opened(profile)
    bank = Bank(gateway.client, prefix="/partners/bank/v1.0", asymmetric=profile == "dana")
    if profile == "doku":
        bank.sign_in()
    paid = {
        "originalReferenceNo": "A12024",
        "originalPartnerReferenceNo": "nothing of ours",
        "latestTransactionStatus": "00",
        "amount": {"value": "15000.00", "currency": "IDR"},
        "additionalInfo": {"issuerName": "BANK X"},
    }
    for path, service in (("/debit/notify", "56"), ("/qr/qr-mpm-notify", "52")):
        assert code(bank.call(path, paid | {"latestTransactionStatus": "03"})) == f"200{service}00"
        for _ in range(2):
            answer = bank.call(path, paid, X_EXTERNAL_ID=external_id())
            assert code(answer) == f"200{service}00"
        assert code(bank.call(path, paid | {"latestTransactionStatus": ""})) == f"400{service}02"
        assert code(bank.call(path, paid | {"amount": {"value": "0"}})) == f"400{service}01"
    rows = gateway.rows("SELECT channel, outcome FROM reports ORDER BY channel")
    assert [(row["channel"], row["outcome"]) for row in rows] == [
        ("ewallet", "unknown_number"),
        ("qris", "unknown_number"),
    ]
    all_is_well(gateway)


def test_a_returned_transfer_that_is_not_ours_is_acknowledged(opened: Open) -> None:
    gateway = opened("bca")
    bank = Bank(gateway.client)
    bank.sign_in()
    said = {"originalReferenceNo": "R1", "additionalInfo": {"rejectStatusID": "Rekening tutup", "traceNo": "1"}}
    assert code(bank.call("/transfer-rtgs/notify", said)) == "2007600"
    assert (
        code(bank.call("/transfer-skn/notify", said | {"additionalInfo": [], "originalReferenceNo": ""})) == "4007502"
    )


def test_a_notice_of_a_transfer_that_was_not_rejected_gives_nothing_back(opened: Open) -> None:
    gateway = opened("bca")
    bank = Bank(gateway.client)
    bank.sign_in()
    said = {"originalReferenceNo": "R1", "latestTransactionStatus": "00", "transactionStatusDesc": "Success\r\n" * 99}
    assert code(bank.call("/transfer-rtgs/notify", said)) == "2007600"
    assert code(bank.call("/transfer-rtgs/notify", said | {"latestTransactionStatus": "06"})) == "2007600"


def test_a_bank_that_asks_about_its_numbers_reports_its_codes(opened: Open) -> None:
    gateway = opened("bri")
    bank = Bank(gateway.client, prefix="/partners/bank", hex_signatures=True, headers={"X-EXTERNAL-ID": None})
    bank.sign_in()
    paid = {"originalReferenceNo": "A1", "latestTransactionStatus": "00", "amount": {"value": "1.00"}}
    assert code(bank.call("/v1.1/qr-dynamic/qr-mpm-notify", paid)) == "2005200"
    assert [outcome for outcome, _ in booked(gateway, "A1")] == ["unknown_number"]


@pytest.mark.parametrize("issuer", [{"a": 1}, "BANK\r\nX", "x" * 500, 7])
def test_money_is_taken_whatever_its_issuer_is_called(opened: Open, issuer: object) -> None:
    gateway = opened("dana")
    bank = Bank(gateway.client, prefix="/partners/bank/v1.0", asymmetric=True)
    paid = {
        "originalReferenceNo": "A1",
        "latestTransactionStatus": "00",
        "amount": {"value": "1.00", "currency": "IDR"},
    }
    assert code(bank.call("/qr/qr-mpm-notify", paid | {"additionalInfo": {"issuerName": issuer}})) == "2005200"
    assert [outcome for outcome, _ in booked(gateway, "A1")] == ["unknown_number"]


def test_a_report_that_cannot_be_written_down_is_not_acknowledged(opened: Open) -> None:
    gateway = opened("mandiri")
    bank = Bank(gateway.client)
    bank.sign_in()
    _, number = created(gateway.new_shop())
    gateway.do(gateway.services.world.db.close())
    with capture_logs() as logs:
        for _ in range(2):
            answer = bank.pay(number, paymentRequestId="P1")
            assert code(answer) in ("5042500", "5002500")
            assert snap_bank.SECRET not in answer.text
    lines = logged(logs, "money that a partner has reported was not written down: compare its day")
    assert [(each["reference"], each["number"], each["amount"]) for each in lines] == [("P1", number, "Rp 20.000")] * 2


def test_each_payment_that_its_bank_got_no_answer_about_is_named(opened: Open) -> None:
    gateway = opened("bca")
    bank = Bank(gateway.client)
    bank.sign_in()
    _, number = created(gateway.new_shop())
    gateway.do(gateway.services.world.db.close())
    with capture_logs() as logs:
        assert code(bank.pay(number, X_TIMESTAMP="2026-11-28T05:00:00Z")) == "4012500"  # its own line hides no other
        for id_ in ("P1", "P2"):
            assert code(bank.pay(number, paymentRequestId=id_)) in ("5042500", "5002500")
        assert code(bank.inquire(number)) in ("5042400", "5002400")
    lines = logged(logs, "a bank's payment was not answered in time: compare its day")
    named = [(each["request"], each["number"], each["amount"]) for each in lines]
    assert named == [("P1", number, "Rp 20.000"), ("P2", number, "Rp 20.000")]
