"""DOKU: virtual accounts that it must know, with payments pushed as 25, and QRIS codes that it makes (its own text and clients).

Its timestamps are in UTC, its external ids longer than the standard's. It repeats a notification three times unless it gets a 2xx.
It has no service 30: whether it knows a number is asked by 28, which changes it to what it is.
"""

from gerbang.connections.snap import codes
from gerbang.connections.snap.profiles import Profile

PROFILE = Profile(
    title="DOKU",
    certainty={"virtual accounts": "bank", "qris": "bank", "e-wallets": "bank"},
    receives={codes.VA_PAYMENT: "report", codes.QR_NOTIFY: "report", codes.DEBIT_NOTIFY: "report"},
    blanks_unsigned=True,
    registers=True,
    mints=frozenset({"qris", "ewallet"}),
    name_letters=".-/+,=_:'@%",
    va_channels={
        "BCA": "VIRTUAL_ACCOUNT_BCA",
        "BNC": "VIRTUAL_ACCOUNT_BNC",
        "BNI": "VIRTUAL_ACCOUNT_BNI",
        "BRI": "VIRTUAL_ACCOUNT_BRI",
        "BSI": "VIRTUAL_ACCOUNT_BSI",
        "BTN": "VIRTUAL_ACCOUNT_BTN",
        "CIMB": "VIRTUAL_ACCOUNT_BANK_CIMB",
        "DANAMON": "VIRTUAL_ACCOUNT_BANK_DANAMON",
        "MANDIRI": "VIRTUAL_ACCOUNT_BANK_MANDIRI",
        "MAYBANK": "VIRTUAL_ACCOUNT_MAYBANK",
        "PERMATA": "VIRTUAL_ACCOUNT_BANK_PERMATA",
        "SINARMAS": "VIRTUAL_ACCOUNT_SINARMAS",
    },
    wallets={"DANA": "EMONEY_DANA_SNAP", "OVO": "EMONEY_OVO_SNAP", "SHOPEEPAY": "EMONEY_SHOPEE_PAY_SNAP"},
    wallet_body="doku",
    calls={
        codes.ACCESS: "/authorization/v1/access-token/b2b",
        codes.VA_STATUS: "/orders/v1.0/transfer-va/status",
        codes.VA_CREATE: "/virtual-accounts/bi-snap-va/v1.1/transfer-va/create-va",
        codes.VA_UPDATE: "/virtual-accounts/bi-snap-va/v1.1/transfer-va/update-va",
        codes.VA_DELETE: "/virtual-accounts/bi-snap-va/v1.1/transfer-va/delete-va",
        codes.QR_MAKE: "/snap-adapter/b2b/v1.0/qr/qr-mpm-generate",
        codes.QR_STATUS: "/snap-adapter/b2b/v1.0/qr/qr-mpm-query",
        codes.QR_CANCEL: "/snap-adapter/b2b/v1.0/qr/qr-mpm-cancel",
        codes.QR_REFUND: "/snap-adapter/b2b/v1.0/qr/qr-mpm-refund",
        codes.DEBIT: "/direct-debit/core/v1/debit/payment-host-to-host",
        codes.DEBIT_STATUS: "/orders/v1.0/debit/status",
        codes.DEBIT_REFUND: "/direct-debit/core/v1/debit/refund",
    },
)
