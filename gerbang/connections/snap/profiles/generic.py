"""The standard itself, for a bank that has no file here: it asks us about each payment, and signs with a token."""

from gerbang.connections.snap.profiles import DIRECT, Profile

PROFILE = Profile(title="SNAP BI as ASPI publishes it", certainty={"virtual accounts": "bank"}, receives=DIRECT)
