"""The World: everything that services need from outside themselves, in one frozen bundle made by app.py."""

from collections.abc import Mapping
from dataclasses import dataclass

from gerbang import channels
from gerbang.channels import Channel, ChannelSpec
from gerbang.clock import Clock
from gerbang.connections import Bank
from gerbang.db import Database
from gerbang.db.paycodes import NumberAllocator
from gerbang.domain.calendars import BankCalendar
from gerbang.domain.deliveries import CallbackFormat
from gerbang.domain.merchants import Merchant, Offer
from gerbang.domain.terms import NOTHING_OFFERED
from gerbang.keyring import Keyring
from gerbang.network import Network


@dataclass(frozen=True)
class World:
    db: Database
    clock: Clock
    network: Network
    keyring: Keyring
    channels: Mapping[str, Channel]
    banks: Mapping[str, Bank]
    """Connections by name; new payouts go by the first. There is none in live mode yet, so nothing is paid out there."""
    products: Mapping[str, CallbackFormat]
    """Callback products by name, as the dialects declare them."""
    allocator: NumberAllocator
    calendar: BankCalendar
    """On which days banks settle."""
    live: bool

    def reaches(self, spec: ChannelSpec) -> bool:
        """Whether a channel's buyers can be sent where it needs them to be sent."""
        return not spec.needs_connection or any(spec.name in bank.channels for bank in self.banks.values())

    def offers(self, spec: ChannelSpec, offer: Offer, product: str) -> bool:
        """Whether the merchant can be paid by a channel in a product: it is sold there, and whom it needs is reached."""
        return self.reaches(spec) and channels.offered(spec, offer, product)

    def offer(self, merchant: Merchant, product: str) -> Offer:
        """What a product offers to a merchant; nothing where the product is not sold here."""
        callback_format = self.products.get(product)
        return Offer(merchant, callback_format.product.terms if callback_format else NOTHING_OFFERED)
