"""One simulated bank: its ledger, its customers, its calls to the partner, and the services that it offers to the partner."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from gerbang.bank_simulator.calls import Caller
from gerbang.bank_simulator.chance import Chance
from gerbang.bank_simulator.ledger import OTHER_BANKS, PAYERS, SUSPENSE, Ledger
from gerbang.bank_simulator.notices import Notices
from gerbang.bank_simulator.payments import Payers
from gerbang.bank_simulator.profiles import PROFILES, Profile
from gerbang.bank_simulator.transcript import Transcript
from gerbang.bank_simulator.wiring import HOLDER, Wiring
from gerbang.clock import Clock
from gerbang.network import Network

OPENING = 1_000_000_000_00
"""What is on the partner's account at first, in hundredths: a thousand million rupiah."""


@dataclass
class Bank:
    """The parts of one bank."""

    wiring: Wiring
    profile: Profile
    clock: Clock
    chance: Chance
    transcript: Transcript
    ledger: Ledger
    caller: Caller
    notices: Notices
    payers: Payers
    tokens: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """The tokens that the partner has, and until when they count."""


def opened(wiring: Wiring, network: Network, clock: Clock, ledger: Path | str | None = None) -> Bank:
    """A bank with its ledger open. Without `ledger` that is a file in the bank's folder."""
    profile, chance, transcript = PROFILES[wiring.profile], Chance(), Transcript()
    opened_ledger = Ledger(wiring.folder / "ledger.sqlite" if ledger is None else ledger)
    opened_ledger.open_account(PAYERS, "The bank's customers", 0)
    opened_ledger.open_account(SUSPENSE, "Payments that nobody knows of yet", 0)
    opened_ledger.open_account(OTHER_BANKS, "Other banks", 0)
    opened_ledger.open_account(wiring.ids.account, HOLDER, OPENING)
    caller = Caller(wiring, profile, network, clock, chance, transcript)
    notices = Notices(caller)
    payers = Payers(caller, opened_ledger, notices)
    return Bank(wiring, profile, clock, chance, transcript, opened_ledger, caller, notices, payers)
