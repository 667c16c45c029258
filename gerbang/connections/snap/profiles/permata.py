"""Permata: no public text has its virtual accounts over the standard; direct inquiry is what to ask it for (reference, F5, J)."""

from gerbang.connections.snap import codes
from gerbang.connections.snap.profiles import DIRECT, Profile

PROFILE = Profile(
    title="Permata",
    certainty={"transfers": "implementation"},
    receives=DIRECT,
    bank="PERMATA",
    interbank=("bi_fast",),
    calls={
        codes.ACCESS: "/openapi/v1.0/access-token/b2b",
        codes.ACCOUNT_HERE: "/apiservice/snp/inquiry/v1.0/account-inquiry-internal",
        codes.TRANSFER_HERE: "/apiservice/snp/intrabank/v1.0/transfer-intrabank",
        codes.TRANSFER_ELSEWHERE: "/apiservice/snp/interbank/v1.0/transfer-interbank",
        codes.TRANSFER_RTGS: "/apiservice/snp/rtgstransfer/v1.0/transfer-rtgs",
        codes.TRANSFER_SKN: "/apiservice/snp/llgtransfer/v1.0/transfer-skn",
    },
)
