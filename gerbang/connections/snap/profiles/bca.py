"""BCA: virtual accounts by direct inquiry only (developer.bca.co.id; reference, sections A4, F1 and H).

Virtual accounts and transfers have other values of X-PARTNER-ID and CHANNEL-ID, so they are two connections. Versions differ by service.
"""

from gerbang.connections.snap import codes
from gerbang.connections.snap.profiles import DIRECT, QR_PUSH, RETURNS, Profile

PROFILE = Profile(
    title="BCA",
    certainty={"virtual accounts": "bank", "transfers": "bank", "statements": "bank", "qris": "bank"},
    receives=DIRECT | RETURNS | QR_PUSH,
    repeated="inconsistent",
    name_length=30,
    bank="BCA",
    interbank=("bi_fast", "switcher"),
    transfer_types={"switcher": "1", "bi_fast": "2"},
    statement_midnights=True,
    qr_minutes=(5, 120),
    calls={
        codes.ACCESS: "/openapi/v1.0/access-token/b2b",
        codes.BALANCE: "/openapi/v1.0/balance-inquiry",
        codes.STATEMENT: "/openapi/v1.0/bank-statement",
        codes.ACCOUNT_HERE: "/openapi/v1.0/account-inquiry-internal",
        codes.ACCOUNT_ELSEWHERE: "/openapi/v2.0/account-inquiry-external",
        codes.TRANSFER_HERE: "/openapi/v1.0/transfer-intrabank",
        codes.TRANSFER_ELSEWHERE: "/openapi/v2.0/transfer-interbank",
        codes.TRANSFER_RTGS: "/openapi/v1.0/transfer-rtgs",
        codes.TRANSFER_SKN: "/openapi/v1.0/transfer-skn",
        codes.TRANSFER_STATUS: "/openapi/v1.0/transfer/status",
        codes.VA_STATUS: "/openapi/v2.0/transfer-va/status",
        codes.QR_MAKE: "/openapi/v1.0/qr/qr-mpm-generate",
        codes.QR_STATUS: "/openapi/v1.0/qr/qr-mpm-query",
        codes.QR_REFUND: "/openapi/v1.0/qr/qr-mpm-refund",
    },
)
