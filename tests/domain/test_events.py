"""Which products an event is sent to: the product under which its payment or payout was made."""

from typing import get_args
from uuid import UUID

import pytest
from msgspec.structs import replace

from gerbang.domain.events import TO_EVERY_PRODUCT, Event, Kind, Snapshot
from gerbang.domain.payouts import Destination, Payout
from gerbang.domain.reports import Booked
from tests.domain.samples import NOW, PAYMENT

PRODUCTS = ("payment", "v4-payments", "v4-disbursements")
PAYOUT = Payout(
    id=UUID(int=7),
    merchant_id=PAYMENT.merchant_id,
    product="v4-disbursements",
    reference="payout-1",
    connection="simulator",
    amount=1,
    fee=0,
    vat=0,
    state="completed",
    destination=Destination("bank_transfer", "BCA", "1", ""),
    description=None,
    created_at=NOW,
    updated_at=NOW,
)
MONEY = Booked(
    id=UUID(int=8),
    outcome="unknown_number",
    amount=1,
    merchant_id=PAYMENT.merchant_id,
    payment_id=None,
    charge_id=None,
)


def concerned(event: Event) -> list[str]:
    return [product for product in PRODUCTS if event.concerns(product)]


@pytest.mark.parametrize("kind", sorted(set(get_args(Kind)) - TO_EVERY_PRODUCT))
def test_an_event_concerns_only_the_product_of_its_payment_or_payout(kind: Kind) -> None:
    for product in PRODUCTS:
        payment, payout = replace(PAYMENT, product=product), replace(PAYOUT, product=product)
        for snapshot in (Snapshot(payment=payment), Snapshot(payout=payout)):
            assert concerned(Event(PAYMENT.merchant_id, kind, NOW, snapshot=snapshot)) == [product]


@pytest.mark.parametrize("snapshot", [Snapshot(report=MONEY), Snapshot(payment=PAYMENT, report=MONEY)])
def test_money_held_in_suspense_concerns_every_product(snapshot: Snapshot) -> None:
    assert concerned(Event(PAYMENT.merchant_id, "money.in_suspense", NOW, snapshot=snapshot)) == list(PRODUCTS)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_an_event_without_a_snapshot_concerns_no_product(kind: Kind) -> None:
    assert concerned(Event(PAYMENT.merchant_id, kind, NOW)) == []


def test_an_event_with_an_empty_snapshot_concerns_no_product() -> None:
    assert concerned(Event(PAYMENT.merchant_id, "payment.paid", NOW, snapshot=Snapshot())) == []
