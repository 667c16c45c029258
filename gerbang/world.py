"""The World: everything that services need from outside themselves, in one frozen bundle made by app.py."""

from collections.abc import Mapping
from dataclasses import dataclass

from gerbang.channels import Channel
from gerbang.clock import Clock
from gerbang.db import Database
from gerbang.db.ledger import Accounts
from gerbang.db.paycodes import Cursors
from gerbang.domain.deliveries import Voice
from gerbang.network import Network
from gerbang.seals import Seals


@dataclass(frozen=True)
class World:
    db: Database
    clock: Clock
    network: Network
    seals: Seals
    channels: Mapping[str, Channel]
    products: Mapping[str, Voice]
    """Callback products by name, as the dialects declare them."""
    accounts: Accounts
    cursors: Cursors
    live: bool
