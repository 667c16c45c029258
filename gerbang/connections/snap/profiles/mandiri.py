"""Mandiri: virtual accounts that the bank must know, with payments pushed in the shape of 25 (one third-party client; F3)."""

from gerbang.connections.snap import codes
from gerbang.connections.snap.profiles import Profile

PROFILE = Profile(
    title="Bank Mandiri",
    certainty={"virtual accounts": "implementation", "transfers": "implementation"},
    receives={codes.VA_PAYMENT: "report"},
    registers=True,
    lean_payments=True,
)
