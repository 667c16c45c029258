"""The World: everything that services need from outside themselves, in one frozen bundle made by app.py."""

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from gerbang import channels
from gerbang.channels import Channel, Facts
from gerbang.clock import Clock
from gerbang.connections import Bank
from gerbang.db import Database
from gerbang.db.paycodes import Cursors
from gerbang.domain.calendars import BankCalendar
from gerbang.domain.deliveries import Voice
from gerbang.domain.merchants import Merchant
from gerbang.domain.terms import NOTHING_OFFERED
from gerbang.network import Network
from gerbang.seals import Seals


@dataclass(frozen=True)
class World:
    db: Database
    clock: Clock
    network: Network
    seals: Seals
    channels: Mapping[str, Channel]
    banks: Mapping[str, Bank]
    """Connections by name; new payouts go by the first. There is none in live mode yet, so nothing is paid out there."""
    products: Mapping[str, Voice]
    """Callback products by name, as the dialects declare them."""
    cursors: Cursors
    calendar: BankCalendar
    """On which days banks settle."""
    live: bool

    def reaches(self, facts: Facts) -> bool:
        """Whether a channel's buyers can be sent where it needs them to be sent."""
        return not facts.needs_connection or any(facts.name in bank.channels for bank in self.banks.values())

    def offers(self, facts: Facts, merchant: Merchant, product: str) -> bool:
        """Whether the merchant can be paid by a channel in a product: it is sold there, and whom it needs is reached."""
        return self.reaches(facts) and channels.offered(facts, merchant, product)

    def dealing(self, merchant: Merchant, product: str) -> Merchant:
        """The merchant under the terms of a product; under none where the product is not sold here."""
        voice = self.products.get(product)
        return replace(merchant, terms=voice.product.terms if voice else NOTHING_OFFERED)
