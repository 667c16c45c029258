"""What a payer's page says, decided here and only written down by the templates: one view for each thing a page can be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from gerbang.channels import ChannelSpec, Shown
from gerbang.domain.money import whole_rupiah
from gerbang.domain.paycodes import Instructions
from gerbang.domain.payments import Payment
from gerbang.errors import AgreementUnusable, AmountAboveLimit, AmountBelowLimit, ExpiryTooFar
from gerbang.services import checkout
from gerbang.services.checkout import Visit, Way
from gerbang.web._pages import urls
from gerbang.web._pages.formatting import amount, groups, instant, span
from gerbang.web.checkout import payment_guides
from gerbang.web.checkout.order_summary import NOTHING, Order, order_of
from gerbang.web.checkout.payment_guides import Told
from gerbang.web.checkout.translations import channel_words
from gerbang.world import World

RESULTS = ("paid", "cancelled", "expired", "inactive")


@dataclass(frozen=True)
class Offer:
    """A channel to choose: its options as (way, title), itself as the one `way`, or a reason why not."""

    title: str
    hint: str
    options: list[tuple[str, str]]
    way: str
    reason: str


@dataclass(frozen=True)
class Summary:
    """Whom and how much: at the top of every page that may show a payment's data."""

    amount: str
    reference: str
    description: str
    order: Order
    way: str = ""
    """How it is paid, once that was chosen."""
    back: UUID | None = None
    """The charge that the buyer may leave for another way to pay."""


@dataclass(frozen=True)
class Code:
    """What the buyer pays to."""

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
    """What the button says that leads to the wallet."""
    copy: str = ""
    """What the button says that copies the number."""
    picture: UUID | None = None
    content: str = ""
    nmid: str = ""
    payment_guides: list[Told] = field(default_factory=list[Told])


@dataclass(frozen=True)
class End:
    """When the code, or the choice, is over: seconds from now, the instant, and what is left in words."""

    seconds: int
    at: str
    left: str


@dataclass(frozen=True)
class View:
    """One page. `kind` names its template; `state` what the page tells when nothing is left to do."""

    kind: str
    state: str
    title: str
    live: bool = False
    summary: Summary | None = None
    offers: list[Offer] = field(default_factory=list[Offer])
    code: Code | None = None
    end: End | None = None
    notice: str = ""
    """What has just become of the buyer's last choice."""
    notes: list[str] = field(default_factory=list[str])
    details: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    plays: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    back_to: str | None = None
    leave_to: str | None = None
    """The way back to the shop while nothing is paid yet."""
    lapsed: bool = False
    """The code's own time is over, the payment's is not."""
    again: UUID | None = None
    """The lapsed charge that a new one may take the place of."""


def return_url(payment: Payment) -> str | None:
    """Where a buyer goes once nothing is left to do here: unchanged, and only if it may be linked."""
    details = payment.details
    by_state = {
        "paid": details.success_url,
        "cancelled": details.failure_url,
        "inactive": details.failure_url,
        "expired": details.expiration_url,
    }
    return urls.linked(by_state.get(payment.state))


def view_of(world: World, visit: Visit, words: Mapping[str, str], language: str) -> View:
    """The page of a payment at this moment."""
    state = visit.payment.state
    if state in ("needs_method", "needs_confirmation"):
        return _choice(world, visit, words, language)
    if state in ("awaiting", "active") and (instructions := _instructions(visit)) is not None:
        return _code(world, visit, instructions, words, language)
    return _result(world, visit, words, language)


def _instructions(visit: Visit) -> tuple[str, Instructions] | None:
    """The channel and what it shows: a charge's, or a static method's own."""
    method = visit.payment.method
    if method is not None and method.instructions is not None:
        return method.channel, method.instructions
    return (visit.charge.channel, visit.charge.instructions) if visit.charge else None


def _summary(visit: Visit, words: Mapping[str, str], language: str, way: str = "") -> Summary:
    payment = visit.payment
    back = visit.charge.id if visit.charge and way and checkout.may_go_back(visit) else None
    return Summary(
        amount=words["any_amount"] if payment.amount is None else amount(payment.amount, language),
        reference=payment.reference,
        description=payment.details.description or "",
        order=order_of(payment.details.order, language) if payment.details.order else NOTHING,
        way=way,
        back=back if payment.method is not None and payment.method.left_to_buyer else None,
    )


def _choice(world: World, visit: Visit, words: Mapping[str, str], language: str) -> View:
    offers = [_offer(way, words, language) for way in checkout.ways(world, visit)]
    settled = len(offers) == 1 and bool(offers[0].way) and visit.payment.method is not None
    return View(
        kind="choose",
        state=visit.payment.state,
        title=words["confirm_title"] if settled else words["choose_title"],
        live=True,
        summary=_summary(visit, words, language),
        # One code for every app is the shortest way, and a long list of banks would push all others out of sight.
        offers=sorted(offers, key=lambda offer: (bool(offer.reason), len(offer.options), "/" in offer.way)),
        notice=_declined(world, visit, words),
        leave_to=urls.linked(visit.payment.details.failure_url),
        notes=_notes(visit, words, language),
        end=_end(visit, visit.payment.expires_at, language),
    )


def _offer(way: Way, words: Mapping[str, str], language: str) -> Offer:
    said = channel_words(way.spec, language)
    reason = ""
    if isinstance(way.refusal, AmountBelowLimit):
        reason = words["below"].format(minimum=amount(way.amount_min, language))
    elif isinstance(way.refusal, AmountAboveLimit):
        reason = words["above"].format(maximum=amount(way.amount_max, language))
    elif isinstance(way.refusal, ExpiryTooFar):
        reason = words["too_far"]
    elif way.refusal is not None:
        reason = words["not_now"]
    options = [(f"{way.channel}/{option}", payment_guides.title(way.spec, option)) for option in way.options]
    if reason or len(options) > 1:
        return Offer(said["title"], said["hint"], options, "", reason)
    if not options:
        return Offer(said["title"], said["hint"], [], way.channel, "")
    ((only, title),) = options
    return Offer(title, " · ".join(filter(None, (said["title"], said["hint"]))), [], only, "")


def _declined(world: World, visit: Visit, words: Mapping[str, str]) -> str:
    """That the wallet which the buyer chose last has said no."""
    charge = visit.charge
    if charge is None or charge.state != "failed":
        return ""
    said = words["declined_notice"].format(
        way=payment_guides.title(world.channels[charge.channel].spec, charge.instructions.option)
    )
    return said if visit.in_suspense else f"{said} {words['nothing_came']}"


def _way_title(world: World, channel: str, option: str | None, language: str) -> str:
    """What the way is called: "BCA · Transfer virtual account", or "QRIS"."""
    spec = world.channels[channel].spec
    said = channel_words(spec, language)
    return " · ".join(filter(None, (payment_guides.title(spec, option), said["title"])))


def _code(world: World, visit: Visit, shown: tuple[str, Instructions], words: Mapping[str, str], language: str) -> View:
    payment, charge = visit.payment, visit.charge
    channel, instructions = shown
    way = _way_title(world, channel, instructions.option, language)
    lapsed = charge is not None and charge.state == "expired" and payment.state == "awaiting"
    code = _code_shown(world, visit, shown, words, language)
    ends = [end for end in (instructions.expires_at, payment.expires_at) if end is not None]
    return View(
        kind="pay",
        state=payment.state,
        title=words["lapsed_title"] if lapsed else code.act,
        live=True,
        summary=_summary(visit, words, language, way),
        code=code,
        notes=_notes(visit, words, language),
        plays=_plays(charge.amount, words, language)
        if charge and not world.live and not lapsed and code.shown != "wallet"
        else [],
        lapsed=lapsed,
        leave_to=urls.linked(payment.details.failure_url),
        again=charge.id if charge and lapsed and checkout.may_go_back(visit) else None,
        end=_end(visit, payment.expires_at if lapsed else min(ends, default=None), language),
    )


def _code_shown(
    world: World, visit: Visit, shown: tuple[str, Instructions], words: Mapping[str, str], language: str
) -> Code:
    payment, (channel, instructions) = visit.payment, shown
    spec = world.channels[channel].spec
    badge = payment_guides.title(spec, instructions.option)
    said = channel_words(spec, language, badge)
    owed = amount(payment.amount, language) if payment.amount is not None else ""
    grouped = groups(instructions.number)
    # What is put into a sentence is broken over two lines only where a line is too short, and then between its groups.
    said_amount = owed or words["any_amount"].replace(" ", "\u00a0")
    places = {"number": " ".join(grouped), "amount": said_amount, "name": instructions.name}
    return Code(
        channel=channel,
        shown="picture" if instructions.content else spec.shows,
        title=said["title"],
        act=said["act"],
        label=said["number"],
        badge=badge,
        press=said["press"],
        copy=said["copy"],
        number=instructions.number,
        groups=grouped,
        name=instructions.name,
        amount=owed,
        amount_digits=str(whole_rupiah(payment.amount)) if payment.amount is not None else "",
        picture=(visit.charge.id if visit.charge else payment.id) if instructions.content else None,
        content=instructions.content,
        nmid=_nmid(visit, spec) if instructions.content else "",
        payment_guides=payment_guides.told(spec, instructions.option, language, places),
    )


def _nmid(visit: Visit, spec: ChannelSpec) -> str:
    """The number under which the merchant is registered for QRIS; "" for channels whose settings have none."""
    try:
        return str(getattr(visit.merchant.agreement.settings(spec.name, spec.agreement), "nmid", ""))
    except AgreementUnusable:
        return ""


def _end(visit: Visit, at: datetime | None, language: str) -> End | None:
    if at is None:
        return None
    seconds = max(0, int((at - visit.now).total_seconds()))
    return End(seconds, instant(at, language), span(seconds, language))


def _plays(owed: int, words: Mapping[str, str], language: str) -> list[tuple[str, str]]:
    wrong = amount(owed + checkout.WRONG_BY, language)
    return [
        ("exact", words["play_exact"].format(amount=amount(owed, language))),
        ("wrong", words["play_wrong"].format(amount=wrong)),
        ("late", words["play_late"]),
    ]


def _notes(visit: Visit, words: Mapping[str, str], language: str) -> list[str]:
    """What became of money that was not owed."""
    if not visit.in_suspense:
        return []
    came = words["came" if len(visit.in_suspense) == 1 else "came_often"].format(
        amount=amount(sum(money.amount for money in visit.in_suspense), language),
        at=instant(visit.in_suspense[-1].received_at, language),
    )
    owed = amount(visit.payment.amount or 0, language)
    return [words[_held_money(visit)].format(received=came, amount=owed, shop=visit.merchant.name)]


def _held_money(visit: Visit) -> str:
    """Which words tell of money that was not owed."""
    payment, came = visit.payment, visit.in_suspense
    outcomes = {money.outcome for money in came}
    if payment.state == "cancelled":
        return "aside_cancelled"
    if payment.state in ("expired", "inactive"):
        over = payment.expires_at is not None and payment.expires_at <= came[0].received_at
        return "aside_late" if payment.state == "expired" and over and outcomes == {"late"} else "aside_ended"
    if payment.state == "paid":
        return "aside_twice"
    return "aside_other" if outcomes <= {"overpaid", "underpaid"} else "aside_unused"


def _result(world: World, visit: Visit, words: Mapping[str, str], language: str) -> View:
    """The page of a payment that its buyer can do nothing about: what they need to ask the shop for it."""
    payment, charge = visit.payment, visit.charge
    state = payment.state if payment.state in RESULTS else "processing"
    details: list[tuple[str, str]] = []
    if state == "paid" and charge is not None and payment.paid_at is not None:
        details = [
            (words["paid_at"], instant(payment.paid_at, language)),
            (words["way"], _way_title(world, charge.channel, charge.instructions.option, language)),
        ]
    details.append((words["order_number"], payment.reference))
    if state != "paid" and payment.amount is not None:
        details.append((words["bill"], amount(payment.amount, language)))
    return View(
        kind="result",
        state=state,
        title=words[f"{state}_title"],
        live=state == "processing",
        summary=_summary(visit, words, language),
        back_to=return_url(payment),
        notes=_notes(visit, words, language),
        details=details,
    )
