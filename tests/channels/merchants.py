"""A merchant with the house's agreement and a payment to it, for tests that ask channels; no channel needs more than these."""

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
"""Under no product's terms, so that everything is as the channel has it."""


def selling(**channels: ChannelTerms) -> Offer:
    """An offer under terms that say this of these channels."""
    return Offer(MERCHANT, Terms(channels=channels))


def payment(channel: Channel, amount: int | None = None, option: str | None = None) -> Payment:
    """A payment by this channel: the least amount and its first option, unless said otherwise."""
    spec = channel.spec
    if option is None:
        option = next(iter(channel.options(OFFER) or [None]))
    least, _ = spec.limits_of.get(option or "", (spec.amount_min, spec.amount_max))
    return replace(
        samples.PAYMENT,
        amount=least if amount is None else amount,
        method=Method(channel=spec.name, option=option, payer_name="Budi", return_url=RETURN_URL),
        expires_at=NOW + timedelta(minutes=15),
    )


def static(channel: Channel) -> Payment:
    """A payment that can be paid any number of times, with any amount."""
    return replace(payment(channel), kind="multiple", amount=None, expires_at=None)
