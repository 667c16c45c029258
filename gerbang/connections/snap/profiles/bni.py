"""BNI: transfers over the standard are public, virtual accounts are not; direct inquiry is what to ask it for (reference, F4, J)."""

from gerbang.connections.snap import codes
from gerbang.connections.snap.profiles import DIRECT, Profile

PROFILE = Profile(
    title="BNI",
    certainty={"transfers": "bank"},
    receives=DIRECT,
    external_id_length=19,
    bank="BNI",
    calls={
        codes.ACCESS: "/snap/v1/access-token/b2b",
        codes.BALANCE: "/snap-service/v1/balance-inquiry",
        codes.STATEMENT: "/snap-service/v1/bank-statement",
        codes.ACCOUNT_HERE: "/snap-service/v1/account-inquiry-internal",
        codes.ACCOUNT_ELSEWHERE: "/snap-service/v1/account-inquiry-external",
        codes.TRANSFER_HERE: "/snap-service/v1/transfer-intrabank",
        codes.TRANSFER_ELSEWHERE: "/snap-service/v1/transfer-interbank",
        codes.TRANSFER_RTGS: "/snap-service/v1/transfer-rtgs",
        codes.TRANSFER_SKN: "/snap-service/v1/transfer-skn",
        codes.TRANSFER_STATUS: "/snap-service/v1/transfer/status",
    },
)
