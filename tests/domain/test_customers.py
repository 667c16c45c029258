"""A customer who comes back is known by what they say now, and by what they said before where they say nothing."""

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


def test_who_says_nothing_new_stays_who_they_were() -> None:
    assert known_as(Customer(), KEPT) == KEPT
    assert known_as(KEPT, KEPT) == KEPT


def test_what_is_said_now_counts() -> None:
    said = Customer("Budiman", "", "budiman@example.id", Phone("+62", "812"), RefundPreference("transfer_only"))
    known = known_as(said, KEPT)
    assert (known.given_name, known.surname, known.email) == ("Budiman", "", "budiman@example.id")
    assert (known.phone, known.refund_preference) == (said.phone, said.refund_preference)


def test_ways_to_pay_that_a_customer_allowed_are_not_said_by_the_merchant() -> None:
    assert known_as(Customer(stored_methods=[]), KEPT).stored_methods == KEPT.stored_methods
