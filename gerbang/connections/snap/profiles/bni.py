"""BNI: transfers over the standard are public, virtual accounts are not; direct inquiry is what to ask it for (reference, F4, J)."""

from gerbang.connections.snap.profiles import DIRECT, Profile

PROFILE = Profile(title="BNI", certainty={"transfers": "bank"}, receives=DIRECT)
