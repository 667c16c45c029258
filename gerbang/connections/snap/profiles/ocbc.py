"""OCBC: virtual accounts by direct inquiry (one third-party implementation; reference, E and F7).

Service 34, with PUT, takes back what was paid; the signature of its QR notifications has no token in it, which is a setting. Its
state of a QR code (51) also wants `memberBank` and a date of the original one, which are not sent.
"""

from gerbang.connections.snap import codes
from gerbang.connections.snap.paths import STANDARD
from gerbang.connections.snap.profiles import DIRECT, QR_PUSH, Profile

PROFILE = Profile(
    title="OCBC",
    certainty={"virtual accounts": "implementation", "qris": "implementation"},
    receives={**DIRECT, **QR_PUSH, codes.VA_INTRABANK_NOTIFY: "reversal"},
    calls={
        **STANDARD,
        codes.ACCESS: "/qr/v2.0/access-token/b2b",
        codes.QR_MAKE: "/v2.0/qr/qr-mpm-generate",
        codes.QR_STATUS: "/v3.0/qr/qr-mpm-query",
    },
)
