"""BRI, BRIVA Online: virtual accounts by direct inquiry (developers.bri.co.id and its published client; reference, E, F2, H).

Its client sends neither X-EXTERNAL-ID nor CHANNEL-ID, pads a number to 28 characters, writes amounts with one decimal, and signs
in hex over the path without its query. It takes no answer within 10 seconds as silence, and holds the money until that is
settled by hand; every listed 4xx gives the money back.

Its QR notifications come to a path of their own. We sign for a token in base64 and everything else in hex. The versions of services that no text names are the standard's first one.
"""

from gerbang.connections.snap import codes
from gerbang.connections.snap.profiles import DIRECT, QR_PUSH, Profile

PROFILE = Profile(
    title="BRI (BRIVA Online)",
    certainty={"virtual accounts": "bank", "transfers": "bank", "statements": "bank", "qris": "bank"},
    receives=DIRECT | QR_PUSH,
    external_ids=False,
    query_is_signed=False,
    unanswered="kept",
    encoding="hex",
    external_id_lengths={"virtual_accounts": 9},
    empty_is_hashed=False,
    bank="BRI",
    calls={
        codes.ACCESS: "/snap/v1.0/access-token/b2b",
        codes.BALANCE: "/snap/v1.0/balance-inquiry",
        codes.STATEMENT: "/snap/v1.1/bank-statement",
        codes.ACCOUNT_HERE: "/intrabank/snap/v1.1/account-inquiry-internal",
        codes.ACCOUNT_ELSEWHERE: "/interbank/snap/v1.0/account-inquiry-external",
        codes.TRANSFER_HERE: "/intrabank/snap/v1.1/transfer-intrabank",
        codes.TRANSFER_ELSEWHERE: "/interbank/snap/v1.0/transfer-interbank",
        codes.TRANSFER_STATUS: "/snap/v1.0/transfer/status",
        codes.VA_STATUS: "/snap/v1.0/transfer-va/status",
        codes.VA_CREATE: "/snap/v1.0/transfer-va/create-va",
        codes.VA_UPDATE: "/snap/v1.0/transfer-va/update-va",
        codes.VA_READ: "/snap/v1.0/transfer-va/inquiry-va",
        codes.VA_DELETE: "/snap/v1.0/transfer-va/delete-va",
        codes.VA_REPORT: "/snap/v1.0/transfer-va/report",
        codes.QR_MAKE: "/v1.1/qr-dynamic-mpm/qr-mpm-generate-qr",
        codes.QR_STATUS: "/v1.1/qr-dynamic-mpm/qr-mpm-query",
    },
)
