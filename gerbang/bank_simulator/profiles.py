"""The banks and acquirers that the simulator plays: their habits as data. The sources are sections E to H of the research.

A profile says where each service is, what is signed and how, which headers there are, how numbers and amounts are written, and
what becomes of the payer's money.
"""

from dataclasses import dataclass, field
from typing import Literal

from gerbang.bank_simulator.signing import Letters, Stamp

Silence = Literal["returned", "kept", "suspended"]
"""What becomes of the payer's money when the partner gives no usable answer to a payment, and to its repetitions."""
Bodies = Literal["bca", "bri", "mandiri", "bsi", "standard"]
"""In whose shape inquiries and payments are written."""

STANDARD: dict[str, str] = {
    "11": "/balance-inquiry",
    "14": "/bank-statement",
    "15": "/account-inquiry-internal",
    "16": "/account-inquiry-external",
    "17": "/transfer-intrabank",
    "18": "/transfer-interbank",
    "22": "/transfer-rtgs",
    "23": "/transfer-skn",
    "24": "/transfer-va/inquiry",
    "25": "/transfer-va/payment",
    "26": "/transfer-va/status",
    "27": "/transfer-va/create-va",
    "28": "/transfer-va/update-va",
    "29": "/transfer-va/update-status",
    "30": "/transfer-va/inquiry-va",
    "31": "/transfer-va/delete-va",
    "34": "/transfer-va/notify-payment-intrabank",
    "35": "/transfer-va/report",
    "36": "/transfer/status",
    "47": "/qr/qr-mpm-generate",
    "51": "/qr/qr-mpm-query",
    "52": "/qr/qr-mpm-notify",
    "54": "/debit/payment-host-to-host",
    "55": "/debit/status",
    "56": "/debit/notify",
    "57": "/debit/cancel",
    "58": "/debit/refund",
    "73": "/access-token/b2b",
    "75": "/transfer-skn/notify",
    "76": "/transfer-rtgs/notify",
    "77": "/qr/qr-mpm-cancel",
    "78": "/qr/qr-mpm-refund",
}
"""Service code -> path after `/v1.0`, as the standard lists them."""
ACCOUNTS = frozenset({"11", "14", "15", "16", "17", "18", "22", "23", "36"})
REGISTERED = frozenset({"27", "28", "29", "30", "31", "35", "26"})
QR = frozenset({"47", "51", "77", "78"})
WALLET = frozenset({"54", "55", "57", "58"})
CALLS_OUT = ("24", "25", "34", "52", "56", "73", "75", "76")
"""The services that the bank calls at its partner."""


def standard(prefix: str, *services: str) -> dict[str, str]:
    """These services where the standard puts them, below a prefix that ends with the version."""
    return {service: prefix + STANDARD[service] for service in services}


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One bank or acquirer."""

    name: str
    title: str
    connection: str
    """What the connection is called in the file that is made for a gateway."""
    serves: tuple[str, ...] = ("payments", "statements")
    routes: tuple[tuple[str, str | None], ...] = ()
    """Channel and option of what a gateway routes to it."""
    company_codes: tuple[str, ...] = ()
    channel_id: str = "95231"
    here: dict[str, str]
    """Service code -> where the bank serves it. A service that is not in it is not offered."""
    also: dict[str, str] = field(default_factory=dict[str, str])
    """Path -> service code, where a service has a second one."""
    partner_ids: tuple[str, ...] = ()
    """What else the bank sends as X-PARTNER-ID, beside the company codes."""
    partner: dict[str, str]
    """Service code -> where the bank calls it, below the partner's own prefix."""
    asks_first: bool = True
    """Whether it asks the partner (24) before it takes money for a number that it does not know."""
    push: Literal["25", "34"] | None = None
    """By which service a payment to a registered number is reported."""
    signed_by: Literal["secret", "key"] = "secret"
    """`secret`: HMAC with a token. `key`: the private key, without a token."""
    letters: Letters = "base64"
    """Of signatures by a secret, in both directions."""
    letters_of_73: Letters = "base64"
    """Of the signature with which the bank asks its partner for a token."""
    stamp: Stamp = "local"
    stamp_of_73: Stamp = "local"
    signs_query: bool = True
    external_ids: bool = True
    """Whether its calls have X-EXTERNAL-ID and CHANNEL-ID."""
    sends_client_key: bool = False
    """Whether its calls have X-CLIENT-KEY too."""
    external_digits: int = 36
    bodies: Bodies = "standard"
    body_of_73: bool = True
    zero_padded: bool = False
    """Whether the company code in a number is padded with zeros instead of spaces."""
    bearer: str = "Bearer"
    """What its tokens are called in their answer."""
    code_of_73: str | None = "2007300"
    """The responseCode of a token's answer; None: it has none."""
    deadline_seconds: float = 10.0
    """By when it must have the partner's answer."""
    advices: int = 2
    """How often it repeats a payment that was not answered."""
    silence: Silence = "returned"
    repeats_are_the_same: bool = False
    """Whether a repeated 47 or 54 with the same content is answered as the first one."""
    retry_seconds: tuple[float, ...] = ()
    """When a notification that was not taken is sent again, counted from the first one."""
    methods: dict[str, str] = field(default_factory=dict[str, str])
    """Service code -> HTTP method, where it is not the standard's."""


_BRI_ONLINE = {
    "73": "/snap/v1.1/access-token/b2b",
    "24": "/v1/transfer-va/inquiry",
    "25": "/v1/transfer-va/payment",
    "34": "/snap/v1.0/transfer-va/notify-payment-intrabank",
    "52": "/v1.1/qr-dynamic/qr-mpm-notify",
}

_ALL = (
    Profile(
        name="bca",
        title="BCA",
        connection="bca-va",
        routes=(("virtual_account", "BCA"),),
        company_codes=("1402", "1401", "1304"),
        here={
            **standard("/openapi/v1.0", "73", "26", *ACCOUNTS, "47", "51", "77", "78"),
            "16": "/openapi/v2.0/account-inquiry-external",
            "18": "/openapi/v2.0/transfer-interbank",
            "26": "/openapi/v2.0/transfer-va/status",
        },
        also={"/openapi/v1.0/transfer-va/status": "26"},
        partner={**standard("/openapi/v1.0", *CALLS_OUT), "52": "/openapi/v1.0/qr-mpm-notify"},
        external_digits=18,
        bodies="bca",
        bearer="bearer",
    ),
)

PROFILES: dict[str, Profile] = {profile.name: profile for profile in _ALL}
