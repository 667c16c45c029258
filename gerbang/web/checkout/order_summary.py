"""The order as the page lists it, read from `orderInformation` (payment-session reference, 3.4)."""

from typing import Annotated

import msgspec

from gerbang.domain.money import MINOR_PER_RUPIAH
from gerbang.web._pages.formatting import amount, count

ITEMS_MAX = 20
NAME_LENGTH_MAX = 255
QUANTITY_MAX = 1_000_000_000
PRICE_MAX = 10**18


class _Price(msgspec.Struct):
    value: float | str = 0


class _Product(msgspec.Struct):
    price: _Price | None = None
    quantity: Annotated[float, msgspec.Meta(ge=0, le=QUANTITY_MAX)] | str = 1
    name: str | None = None
    description: str | None = None
    category: str | None = None


class _Shipping(msgspec.Struct):
    fee: _Price | None = msgspec.field(name="shippingFee", default=None)


class _Order(msgspec.Struct):
    products: list[_Product] | None = msgspec.field(name="productDetails", default=None)
    shipping: _Shipping | None = msgspec.field(name="shippingInfo", default=None)


class Item(msgspec.Struct, frozen=True):
    """A line of the order. `price` is the price of one piece. Each text is "" where the merchant gave none."""

    name: str
    quantity: str
    price: str


class Order(msgspec.Struct, frozen=True):
    """The items and the shipping fee, as text. At most ITEMS_MAX items are listed."""

    items: list[Item]
    more: int
    """The number of items that are not listed."""
    shipping: str


NOTHING = Order([], 0, "")


def order_of(raw: msgspec.Raw | None, language: str) -> Order:
    """The order as text in a language; NOTHING if it cannot be read, since the payment's amount is what counts."""
    if raw is None:
        return NOTHING
    try:
        order = msgspec.json.decode(raw, type=_Order)
    except (msgspec.DecodeError, RecursionError):
        return NOTHING
    products = order.products or []
    return Order(
        items=[
            Item(
                name=(product.name or product.description or product.category or "")[:NAME_LENGTH_MAX].strip(),
                quantity=_quantity(product.quantity, language),
                price=_price(product.price, language),
            )
            for product in products[:ITEMS_MAX]
        ],
        more=max(0, len(products) - ITEMS_MAX),
        shipping=_price(order.shipping.fee, language) if order.shipping else "",
    )


def _quantity(value: float | str, language: str) -> str:
    """A quantity as text; "" for one and for what cannot be read."""
    try:
        quantity = float(value)
    except ValueError:
        return ""
    return count(quantity, language) if quantity != 1 and 0 <= quantity <= QUANTITY_MAX else ""


def _price(price: _Price | None, language: str) -> str:
    """A price in rupiah as text; "" for none, for zero and for what cannot be read."""
    try:
        minor = round(float(price.value) * MINOR_PER_RUPIAH) if price else 0
    except (ValueError, OverflowError):
        return ""
    return amount(minor, language) if 0 < minor < PRICE_MAX else ""
