"""The ways in which the state machine creates payments, in both dialects and with partners of all kinds."""

from typing import Any

import msgspec

from gerbang.domain.money import rupiah
from gerbang.domain.payments import Details, Method
from tests.support.services import BRI, PRICE

QRIS = Method(channel="qris")
WALLET = Method(channel="ewallet", option="SHOPEEPAY", return_url="https://toko.example/")
BY_BUYER = msgspec.structs.replace(BRI, left_to_buyer="method")
WALLET_BY_BUYER = msgspec.structs.replace(WALLET, left_to_buyer="method")
V4: dict[str, Any] = {"product": "v4-payments"}
ASKED = msgspec.structs.replace(BRI, option="BCA")
"""At this bank a partner must be asked first, and by the end of the amount it declines or is silent."""
WAYS: dict[str, dict[str, Any]] = {
    "one_time": {"method": BRI},
    "single qris": {"method": QRIS, "expires_in": 7200},
    "to be confirmed": {"method": BRI, "details": Details(auto_confirm=False)},
    "to be chosen": {"method": None, "details": Details(redirect=True)},
    "short": {"method": BRI, "expires_in": 60},
    "static open": {"kind": "static", "amount": None, "method": BRI},
    "static closed": {"kind": "static", "method": BRI, "expires_in": 600},
    "static qris": {"kind": "static", "amount": None, "method": QRIS},
    "v4": V4 | {"method": BRI},
    "v4 wallet": V4 | {"method": WALLET},
    "v4 code": V4 | {"method": Method(channel="retail_outlet", option="ALFAMART")},
    "v4 static": V4 | {"kind": "static", "amount": None, "method": ASKED},
    "asked": {"method": ASKED},
    "asked short": {"method": ASKED, "expires_in": 60, "amount": rupiah(20_503)},
    "asked declined": V4 | {"method": ASKED, "amount": rupiah(20_404)},
    "asked silent first": {"method": ASKED, "amount": rupiah(20_503)},
    "asked silent": {"method": ASKED, "amount": rupiah(20_504)},
    "asked on a page": {"method": None, "details": Details(redirect=True), "amount": rupiah(20_504)},
    "asked on a page declined": {"method": None, "details": Details(redirect=True), "amount": rupiah(20_404)},
    "asked short on a page": {
        "method": None,
        "details": Details(redirect=True),
        "amount": rupiah(20_503),
        "expires_in": 60,
    },
    "asked static": {"kind": "static", "method": ASKED, "expires_in": 60, "amount": rupiah(20_503)},
}
OPENING = [way for way in WAYS if way.startswith("asked")]
"""Ways in which a partner is asked for the number, and mostly does not answer at once."""
BOUGHT = [
    way
    for way, said in WAYS.items()
    if said["method"] is not None and way != "to be confirmed" and said.get("amount") in (None, PRICE)
]
"""Ways in which a payment has a number from the start."""
