"""The World: the database, clock, network, keys and configuration that services work with. app.py makes it."""

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from gerbang import channels
from gerbang.channels import Channel, ChannelSpec
from gerbang.clock import Clock
from gerbang.connections import Bank
from gerbang.db import Database
from gerbang.db.paycodes import NumberAllocator
from gerbang.domain.calendars import BankCalendar
from gerbang.domain.deliveries import CallbackFormat
from gerbang.domain.merchants import Merchant
from gerbang.domain.terms import NOTHING_OFFERED
from gerbang.keyring import Keyring
from gerbang.network import Network


@dataclass(frozen=True)
class World:
    """What services need from outside themselves. One per process."""

    db: Database
    clock: Clock
    network: Network
    keyring: Keyring
    channels: Mapping[str, Channel]
    banks: Mapping[str, Bank]
    """Connections by name; new payouts use the first. Live mode has none yet, so it makes no payouts."""
    products: Mapping[str, CallbackFormat]
    """Callback products by name, as the dialects declare them."""
    allocator: NumberAllocator
    calendar: BankCalendar
    """The days on which banks settle."""
    live: bool

    def reaches(self, spec: ChannelSpec) -> bool:
        """Whether the channel needs no connection, or there is a connection that serves it."""
        return not spec.needs_connection or any(spec.name in bank.channels for bank in self.banks.values())

    def offers(self, spec: ChannelSpec, merchant: Merchant, product: str) -> bool:
        """Whether the merchant can be paid by the channel in a product: it is offered, and its connection exists."""
        return self.reaches(spec) and channels.offered(spec, merchant, product)

    def dealing(self, merchant: Merchant, product: str) -> Merchant:
        """The merchant with the terms of a product, or with terms that offer nothing if it does not exist here."""
        callback_format = self.products.get(product)
        return replace(merchant, terms=callback_format.product.terms if callback_format else NOTHING_OFFERED)
