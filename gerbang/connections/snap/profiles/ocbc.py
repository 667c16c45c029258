"""OCBC: virtual accounts by direct inquiry (one third-party implementation; reference, E and F7).

Service 34, with PUT, takes back what was paid; the signature of its QR notifications has no token in it, which is a setting.
"""

from gerbang.connections.snap import codes
from gerbang.connections.snap.profiles import DIRECT, QR_PUSH, Profile

PROFILE = Profile(
    title="OCBC",
    certainty={"virtual accounts": "implementation"},
    receives={**DIRECT, **QR_PUSH, codes.VA_INTRABANK_NOTIFY: "reversal"},
)
