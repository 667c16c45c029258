"""Mandiri: transfers and accounts, whose versions differ by service (one third-party implementation; reference, F3).

Its virtual accounts are registered with it, and it reports each payment in the shape of service 25.
"""

from gerbang.connections.snap import codes
from gerbang.connections.snap.profiles import Profile

PROFILE = Profile(
    title="Mandiri",
    certainty={"transfers": "implementation", "statements": "implementation", "virtual accounts": "implementation"},
    receives={codes.VA_PAYMENT: "report"},
    registers=True,
    lean_payments=True,
    bank="MANDIRI",
    calls={
        codes.ACCESS: "/openapi/auth/v2.0/access-token/b2b",
        codes.BALANCE: "/openapi/customers/v2.1/balance-inquiry",
        codes.STATEMENT: "/openapi/transactions/v2.1/bank-statement",
        codes.ACCOUNT_HERE: "/openapi/customers/v2.0/account-inquiry-internal",
        codes.ACCOUNT_ELSEWHERE: "/openapi/customers/v2.1/account-inquiry-external",
        codes.TRANSFER_HERE: "/openapi/transactions/v2.0/transfer-intrabank",
        codes.TRANSFER_ELSEWHERE: "/openapi/transactions/v2.1/transfer-interbank",
        codes.TRANSFER_RTGS: "/openapi/transactions/v2.1/transfer-rtgs",
        codes.TRANSFER_SKN: "/openapi/transactions/v2.0/transfer-skn",
        codes.TRANSFER_STATUS: "/openapi/transactions/v2.1/transfer/status",
        codes.VA_CREATE: "/openapi/transaction/v1.0/transfer-va/create-va",
        codes.VA_UPDATE: "POST /openapi/transaction/v1.0/transfer-va/update-va",
        codes.VA_READ: "/openapi/transaction/v1.0/transfer-va/inquiry-va",
        codes.VA_REPORT: "/openapi/transaction/v1.0/transfer-va/report",
    },
)
