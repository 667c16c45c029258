"""The view of a payment: everything that the payment page shows."""

from dataclasses import dataclass, field
from uuid import UUID

from gerbang.channels import Shown
from gerbang.web.checkout.card_forms import CardForm, Saved
from gerbang.web.checkout.order_summary import Order
from gerbang.web.checkout.payment_guides import FilledGuide


@dataclass(frozen=True)
class Offer:
    """A channel to choose. It has options, as (way, title), or one `way`, or the `reason` why it cannot be used.

    A way is "channel" or "channel/option"; forms send it. A card is given on a page of its own instead: `card` is its query.
    """

    title: str
    hint: str
    options: list[tuple[str, str]]
    way: str
    reason: str
    card: dict[str, str] | None = None


@dataclass(frozen=True)
class Summary:
    """What is paid: the amount, the reference and the order, at the top of the page."""

    amount: str
    reference: str
    description: str
    order: Order
    way: str = ""
    """The title of the chosen method, "" before the choice."""
    back: UUID | None = None
    """The charge that the buyer may end to choose another method."""


@dataclass(frozen=True)
class Code:
    """The code that the buyer pays to, with everything that is shown of it."""

    channel: str
    shown: Shown
    title: str
    act: str
    label: str
    badge: str
    number: str
    groups: list[str]
    name: str
    amount: str
    amount_digits: str
    press: str = ""
    """The label of the button that opens the wallet."""
    copy: str = ""
    """The label of the button that copies the number."""
    picture: str = ""
    content: str = ""
    nmid: str = ""
    guides: list[FilledGuide] = field(default_factory=list[FilledGuide])


@dataclass(frozen=True)
class End:
    """When the code or the choice expires: seconds from now, the instant, and the time left as text."""

    seconds: int
    at: str
    left: str


@dataclass(frozen=True)
class View:
    """One page. `kind` names its template; `state` is the payment's, or that of an error page."""

    kind: str
    state: str
    title: str
    live: bool = False
    summary: Summary | None = None
    offers: list[Offer] = field(default_factory=list[Offer])
    code: Code | None = None
    end: End | None = None
    notice: str = ""
    """What became of the buyer's last choice, such as a decline; "" for nothing."""
    notes: list[str] = field(default_factory=list[str])
    rows: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    plays: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    back_to: str | None = None
    leave_to: str | None = None
    """The URL of the shop while nothing is paid yet."""
    lapsed: bool = False
    """The code has expired and the payment has not."""
    again: UUID | None = None
    """The expired charge that the buyer may replace by a new one."""
    over: bool = False
    """Nothing is left to do for the buyer."""
    path: str = ""
    """The page's own path below /detail."""
    query: dict[str, str] = field(default_factory=dict[str, str])
    """What the page's address says beside its token and its language."""
    card: CardForm | None = None
    forget: Saved | None = None
    """The saved card that is to be forgotten."""
    bank_page: str = ""
    """Where the card's bank asks the buyer."""
    refresh: int = 0
    """After so many seconds the page is loaded again by browsers without JavaScript; 0 for never."""
