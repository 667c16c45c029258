"""The services that the bank offers to its partner. Each is a function by its service code in `SERVICES`."""

from collections.abc import Callable

from gerbang.bank_simulator.bank import Bank
from gerbang.bank_simulator.call import Call, Done
from gerbang.bank_simulator.services import accounts, codes, numbers, transfers, wallets

Service = Callable[[Bank, Call], Done]

SERVICES: dict[str, Service] = {
    **accounts.SERVICES,
    **transfers.SERVICES,
    **numbers.SERVICES,
    **codes.SERVICES,
    **wallets.SERVICES,
}
"""Service code -> what does it."""
