"""OCBC: virtual accounts by direct inquiry (one third-party implementation; reference, E and F7).

It uses service 34 for reversals, with PUT, which is not taken here yet.
"""

from gerbang.connections.snap.profiles import DIRECT, Profile

PROFILE = Profile(title="OCBC", certainty={"virtual accounts": "implementation"}, receives=DIRECT)
