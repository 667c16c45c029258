"""BRI, BRIVA Online: virtual accounts by direct inquiry (developers.bri.co.id and its published client; reference, E, F2, H).

Its client sends neither X-EXTERNAL-ID nor CHANNEL-ID, pads a number to 28 characters, writes amounts with one decimal, and signs
in hex over the path without its query. It takes no answer within 10 seconds as silence, and holds the money until that is
settled by hand; every listed 4xx gives the money back.
"""

from gerbang.connections.snap.profiles import DIRECT, Profile

PROFILE = Profile(
    title="BRI (BRIVA Online)",
    certainty={"virtual accounts": "bank", "transfers": "bank", "statements": "bank", "qris": "bank"},
    receives=DIRECT,
    external_ids=False,
    query_is_signed=False,
    unanswered="kept",
    encoding="hex",
)
