"""Bank Neo Commerce: virtual accounts by direct inquiry, signed with its RSA key and without a token (reference, F7)."""

from gerbang.connections.snap.profiles import DIRECT, Profile

PROFILE = Profile(
    title="Bank Neo Commerce", certainty={"virtual accounts": "portal"}, scheme="asymmetric", receives=DIRECT
)
