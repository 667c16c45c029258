"""BTN: virtual accounts by direct inquiry (a summary of the bank's specification; reference, E and F7)."""

from gerbang.connections.snap.profiles import DIRECT, Profile

PROFILE = Profile(title="BTN", certainty={"virtual accounts": "implementation"}, receives=DIRECT)
