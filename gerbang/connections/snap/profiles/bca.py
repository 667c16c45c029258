"""BCA: virtual accounts by direct inquiry only (developer.bca.co.id; reference, sections A4, F1 and H)."""

from gerbang.connections.snap.profiles import DIRECT, QR_PUSH, RETURNS, Profile

PROFILE = Profile(
    title="BCA",
    certainty={"virtual accounts": "bank", "transfers": "bank", "statements": "bank", "qris": "bank"},
    receives=DIRECT | RETURNS | QR_PUSH,
    repeated="inconsistent",
    name_length=30,
)
