"""A customer is who buys from a merchant. The e-mail address says who is who."""

from datetime import datetime

import msgspec


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


class StoredMethod(msgspec.Struct, frozen=True):
    """A wallet or card that the customer allowed the merchant to use again."""

    token: str
    channel: str
    option: str
    created_at: datetime
    active: bool


class Customer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A customer as the merchant describes them; None for what it left out."""

    given_name: str | None = None
    surname: str | None = None
    email: str | None = None
    phone: Phone | None = None
    refund_preference: RefundPreference | None = None
    stored_methods: list[StoredMethod] = []


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
