"""A customer is who buys from a merchant. The e-mail address says who is who."""

from datetime import datetime

import msgspec
from msgspec.structs import replace


class Phone(msgspec.Struct, frozen=True):
    country_code: str
    number: str


class Destination(msgspec.Struct, frozen=True):
    """A bank account or wallet that money can be sent to."""

    channel_code: str
    account_number: str
    account_name: str


class RefundPreference(msgspec.Struct, frozen=True):
    """`method` is "auto" (back the way it came, else by transfer) or "transfer_only"."""

    method: str
    destination: Destination | None = None


class CardOnFile(msgspec.Struct, frozen=True):
    """What may be known of a stored card."""

    fingerprint: str
    network: str
    first8: str
    last4: str
    expiry_month: int
    expiry_year: int
    holder: str


class StoredMethod(msgspec.Struct, frozen=True, omit_defaults=True):
    """A wallet or card that the customer allowed the merchant to use again."""

    token: str
    channel: str
    option: str
    created_at: datetime
    active: bool
    card: CardOnFile | None = None
    """For a card that is kept here."""


class Customer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A customer as the merchant describes them; None for what it left out."""

    given_name: str | None = None
    surname: str | None = None
    email: str | None = None
    phone: Phone | None = None
    refund_preference: RefundPreference | None = None
    stored_methods: list[StoredMethod] = []

    def without_cards(self) -> "Customer":
        """The customer as it is kept: cards are kept by themselves."""
        if not any(method.card is not None for method in self.stored_methods):
            return self
        return replace(self, stored_methods=[method for method in self.stored_methods if method.card is None])


def known_as(said: Customer, kept: Customer) -> Customer:
    """A customer as a merchant now describes them: what it says, and what we knew where it says nothing."""
    return Customer(
        given_name=said.given_name if said.given_name is not None else kept.given_name,
        surname=said.surname if said.surname is not None else kept.surname,
        email=said.email if said.email is not None else kept.email,
        phone=said.phone or kept.phone,
        refund_preference=said.refund_preference or kept.refund_preference,
        stored_methods=kept.stored_methods,
    )
