"""A known customer's stored details are merged with the ones in a new request: given fields win, absent ones stay."""

from gerbang.domain.customers import Customer, Destination, Phone, RefundPreference, StoredMethod, known_as
from tests.support.services import START

KEPT = Customer(
    given_name="Budi",
    surname="Santoso",
    email="budi@example.id",
    phone=Phone("+62", "811"),
    refund_preference=RefundPreference("auto", Destination("014", "1", "Budi")),
    stored_methods=[StoredMethod("t", "ewallet", "dana", START, active=True)],
)


def test_a_request_without_new_details_leaves_the_customer_unchanged() -> None:
    assert known_as(Customer(), KEPT) == KEPT
    assert known_as(KEPT, KEPT) == KEPT


def test_details_in_the_request_replace_the_stored_ones() -> None:
    given = Customer("Budiman", "", "budiman@example.id", Phone("+62", "812"), RefundPreference("transfer_only"))
    known = known_as(given, KEPT)
    assert (known.given_name, known.surname, known.email) == ("Budiman", "", "budiman@example.id")
    assert (known.phone, known.refund_preference) == (given.phone, given.refund_preference)


def test_a_merchant_cannot_change_the_stored_payment_methods_of_a_customer() -> None:
    assert known_as(Customer(stored_methods=[]), KEPT).stored_methods == KEPT.stored_methods
