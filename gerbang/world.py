"""The World: the database, clock, network, keys and configuration that services work with. app.py makes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from gerbang import channels
from gerbang.channels import Channel, ChannelSpec
from gerbang.clock import Clock
from gerbang.db import Database
from gerbang.db.paycodes import NumberAllocator
from gerbang.domain.calendars import BankCalendar
from gerbang.domain.charges import Charge
from gerbang.domain.deliveries import CallbackFormat
from gerbang.domain.merchants import Merchant, Offer
from gerbang.domain.payments import Payment
from gerbang.domain.terms import NOTHING_OFFERED
from gerbang.keyring import Keyring
from gerbang.network import Network
from gerbang.partners import Partners
from gerbang.vault import Vault


class AnswerFormat(Protocol):
    """How a dialect answers the requests that create payments of one product."""

    product: str

    def answer(self, payment: Payment, charge: Charge | None) -> bytes:
        """The body of the answer. `charge` is the one that was created with the payment, if any.

        It is stored under the idempotency key, and a repeated request gets the same bytes.
        """
        ...


@dataclass(frozen=True)
class World:
    """What services need from outside themselves. One per process."""

    db: Database
    clock: Clock
    network: Network
    keyring: Keyring
    vault: Vault
    """Card numbers."""
    channels: Mapping[str, Channel]
    partners: Partners
    """Who moves the money."""
    products: Mapping[str, CallbackFormat]
    """Callback products by name, as the dialects declare them."""
    answer_formats: Mapping[str, AnswerFormat]
    """By product, for the products whose payments a dialect creates."""
    allocator: NumberAllocator
    calendar: BankCalendar
    """The days on which banks settle."""
    live: bool

    def offers(self, spec: ChannelSpec, offer: Offer, product: str) -> bool:
        """Whether the merchant can be paid by the channel in a product: it is offered, and somebody is connected for it."""
        return self.partners.take_payments_by(spec.name) and channels.offered(spec, offer, product)

    def offer(self, merchant: Merchant, product: str) -> Offer:
        """The merchant with the terms of a product, or with terms that offer nothing if it does not exist here."""
        callback_format = self.products.get(product)
        return Offer(merchant, callback_format.product.terms if callback_format else NOTHING_OFFERED)
