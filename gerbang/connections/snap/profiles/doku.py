"""DOKU: virtual accounts that it must know, with payments pushed as 25, and QRIS codes that it makes (its own text and clients).

Its timestamps are in UTC, its external ids longer than the standard's. It repeats a notification three times unless it gets a 2xx.
"""

from gerbang.connections.snap import codes
from gerbang.connections.snap.profiles import Profile

PROFILE = Profile(
    title="DOKU",
    certainty={"virtual accounts": "bank", "qris": "bank", "e-wallets": "bank"},
    receives={codes.VA_PAYMENT: "report", codes.QR_NOTIFY: "report", codes.DEBIT_NOTIFY: "report"},
    blanks_unsigned=True,
    registers=True,
    mints=frozenset({"qris", "ewallet"}),
)
