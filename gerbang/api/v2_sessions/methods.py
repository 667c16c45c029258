"""What this dialect calls the ways to be paid: a `paymentMethod.type`, and the block in which its code stands.

The four known ones have the vendor's words. Any other channel goes by the general rule: its name in upper snake case is
the type, its name in camel case the block.
"""

from gerbang import channels
from gerbang.api._spelling import camel, upper_snake

TYPES = {
    "virtual_account": "VIRTUAL_ACCOUNT",
    "qris": "QR",
    "ewallet": "EWALLET",
    "card": "CARD",
    "retail_outlet": "RETAIL_OUTLET",
}
"""The last is ours: the API has no word for a payment at a retail outlet, which another dialect or the page may have opened."""
OTHERS = tuple(name for name in channels.found() if name not in TYPES)
"""Channels that the vendor has no word for."""
REQUESTED = {"VIRTUAL_ACCOUNT": "virtual_account", "QR": "qris", "CARD": "card", "EWALLET": "ewallet"} | {
    upper_snake(name): name for name in OTHERS
}
"""The channel of each type that a request may name."""


def type_of(channel: str) -> str:
    return TYPES.get(channel) or upper_snake(channel)


def block_of(channel: str) -> str:
    """The member of a request's options, or of an answer, that belongs to a channel without a word of the vendor's."""
    return camel(channel)
