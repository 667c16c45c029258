"""What calls of a bank mean that says more, or something else, than the standard's table."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from gerbang.connections import PayoutReturn
from gerbang.connections.snap import calls
from gerbang.connections.snap.calls import Read
from gerbang.domain.connections import Connection
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


def test_a_report_of_a_payment_that_is_not_called_paid_leaves_a_line_in_the_log() -> None:
    number = {"partnerServiceId": "1402", "customerNo": "1", "virtualAccountNo": "14021", "paidAmount": "1.00"}
    with capture_logs() as logs:
        assert asked("34", number | {"paymentStatus": "Lunas"}, "bri-ws") is None
    assert [(each["log_level"], each["status"]) for each in logs] == [("warning", "lunas")]


@pytest.mark.parametrize("state", ["Success", "0", 0, "SUKSES"])
def test_a_code_in_a_state_that_is_not_known_leaves_a_line_in_the_log(state: object) -> None:
    said = {"originalReferenceNo": "R1", "latestTransactionStatus": state, "amount": "1.00"}
    with capture_logs() as logs:
        assert asked("52", said) is None
        assert asked("52", said | {"latestTransactionStatus": "03"}) is None
    assert [(each["log_level"], each["state"]) for each in logs] == [("warning", str(state))]
