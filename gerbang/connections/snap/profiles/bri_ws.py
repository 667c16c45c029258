"""BRI, BRIVA WS: virtual accounts that the bank must know, with a push of each payment (reference, F2; developers.bri.co.id).

The push (34) is sent once and never again, so its report (35) is read every 15 minutes (decision 0076). Its QR notifications come to a path of their own.
"""

from gerbang.connections.snap import codes
from gerbang.connections.snap.profiles import QR_PUSH, Profile, bri

PROFILE = Profile(
    title="BRI (BRIVA WS)",
    certainty={"virtual accounts": "bank", "qris": "bank"},
    receives={codes.VA_INTRABANK_NOTIFY: "report", **QR_PUSH},
    external_ids=False,
    query_is_signed=False,
    encoding="hex",
    external_id_lengths={"virtual_accounts": 9},
    empty_is_hashed=False,
    registers=True,
    mints=frozenset({"qris"}),
    calls=bri.PROFILE.calls,
)
