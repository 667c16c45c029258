"""When payments settle: each channel has its own schedule of working days; the balance is net of fees."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.api.v4_documents.contracts import CheckedShop
from tests.api.v4_documents.documents import PAYMENTS, Json, balance, made, order, status_of
from tests.support.gateways import Databases, Gateway

pytestmark = pytest.mark.slow  # a gateway of its own for each test

FRIDAY = datetime.fromisoformat("2025-06-13T22:50:00+07:00")
"""A Friday before a week without bank holidays."""


@pytest.fixture
def merchant(databases: Databases, tmp_path: Path) -> Iterator[CheckedShop]:
    with Gateway(databases.fresh(), tmp_path, clock=FRIDAY) as gateway:
        yield CheckedShop(gateway.shop)


def paid_by(shop: CheckedShop, type_: str, option: str) -> Json:
    options = {
        "virtual_bank_account": {"bankShortCode": option},
        "retail_outlet": {"retailOutletName": option},
        "qris": {"displayName": "Budi"},
        "e-wallet": {"providerCode": option, "afterSettlementReturnUrl": "https://shop.example/return"},
    }
    payment = made(shop, PAYMENTS, order(paymentMethodType=type_, paymentMethodOptions=options[type_]))
    shop.do(payment, "receive_payment")
    return payment


def test_each_channel_settles_on_its_own_day(merchant: CheckedShop) -> None:
    at_once = [paid_by(merchant, "virtual_bank_account", bank) for bank in ("BRI", "BNI", "SAHABAT_SAMPOERNA")]
    next_day = [
        paid_by(merchant, "virtual_bank_account", bank)
        for bank in ("BCA", "MANDIRI", "CIMB_NIAGA", "DANAMON", "PERMATA", "HANA", "BSI", "MAYBANK")
    ]
    next_day += [paid_by(merchant, "qris", ""), paid_by(merchant, "e-wallet", "SHOPEEPAY")]
    third_day = [paid_by(merchant, "retail_outlet", outlet) for outlet in ("ALFAMART", "INDOMARET")]

    def statuses() -> list[set[str]]:
        return [{status_of(merchant, payment) for payment in group} for group in (at_once, next_day, third_day)]

    merchant.advance(seconds=0)
    assert statuses() == [{"completed"}, {"paid"}, {"paid"}]
    assert balance(merchant) == ("289011.0", "49011.0", "240000.0")
    for to, expected in (
        ("2025-06-16T09:59:30+07:00", [{"completed"}, {"paid"}, {"paid"}]),
        ("2025-06-16T10:00:00+07:00", [{"completed"}, {"completed"}, {"paid"}]),
        ("2025-06-18T09:59:30+07:00", [{"completed"}, {"completed"}, {"paid"}]),
        ("2025-06-18T10:00:00+07:00", [{"completed"}, {"completed"}, {"completed"}]),
    ):
        merchant.advance(to=to)
        assert statuses() == expected, to
    # 15 payments of 20,000, less fees of 11 x 3,663, 2 x 4,440, 155.40 and 333.
    assert balance(merchant) == ("250338.6", "250338.6", "0.0")
    statuses_sent = [callback["attributes"]["status"] for callback in merchant.callbacks()]
    assert (statuses_sent.count("paid"), statuses_sent.count("completed")) == (15, 15)


def test_a_payment_after_the_cut_off_settles_a_day_later(merchant: CheckedShop) -> None:
    merchant.advance(to="2025-06-16T22:59:00+07:00")
    before = paid_by(merchant, "qris", "")
    merchant.advance(to="2025-06-16T23:00:00+07:00")
    after = paid_by(merchant, "qris", "")
    merchant.advance(to="2025-06-17T10:00:00+07:00")
    assert (status_of(merchant, before), status_of(merchant, after)) == ("completed", "paid")
    merchant.advance(to="2025-06-18T10:00:00+07:00")
    assert status_of(merchant, after) == "completed"


def test_a_payment_settled_early_by_a_task_is_not_settled_again(merchant: CheckedShop) -> None:
    payment = paid_by(merchant, "retail_outlet", "ALFAMART")
    merchant.do(payment, "settle")
    merchant.do(payment, "settle")
    merchant.advance(to="2025-06-20T12:00:00+07:00")
    assert balance(merchant) == ("15560.0", "15560.0", "0.0")
    assert [callback["attributes"]["status"] for callback in merchant.callbacks()] == ["paid", "completed"]
    settlements = merchant.gateway.rows("SELECT charges, gross, fees FROM settlements")
    assert settlements == [{"charges": 1, "gross": 2_000_000, "fees": 444_000}]
