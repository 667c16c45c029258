"""Terms: what a product offers to every merchant, before a merchant's own agreement changes it."""

from datetime import timedelta

import msgspec

from gerbang.domain.fees import Rate

EXPIRES_AFTER_DEFAULT = timedelta(minutes=15)


class ChannelTerms(msgspec.Struct, frozen=True):
    """What a product says of a channel, or of one bank or outlet in it. None leaves it to the channel. Amounts in sen."""

    amount_min: int | None = None
    amount_max: int | None = None
    static_min: int | None = None
    """The least that a static paycode takes, where that is another amount."""
    expiry_min: timedelta | None = None
    expiry_max: timedelta | None = None
    expiry_is_capped: bool | None = None
    """Whether a code simply ends at `expiry_max` where the payment lasts longer."""
    fee: Rate | None = None
    options: frozenset[str] | None = None
    """The banks, outlets or wallets that are offered; None: all that the merchant has."""


class Terms(msgspec.Struct, frozen=True):
    channels: dict[str, ChannelTerms] = {}
    """By "channel" or, more exactly, "channel/option". A channel is offered that has an entry of its own."""
    others: bool = False
    """Whether channels without an entry are offered too, as they are."""
    left_out: frozenset[str] = frozenset()
    """Those of the others that are not."""
    expires_after: timedelta = EXPIRES_AFTER_DEFAULT
    """When a payment ends that was made without an expiry."""
    page_expiry_max: timedelta | None = None
    """How far the end of a payment may be whose buyer chooses the channel on a page; None: as far as any."""
    own_numbers: bool = False
    """Whether virtual accounts are the merchant's prefix and a tail of its choice, instead of the bank's two ranges."""
    prefixed_names: bool = False
    """Whether a name is shown after Gerbang's prefix, instead of after the merchant's short name."""
    return_url_needed: bool = True
    """Whether a wallet's buyer can come back only to an address that the request names; otherwise there is the payer's page."""
    signs_in: bool = False
    """Whether the sandbox's wallet asks its buyer for a phone number and a password, and so goes through all states of a charge."""

    def sells(self, channel: str) -> bool:
        """Whether the product offers a channel to every merchant."""
        return channel in self.channels or (self.others and channel not in self.left_out)

    def of(self, channel: str, option: str | None = None) -> ChannelTerms:
        """What is said of a channel or its option; nothing where it is not named."""
        return self.channels.get(f"{channel}/{option}" if option else channel, _NOTHING)


_NOTHING = ChannelTerms()
NOTHING_OFFERED = Terms()
