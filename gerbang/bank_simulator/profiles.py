"""The banks and acquirers that the simulator plays: their habits as data. The sources are sections E to H of the research.

A profile says where each service is, what is signed and how, which headers there are, how numbers and amounts are written, and
what becomes of the payer's money.
"""

from dataclasses import dataclass, field, replace
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
BANKS = {
    "002": "BRI",
    "008": "BANK MANDIRI",
    "009": "BNI",
    "011": "DANAMON",
    "013": "PERMATA",
    "014": "BCA",
    "016": "MAYBANK",
    "022": "CIMB NIAGA",
    "200": "BTN",
    "451": "BSI",
    "490": "BANK NEO COMMERCE",
    "CENAIDJA": "BCA",
    "BMRIIDJA": "BANK MANDIRI",
    "BRINIDJA": "BRI",
    "BNINIDJA": "BNI",
    "BDINIDJA": "DANAMON",
    "BNIAIDJA": "CIMB NIAGA",
    "BBBAIDJA": "PERMATA",
}
"""Bank codes that transfers can go to, three digits of the clearing or the SWIFT code -> the bank's name."""
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
    without_ids: frozenset[str] = frozenset()
    """The services that it calls without X-EXTERNAL-ID and CHANNEL-ID."""
    header_names: Literal["written", "lower", "title"] = "written"
    """The letters of its headers' names: as the standard writes them, all small, or X-Client-Key."""
    more_headers: dict[str, str] = field(default_factory=dict[str, str])
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
    statement_rows: int = 1_000
    """The most lines in one answer of service 14."""
    retry_seconds: tuple[float, ...] = ()
    """When a notification that was not taken is sent again, counted from the first one."""
    methods: dict[str, str] = field(default_factory=dict[str, str])
    """Service code -> HTTP method, where it is not the standard's."""


_BRI_ONLINE = Profile(
    name="bri",
    title="BRI",
    connection="bri-va",
    routes=(("virtual_account", "BRI"),),
    company_codes=("1270", "1269", "1268"),
    channel_id="00001",
    here={
        **standard("/snap/v1.0", "73", "11", "36"),
        "14": "/snap/v1.1/bank-statement",
        **standard("/intrabank/snap/v1.1", "15", "17"),
        **standard("/interbank/snap/v1.0", "16", "18"),
    },
    partner={
        "73": "/snap/v1.1/access-token/b2b",
        "24": "/v1/transfer-va/inquiry",
        "25": "/v1/transfer-va/payment",
    },
    letters="hex",
    letters_of_73="hex",
    stamp="utc_ms",
    signs_query=False,
    without_ids=frozenset({"24", "25"}),
    sends_client_key=True,
    external_digits=12,
    header_names="lower",
    bodies="bri",
    bearer="BearerToken",
    code_of_73=None,
    advices=0,
    silence="suspended",
)
_BRI_REGISTERED = replace(
    _BRI_ONLINE,
    name="bri-ws",
    title="BRI (BRIVA WS)",
    connection="bri-ws",
    here={
        **_BRI_ONLINE.here,
        **standard("/snap/v1.0", "26", "27", "28", "29", "30", "31", "35"),
        "47": "/v1.1/qr-dynamic-mpm/qr-mpm-generate-qr",
        "51": "/v1.1/qr-dynamic-mpm/qr-mpm-query",
    },
    partner={
        "73": "/snap/v1.1/access-token/b2b",
        "34": "/snap/v1.0/transfer-va/notify-payment-intrabank",
        "52": "/v1.1/qr-dynamic/qr-mpm-notify",
    },
    asks_first=False,
    push="34",
)
_MANDIRI = Profile(
    name="mandiri",
    title="Bank Mandiri",
    connection="mandiri-va",
    routes=(("virtual_account", "MANDIRI"),),
    company_codes=("8862", "8861", "8863"),
    here={
        "73": "/openapi/auth/v2.0/access-token/b2b",
        "11": "/openapi/customers/v2.1/balance-inquiry",
        "14": "/openapi/transactions/v2.1/bank-statement",
        "15": "/openapi/customers/v2.0/account-inquiry-internal",
        "16": "/openapi/customers/v2.1/account-inquiry-external",
        "17": "/openapi/transactions/v2.0/transfer-intrabank",
        "18": "/openapi/transactions/v2.1/transfer-interbank",
        "22": "/openapi/transactions/v2.1/transfer-rtgs",
        "23": "/openapi/transactions/v2.0/transfer-skn",
        "36": "/openapi/transactions/v2.1/transfer/status",
        **standard("/openapi/transaction/v1.0", "27", "28", "30", "35"),
    },
    partner=standard("/v1.0", *CALLS_OUT),
    methods={"28": "POST"},
    asks_first=False,
    push="25",
    external_digits=12,
    bodies="mandiri",
)
# Its services for accounts are public, its virtual accounts are not: where it calls its partner is the standard's.
_BNI = Profile(
    name="bni",
    title="BNI",
    connection="bni-va",
    serves=("payments",),
    routes=(("virtual_account", "BNI"),),
    company_codes=("9881", "9882", "9883"),
    here={
        "73": "/snap/v1/access-token/b2b",
        **standard("/snap-service/v1", "11", "15", "16", "17", "18", "22", "23", "36"),
    },
    partner=standard("/v1.0", "73", "24", "25"),
    external_digits=19,
)
_BSI = Profile(
    name="bsi",
    title="Bank Syariah Indonesia",
    connection="bsi-va",
    serves=("payments",),
    routes=(("virtual_account", "BSI"),),
    company_codes=("9002", "9001", "9003"),
    here={},
    partner=standard("/api/v1.0", "73", "24", "25"),
    header_names="title",
    bodies="bsi",
    body_of_73=False,
    advices=0,
)
_BNC = Profile(
    name="bnc",
    title="Bank Neo Commerce",
    connection="bnc-va",
    serves=("payments",),
    routes=(("virtual_account", "BNC"),),
    company_codes=("9012", "9011", "9013"),
    channel_id="95221",
    here={},
    partner=standard("/bnc/v1.0", "24", "25"),
    signed_by="key",
    external_digits=18,
    more_headers={"X-ORIGIN": "bankneo.example"},
    zero_padded=True,
)
_DOKU = Profile(
    name="doku",
    title="DOKU",
    connection="doku",
    serves=("payments", "refunds"),
    routes=(("qris", None), ("virtual_account", "DANAMON")),
    company_codes=("7916", "7915", "7917"),
    channel_id="H2H",
    here={
        "73": "/authorization/v1/access-token/b2b",
        "26": "/orders/v1.0/transfer-va/status",
        **standard("/virtual-accounts/bi-snap-va/v1.1", "27", "28", "31"),
        **standard("/snap-adapter/b2b/v1.0", "47", "51", "77", "78"),
    },
    partner={
        "73": "/authorization/v1/access-token/b2b",
        "25": "/v1/transfer-va/payment",
        "52": "/v1.0/qr/qr-mpm-notify",
    },
    asks_first=False,
    push="25",
    stamp="utc_zero_ms",
    stamp_of_73="utc_zero_ms",
    external_digits=18,
    retry_seconds=(1_800.0, 21_600.0, 43_200.0),
)
_DANA = Profile(
    name="dana",
    title="DANA",
    connection="dana",
    serves=("payments", "refunds"),
    routes=(("ewallet", None),),
    channel_id="95221",
    here={
        **{service: f"{path}.htm" for service, path in standard("/payment-gateway/v1.0", *sorted(WALLET)).items()},
        **{service: f"{path}.htm" for service, path in standard("/v1.0", *sorted(QR)).items()},
    },
    partner=standard("/v1.0", "52", "56"),
    asks_first=False,
    signed_by="key",
    external_digits=18,
    deadline_seconds=8.0,
    repeats_are_the_same=True,
    retry_seconds=(30.0, 300.0, 600.0),
)
_GENERIC = Profile(
    name="generic",
    title="Bank Umum",
    connection="generic",
    serves=("payments", "refunds", "statements"),
    routes=(("virtual_account", "PERMATA"),),
    company_codes=("7663", "7699", "7698"),
    here=standard("/v1.0", "73", *sorted(ACCOUNTS | REGISTERED | QR | WALLET)),
    partner=standard("/v1.0", *CALLS_OUT),
    push="34",
    external_digits=18,
)
_BCA = Profile(
    name="bca",
    title="BCA",
    connection="bca-va",
    routes=(("virtual_account", "BCA"),),
    company_codes=("1402", "1401", "1304"),
    here={
        **standard("/openapi/v1.0", "73", *sorted(ACCOUNTS), "47", "51", "77", "78"),
        "16": "/openapi/v2.0/account-inquiry-external",
        "18": "/openapi/v2.0/transfer-interbank",
        "26": "/openapi/v2.0/transfer-va/status",
    },
    also={"/openapi/v1.0/transfer-va/status": "26"},
    partner={**standard("/openapi/v1.0", *CALLS_OUT), "52": "/openapi/v1.0/qr-mpm-notify"},
    external_digits=18,
    bodies="bca",
    bearer="bearer",
    statement_rows=9_000,
)

PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (_BCA, _BRI_ONLINE, _BRI_REGISTERED, _MANDIRI, _BNI, _BSI, _BNC, _DOKU, _DANA, _GENERIC)
}
