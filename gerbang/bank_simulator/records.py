"""What the bank's records of numbers and codes mean: whether one can be paid now, and with how much."""

from datetime import datetime

from gerbang.bank_simulator.ledger import Ledger, Record, instant_of

OPEN, PAID, DELETED = "open", "paid", "deleted"
"""The states of a registered number. Codes and wallets have those of latestTransactionStatus."""
WAITING = "03"
MANY_TIMES = frozenset("onx")
"""The types of numbers that may be paid more than once."""


def expired(record: Record, now: datetime) -> bool:
    """Whether a registered number or a code has ended by itself."""
    until = str(record.document.get("expires") or "")
    return bool(until) and instant_of(until) <= now


def payable(record: Record, now: datetime) -> bool:
    """Whether the bank takes money for it now."""
    return record.state in {OPEN, WAITING} and not expired(record, now)


def amount_of(record: Record) -> int:
    """What a registered number was made or changed to be paid with."""
    return int(record.document.get("amount", record.amount))


def to_pay(record: Record) -> int:
    """What is asked for; 0 where the payer chooses."""
    return 0 if record.document.get("kind") == "o" else amount_of(record)


def code_found(ledger: Ledger, text: str) -> Record | None:
    """A QR code or a wallet's bill, by its content or by either side's reference."""
    for record in (*ledger.found("qr"), *ledger.found("wallet")):
        if text and text in {record.key, record.other_key, record.document.get("content")}:
            return record
    return None
