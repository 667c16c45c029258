"""DANA: its wallet and QRIS codes that it makes; it signs with its key, without a token, and waits 8 seconds (its own text)."""

from gerbang.connections.snap import codes
from gerbang.connections.snap.profiles import Profile

PROFILE = Profile(
    title="DANA",
    certainty={"e-wallets": "bank", "qris": "bank"},
    scheme="asymmetric",
    external_ids=False,
    receives={codes.DEBIT_NOTIFY: "report", codes.QR_NOTIFY: "report"},
    mints=frozenset({"qris", "ewallet"}),
)
