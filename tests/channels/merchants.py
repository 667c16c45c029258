"""A merchant with the default agreement, and payments to it, for the tests of channels."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from msgspec.structs import replace

from gerbang.channels import Channel
from gerbang.domain.merchants import Merchant, Offer
from gerbang.domain.payments import Method, Payment
from gerbang.domain.terms import ChannelTerms, Terms
from gerbang.services.merchants import default_agreement
from tests.domain import samples

NOW = datetime(2025, 3, 30, 5, 48, 17, tzinfo=UTC)
RETURN_URL = "https://toko.example/kembali"
MERCHANT = Merchant(
    id=UUID(int=2),
    number=131,
    name="Toko Uji",
    short_name="TOKO UJI",
    email="uji@toko.example",
    created_at=NOW,
    agreement=default_agreement(131, "Toko Uji"),
)
OFFER = Offer(MERCHANT)
"""Its terms name no channel, so that every value is the channel's own."""


def selling(**channels: ChannelTerms) -> Offer:
    """An offer to the same merchant with these terms for each named channel."""
    return Offer(MERCHANT, Terms(channels=channels))


def payment(channel: Channel, amount: int | None = None, option: str | None = None) -> Payment:
    """A payment on this channel. Amount in sen, by default the least; option by default the first one offered."""
    spec = channel.spec
    if option is None:
        option = next(iter(channel.options(OFFER) or [None]))
    least, _ = spec.limits_of.get(option or "", (spec.amount_min, spec.amount_max))
    return replace(
        samples.PAYMENT,
        amount=least if amount is None else amount,
        method=Method(
            channel=spec.name, option=option, payer_name="Budi", return_url=RETURN_URL, account="+6281234567890"
        ),
        expires_at=NOW + timedelta(minutes=15),
    )


def static(channel: Channel) -> Payment:
    """A static, open payment on this channel: paid any number of times, with any amount."""
    return replace(payment(channel), kind="static", amount=None, expires_at=None)
