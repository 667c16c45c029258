"""What calls of a bank mean that says more, or something else, than the standard's table."""

from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from gerbang.connections import PayoutReturn
from gerbang.connections.snap import calls
from gerbang.connections.snap.calls import Read
from gerbang.connections.snap.fields import FieldWrong
from gerbang.domain.connections import Connection
from gerbang.domain.reports import Report
from tests.support.services import START

OURS = "0192f3a0000070008000000000000001"


def asked(service: str, said: dict[str, Any], profile: str = "bca") -> Any:
    connection = Connection(
        name="bank", provider="snap", profile=profile, serves=frozenset({"payouts"}), company_codes=("1402",)
    )
    return calls.asked(Read(connection, service, "1", said), START).what


@pytest.mark.parametrize(
    "status", [None, "", {}, "04", "05", "06", "06 ", "Rejected", "Retur oleh bank penerima", "DITOLAK", "FAILED"]
)
def test_a_notice_of_a_rejected_transfer_says_that_its_money_is_back(status: object) -> None:
    found = asked("76", {"originalPartnerReferenceNo": OURS, "latestTransactionStatus": status})
    assert isinstance(found, PayoutReturn)
    assert found.reference == OURS


@pytest.mark.parametrize(
    "status", ["00", "03", "07", "0", 0, 6, "99", "Success", "SUKSES", "Completed", ["00"], {"a": 1}, True]
)
@pytest.mark.parametrize("service", ["75", "76"])
def test_a_notice_that_does_not_say_rejected_gives_no_payout_back(service: str, status: object) -> None:
    with capture_logs() as logs:
        found = asked(service, {"originalPartnerReferenceNo": OURS, "latestTransactionStatus": status})
    assert found is None
    assert [each["log_level"] for each in logs] == ["error"]


PUSHED = {
    "partnerServiceId": "1402",
    "customerNo": "1",
    "virtualAccountNo": "14021",
    "paymentRequestId": "P1",
    "additionalInfo": {"paymentAmount": "1.00", "passApp": "a secret"},
}
WORDS_OF_PAID = ["Success", "SUCCESSFUL", "Paid", "00", "Sukses", "BERHASIL", "Lunas", " lunas "]
WORDS_OF_UNPAID = ["In Progress", "IN_PROGRESS", "Failed", "03", "06", "Gagal", "Dalam Proses", "belum dibayar"]
WORDS_OF_NOBODY = ["0", 0, "OK", "Reversed", "99", "sudah"]


def spoken(status: object) -> dict[str, tuple[Any, list[dict[str, Any]]]]:
    """What each service makes of a status, and what it leaves in the log."""
    connection = Connection(name="bank", provider="snap", profile="bri-ws", serves=frozenset({"payments"}))
    code = {"originalReferenceNo": "R1", "latestTransactionStatus": status, "amount": "1.00"}
    ways: dict[str, Callable[[], Any]] = {
        "34": lambda: asked("34", PUSHED | {"paymentStatus": status}, "bri-ws"),
        "35": lambda: calls.listed_money(connection, PUSHED | {"paymentStatus": status}),
        "35 flag": lambda: calls.listed_money(connection, PUSHED | {"paymentFlagStatus": status}),
        "26": lambda: calls.money_after(
            connection, PUSHED | {"paymentFlagStatus": status, "paidAmount": 1}, "14021", "I1"
        ),
        "52": lambda: asked("52", code),
        "56": lambda: asked("56", code, "doku"),
    }
    found: dict[str, tuple[Any, list[dict[str, Any]]]] = {}
    for name, way in ways.items():
        with capture_logs() as logs:
            money = way()
        found[name] = money, [dict(each) for each in logs]
    return found


@pytest.mark.parametrize("word", WORDS_OF_PAID)
def test_what_is_called_paid_is_money_in_whatever_words(word: object) -> None:
    for name, (money, logs) in spoken(word).items():
        assert isinstance(money, Report), name
        assert (money.amount, logs) == (100, []), name


@pytest.mark.parametrize("word", WORDS_OF_UNPAID)
def test_what_is_called_unpaid_is_no_money_and_nothing_to_look_at(word: object) -> None:
    for name, (money, logs) in spoken(word).items():
        assert (isinstance(money, Report), logs) == (False, []), name


@pytest.mark.parametrize("word", WORDS_OF_NOBODY)
def test_a_status_that_nobody_knows_is_an_error_each_time_with_what_names_the_payment(word: object) -> None:
    for _ in range(2):
        for name, (money, logs) in spoken(word).items():
            assert money is None, name
            ((level, state, said),) = [(each["log_level"], each["state"], each["said"]) for each in logs]
            assert (level, state) == ("error", str(word)), name
            number = {"paymentRequestId": "P1", "virtualAccountNo": "14021", "paymentAmount": "1.00"}
            assert said.items() >= ({"originalReferenceNo": "R1", "amount": "1.00"} if name > "5" else number).items()
            assert "a secret" not in str(logs)


@pytest.mark.parametrize("empty", [None, "", {}, {"value": "", "currency": ""}, {"value": None}, {"currency": "IDR"}])
def test_an_amount_without_a_value_is_looked_for_in_the_next_place(empty: object) -> None:
    assert asked("34", PUSHED | {"paidAmount": empty, "amount": empty}, "bri-ws").amount == 100
    with pytest.raises(FieldWrong):
        asked("34", PUSHED | {"paidAmount": empty, "additionalInfo": {}}, "bri-ws")
