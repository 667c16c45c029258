"""Callbacks: the object as a GET returns it, signed with HMAC-SHA256 in hexadecimal (reference, section 5)."""

from datetime import datetime, timedelta
from uuid import UUID

from gerbang import ids
from gerbang.api.v4_documents import shapes
from gerbang.api.v4_documents.answers import document
from gerbang.channels.virtual_account import banks_of
from gerbang.domain.deliveries import Endpoint, Product
from gerbang.domain.events import Event
from gerbang.domain.fees import Rate
from gerbang.domain.money import rupiah
from gerbang.domain.signatures import hex_hmac_sha256
from gerbang.domain.terms import ChannelTerms, Terms
from gerbang.services.pages import Pages

PRODUCT = shapes.PRODUCT
PAYOUTS = "v4-disbursements"
TRIES = 20
RETRY_SCHEDULE = tuple(timedelta(minutes=5 * step) for step in range(1, TRIES))
"""At most 20 tries, each wait 5 minutes longer than the one before (reference, 5.3)."""

HOUR, MONTH = timedelta(hours=1), timedelta(days=30)
LARGEST = {"MANDIRI": 500, "BRI": 500, "CIMB": 500, "PERMATA": 500, "DANAMON": 25, "HANA": 50, "SAHABAT_SAMPOERNA": 10}
"""The largest amounts, in millions of rupiah, as a reseller publishes them (reference, 2.3); 100 for other banks."""

TERMS = Terms(
    page_expiry_max=MONTH,
    channels={
        "virtual_account": ChannelTerms(
            amount_min=rupiah(10_000),
            amount_max=rupiah(100_000_000),
            static_min=rupiah(1),
            expiry_min=HOUR,
            expiry_max=MONTH,
            fee=Rate(flat=rupiah(3_300)),
            # The nine of the documents, and two that clients of the vendor pay by (reference, 2.3 and 12).
            options=frozenset(banks_of(PRODUCT)),
        ),
        **{
            f"virtual_account/{bank}": ChannelTerms(amount_max=rupiah(millions * 1_000_000))
            for bank, millions in LARGEST.items()
        },
        "retail_outlet": ChannelTerms(expiry_min=HOUR, expiry_max=MONTH),
        "qris": ChannelTerms(
            amount_min=rupiah(1_500),
            amount_max=rupiah(5_000_000),
            static_min=rupiah(1),
            expiry_min=HOUR,
            expiry_max=MONTH,
        ),
        "ewallet": ChannelTerms(expiry_max=MONTH, options=frozenset({"SHOPEEPAY"})),
    },
    others=True,
    left_out=frozenset({"card"}),
    expires_after=timedelta(hours=24),
    own_numbers=True,
    prefixed_names=True,
)
"""Limits, expiry bounds and prices of the one-time-payment reference, sections 2.3, 2.4 and 8."""


class _Format:
    """What the callbacks of both products have in common."""

    def new_signing_secret(self) -> str:
        return f"ss_{ids.hex_id(32)}"

    def headers(
        self, endpoint: Endpoint, delivery_id: UUID, sequence: int, body: bytes, now: datetime
    ) -> dict[str, str]:
        """The vendor's signature, under both names that receivers look for.

        The id, timestamp and sequence are ours: they let a receiver detect repetitions and restore the order.
        """
        signature = hex_hmac_sha256(endpoint.signing_secret, body)
        return {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Xfers-Signature": signature,
            "X-Xfers-Signature": signature,
            "webhook-id": f"msg_{delivery_id.hex}",
            "webhook-timestamp": str(int(now.timestamp())),
            "X-Gerbang-Sequence": str(sequence),
        }


class PaymentCallbacks(_Format):
    """Callbacks of payments: when one is paid and when it is completed (reference, 5.4)."""

    product = Product(
        PRODUCT,
        frozenset({"payment.paid", "charge.succeeded", "charge.settled"}),
        RETRY_SCHEDULE,
        TERMS,
        takes_no=False,
    )

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def body(self, event: Event, sequence: int) -> bytes:
        snapshot = event.snapshot
        assert snapshot is not None and snapshot.payment is not None, "an event with a callback has a snapshot"
        if snapshot.payment.scope == shapes.LINKS:
            return document(shapes.link(snapshot.payment, snapshot.charge, self._pages))
        return document(shapes.paid(snapshot.payment, snapshot.charge, self._pages))


class PayoutCallbacks(_Format):
    """Callbacks of disbursements: when one completes or fails (reference, 5.4)."""

    product = Product(PAYOUTS, frozenset({"payout.completed", "payout.failed"}), RETRY_SCHEDULE, takes_no=False)

    def body(self, event: Event, sequence: int) -> bytes:
        assert event.snapshot is not None and event.snapshot.payout is not None, (
            "an event with a callback has a snapshot"
        )
        return document(shapes.payout(event.snapshot.payout))
