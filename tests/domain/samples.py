"""A sample payment and its charge of Rp 20.000, as just created. A test replaces the fields that it is about."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from gerbang.domain.charges import Charge
from gerbang.domain.paycodes import Instructions
from gerbang.domain.payments import Details, Payment

NOW = datetime(2025, 3, 30, 5, 48, 17, tzinfo=UTC)
"""A Sunday, 12:48 in Jakarta (UTC+7)."""
PRICE = 2_000_000  # sen: Rp 20.000
PAYMENT = Payment(
    id=UUID(int=1),
    merchant_id=UUID(int=2),
    product="payment",
    reference="order-1",
    kind="one_time",
    amount=PRICE,
    state="awaiting",
    created_at=NOW,
    updated_at=NOW,
    expires_at=NOW + timedelta(minutes=15),
    descriptor="",
    details=Details(),
)
CHARGE = Charge(
    id=UUID(int=3),
    payment_id=PAYMENT.id,
    merchant_id=PAYMENT.merchant_id,
    payment_reference=PAYMENT.reference,
    amount=PRICE,
    state="waiting",
    channel="virtual_account",
    instructions=Instructions("127000000001"),
    descriptor="",
    created_at=NOW,
    updated_at=NOW,
)
