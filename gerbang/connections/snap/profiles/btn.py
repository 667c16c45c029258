"""BTN: virtual accounts by direct inquiry, or known to the bank (a summary of its specification; reference, E, F0 and F7).

It names calls by 16 letters and digits, and takes changes and ends of numbers by POST. Our clock may be 2 minutes off there.
"""

from gerbang.connections.snap import codes
from gerbang.connections.snap.paths import STANDARD
from gerbang.connections.snap.profiles import DIRECT, Profile

PROFILE = Profile(
    title="BTN",
    certainty={"virtual accounts": "implementation"},
    receives=DIRECT,
    external_id_length=16,
    calls={
        **STANDARD,
        codes.VA_UPDATE: "POST /v1.0/transfer-va/update-va",
        codes.VA_DELETE: "POST /v1.0/transfer-va/delete-va",
    },
)
