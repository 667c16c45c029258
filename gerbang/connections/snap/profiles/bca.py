"""BCA: virtual accounts by direct inquiry only (developer.bca.co.id; reference, sections A4, F1 and H)."""

from gerbang.connections.snap.profiles import DIRECT, Profile

PROFILE = Profile(
    title="BCA",
    certainty={"virtual accounts": "bank", "transfers": "bank", "statements": "bank", "qris": "bank"},
    receives=DIRECT,
    repeated="inconsistent",
    name_length=30,
)
