"""DANA: its wallet and QRIS codes that it makes; it signs with its key, without a token, and waits 8 seconds (its own text).

Our calls are signed by our key, too, without a token. A payment that is asked for again is the same one (reference, A7 and G; its client).
"""

from gerbang.connections.snap import codes
from gerbang.connections.snap.profiles import Profile

PROFILE = Profile(
    title="DANA",
    certainty={"e-wallets": "bank", "qris": "bank"},
    scheme="asymmetric",
    outbound_scheme="asymmetric",
    external_ids=False,
    receives={codes.DEBIT_NOTIFY: "report", codes.QR_NOTIFY: "report"},
    mints=frozenset({"qris", "ewallet"}),
    repeats_codes=True,
    wallet_body="dana",
    calls={
        codes.ACCESS: "/v1.0/access-token/b2b.htm",
        codes.QR_MAKE: "/v1.0/qr/qr-mpm-generate.htm",
        codes.QR_STATUS: "/v1.0/qr/qr-mpm-query.htm",
        codes.QR_CANCEL: "/v1.0/qr/qr-mpm-cancel.htm",
        codes.QR_REFUND: "/v1.0/qr/qr-mpm-refund.htm",
        codes.DEBIT: "/payment-gateway/v1.0/debit/payment-host-to-host.htm",
        codes.DEBIT_STATUS: "/payment-gateway/v1.0/debit/status.htm",
        codes.DEBIT_CANCEL: "/payment-gateway/v1.0/debit/cancel.htm",
        codes.DEBIT_REFUND: "/payment-gateway/v1.0/debit/refund.htm",
    },
)
