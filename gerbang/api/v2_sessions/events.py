"""Callbacks: {event, data} with the vendor's static key header, and a Standard Webhooks signature as our addition."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from gerbang import ids
from gerbang.api.v2_sessions import money_shapes, refund_shapes, shapes
from gerbang.channels.virtual_account import banks_of
from gerbang.domain.deliveries import Endpoint, Product
from gerbang.domain.events import Event
from gerbang.domain.money import rupiah
from gerbang.domain.signatures import standard_webhooks
from gerbang.domain.terms import ChannelTerms, Terms
from gerbang.domain.withdrawals import PRODUCT as WITHDRAWALS
from gerbang.services.pages import Pages

NAMES = {
    "payment.processing": "PAYMENT.PROCESSING",
    "payment.paid": "PAYMENT.PAID",
    "payment.cancelled": "PAYMENT.CANCELLED",
    "payment.failed": "PAYMENT.CANCELLED",
    "charge.succeeded": "CHARGE.SUCCESS",
}
"""The vendor's event names (payment-session reference, 7.2)."""
MONEY_NAMES = {
    "money.in_suspense": "MONEY.SET_ASIDE",
    "money.accepted": "MONEY.ACCEPTED",
    "money.refunded": "MONEY.REFUNDED",
    "money.refund_failed": "MONEY.REFUND_FAILED",
}
"""Our own."""
REFUND = "refund"
REFUND_NAMES = {
    "refund.pending": "REFUND.PENDING",
    "refund.waiting_transfer": "REFUND.WAITING_BANK_TRANFER",
    "refund.succeeded": "REFUND.SUCCESS",
    "refund.failed": "REFUND.FAILED",
    "refund.cancelled": "REFUND.FAILED",
}
"""The vendor's names, spelled as the vendor spells them (payment-session reference, 7.3)."""

RETRY_SCHEDULE = (
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=6),
    timedelta(hours=12),
)
"""The waits before the six retries (payment-session reference, 7.1)."""

KEY_HEADER = "X-API-Key"

PRODUCT = "payment"
TERMS = Terms(
    channels={
        "virtual_account": ChannelTerms(options=frozenset(banks_of(PRODUCT))),
        "qris": ChannelTerms(),
        "ewallet": ChannelTerms(
            amount_min=rupiah(10_000),
            amount_max=rupiah(9_999_999),
            expiry_max=timedelta(minutes=30),
            expiry_is_capped=True,
        ),
    },
    others=True,
    left_out=frozenset({"retail_outlet"}),
    return_url_needed=False,
    signs_in=True,
)
"""The banks and limits of the payment-session reference, 6.1 to 6.3, and one channel that this API does not offer to everybody."""


class _Format:
    """What the callbacks of both products have in common."""

    def new_signing_secret(self) -> str:
        return f"whsec_{ids.base64_secret(32)}"

    def headers(
        self, endpoint: Endpoint, delivery_id: UUID, sequence: int, body: bytes, now: datetime
    ) -> dict[str, str]:
        """The vendor's static key, and the Standard Webhooks headers: id, timestamp, signature."""
        timestamp = int(now.timestamp())
        message_id = f"msg_{delivery_id.hex}"
        return {
            "Content-Type": "application/json",
            "Accept": "application/json",
            KEY_HEADER: endpoint.api_key,
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": standard_webhooks(endpoint.signing_secret, message_id, timestamp, body),
            "X-Gerbang-Sequence": str(sequence),
        }


class PaymentCallbacks(_Format):
    """Callbacks of the product "payment"."""

    product = Product(PRODUCT, frozenset(NAMES), RETRY_SCHEDULE, TERMS, key_header=KEY_HEADER)

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def body(self, event: Event, sequence: int) -> bytes:
        snapshot = event.snapshot
        assert snapshot is not None and snapshot.payment is not None, "an event with a callback has a snapshot"
        charges = [snapshot.charge] if snapshot.charge else []
        data = shapes.session(snapshot.payment, charges, self._pages, "read")
        return msgspec.json.encode({"event": NAMES[event.kind], "data": data})


PAYOUT_NAMES = {
    "payout.completed": "PAYOUT.SUCCESS",
    "payout.failed": "PAYOUT.FAILED",
    "payout.delayed": "PAYOUT.DELAYED",
    "bulk_payout.waiting": "PAYOUT.PENDING",
    "bulk_payout.done": "PAYOUT.DONE",
    "bulk_payout.cancelled": "PAYOUT.CANCELLED",
}
"""The vendor's names of events of payouts (payment-session reference, 7.3)."""


class PayoutCallbacks(_Format):
    """Callbacks of the product "payout": of each line of a bulk payout, and of the whole."""

    product = Product("payout", frozenset(PAYOUT_NAMES), RETRY_SCHEDULE, key_header=KEY_HEADER)

    def body(self, event: Event, sequence: int) -> bytes:
        snapshot = event.snapshot
        assert snapshot is not None, "an event with a callback has a snapshot"
        if snapshot.bulk_payout is not None:
            assert snapshot.totals is not None, "a bulk payout is reported with its totals"
            data = money_shapes.reported(snapshot.bulk_payout, snapshot.totals)
        else:
            assert snapshot.payout is not None, "it is a line's"
            data = money_shapes.reported_line(snapshot.payout, delayed=event.kind == "payout.delayed")
        return msgspec.json.encode({"event": PAYOUT_NAMES[event.kind], "data": data})


WITHDRAWAL_NAMES = {"withdrawal.completed": "WITHDRAW.SUCCESS", "withdrawal.failed": "WITHDRAW.FAILED"}


class WithdrawalCallbacks(_Format):
    """Callbacks of the product "withdrawal"."""

    product = Product(WITHDRAWALS, frozenset(WITHDRAWAL_NAMES), RETRY_SCHEDULE, key_header=KEY_HEADER)

    def body(self, event: Event, sequence: int) -> bytes:
        snapshot = event.snapshot
        assert snapshot is not None and snapshot.withdrawal is not None, "an event with a callback has a snapshot"
        data = money_shapes.withdrawal(snapshot.withdrawal, snapshot.payout)
        return msgspec.json.encode({"event": WITHDRAWAL_NAMES[event.kind], "data": data})


class RefundCallbacks(_Format):
    """Callbacks of the product "refund". One that an operator has cancelled is reported as failed: its buyer gets nothing by it."""

    product = Product(REFUND, frozenset(REFUND_NAMES), RETRY_SCHEDULE, key_header=KEY_HEADER)

    def body(self, event: Event, sequence: int) -> bytes:
        snapshot = event.snapshot
        assert snapshot is not None and snapshot.refund is not None, "an event with a callback has a snapshot"
        return msgspec.json.encode({"event": REFUND_NAMES[event.kind], "data": refund_shapes.refund(snapshot.refund)})


class SuspenseCallbacks(_Format):
    """Callbacks of the product "money": money that was not owed, and what became of it. An addition of ours. They never go to the URL for the vendor's callbacks."""

    product = Product("money", frozenset(MONEY_NAMES), RETRY_SCHEDULE, key_header=KEY_HEADER)

    def body(self, event: Event, sequence: int) -> bytes:
        snapshot = event.snapshot
        assert snapshot is not None and snapshot.report is not None, "an event with a callback has a snapshot"
        report = snapshot.report
        data = {
            "id": report.id,
            "paymentSessionId": report.payment_id,
            "clientReferenceId": snapshot.payment.reference if snapshot.payment else None,
            "chargeId": report.charge_id,
            "reason": report.outcome.upper(),
            "amount": shapes.amount(report.amount),
            "number": snapshot.reported_number,
            "receivedAt": event.at,
        }
        return msgspec.json.encode({"event": MONEY_NAMES[event.kind], "data": data})
