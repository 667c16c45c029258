"""Permata: no public text has its virtual accounts over the standard; direct inquiry is what to ask it for (reference, F5, J)."""

from gerbang.connections.snap.profiles import DIRECT, Profile

PROFILE = Profile(title="Permata", certainty={"transfers": "implementation"}, receives=DIRECT)
