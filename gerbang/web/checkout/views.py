"""What the payment page shows of a payment, decided here and printed by the templates."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from gerbang.channels import ChannelSpec
from gerbang.domain.cards import StoredCard
from gerbang.domain.charges import Charge
from gerbang.domain.money import whole_rupiah
from gerbang.domain.paycodes import Instructions
from gerbang.errors import AgreementUnusable, AmountAboveLimit, AmountBelowLimit, ExpiryTooFar
from gerbang.services import checkout
from gerbang.services.checkout import Visit, Way
from gerbang.services.pages import picture_name
from gerbang.services.simulations import WRONG_BY
from gerbang.web._pages import urls
from gerbang.web._pages.formatting import amount, groups, instant, span
from gerbang.web.checkout import payment_guides
from gerbang.web.checkout.card_forms import CardForm, networks_of, saved_card, titled
from gerbang.web.checkout.order_summary import NOTHING, order_of
from gerbang.web.checkout.translations import channel_texts
from gerbang.web.checkout.view_shapes import Code, End, Offer, Summary, View
from gerbang.world import World

RESULTS = {
    "paid": "paid",
    "cancelled": "cancelled",
    "failed": "cancelled",
    "expired": "expired",
    "inactive": "inactive",
}
"""The states in which nothing is left to do, and the page that each has."""
REFRESHED_SECONDS = 5
"""How often a browser without JavaScript loads a page anew that waits for a bank."""


def view_of(
    world: World, visit: Visit, texts: Mapping[str, str], language: str, saved: Sequence[StoredCard] = ()
) -> View:
    """The view of a payment as it is now. `saved` are the cards that its buyer may choose."""
    state, charge = visit.payment.state, visit.charge
    if state in ("needs_method", "needs_confirmation") or checkout.card_way(world, visit) is not None:
        return _choice(world, visit, texts, language, saved)
    by_card = charge is not None and charge.card is not None and charge.state in ("waiting", "authenticating")
    if state == "processing" or (state in ("awaiting", "authenticating") and by_card):
        return _under_way(world, visit, texts, language)
    if state in ("awaiting", "authenticating", "active") and (instructions := _instructions(visit)) is not None:
        return _code(world, visit, instructions, texts, language)
    return _result(world, visit, texts, language)


def _instructions(visit: Visit) -> tuple[str, Instructions] | None:
    """The channel and its instructions: those of the static method, else those of the charge."""
    method = visit.payment.method
    if method is not None and method.instructions is not None:
        return method.channel, method.instructions
    return (visit.charge.channel, visit.charge.instructions) if visit.charge else None


def _summary(visit: Visit, texts: Mapping[str, str], language: str, way: str = "") -> Summary:
    payment = visit.payment
    back = visit.charge.id if visit.charge and way and checkout.may_go_back(visit) else None
    return Summary(
        amount=texts["any_amount"] if payment.amount is None else amount(payment.amount, language),
        reference=payment.reference,
        description=payment.details.description or "",
        order=order_of(payment.details.order, language) if payment.details.order else NOTHING,
        way=way,
        back=back if payment.method is not None and payment.method.left_to_buyer else None,
    )


def _choice(world: World, visit: Visit, texts: Mapping[str, str], language: str, saved: Sequence[StoredCard]) -> View:
    ways = checkout.ways(world, visit)
    by_card = next((way for way in ways if way.spec.shows == "card" and way.refusal is None), None)
    kept = [each for each in saved if by_card is not None and each.brand in by_card.options]
    if by_card is not None and len(ways) == 1 and not kept:
        return card_view(world, visit, by_card, texts, language)
    offers = [_offer(way, texts, language, another=bool(kept)) for way in ways]
    fixed = len(offers) == 1 and bool(offers[0].way) and visit.payment.method is not None
    # Channels with few options first: a long list of banks would push all others out of sight.
    offers.sort(key=lambda offer: (bool(offer.reason), len(offer.options), "/" in offer.way))
    return View(
        kind="choose",
        state=visit.payment.state,
        title=texts["confirm_title"] if fixed else texts["choose_title"],
        live=True,
        summary=_summary(visit, texts, language),
        offers=[*(_saved_offer(each, texts) for each in kept), *offers],
        notice=_declined(world, visit, texts),
        leave_to=urls.linked(visit.payment.details.failure_url),
        notes=_notes(visit, texts, language),
        end=_end(visit, visit.payment.expires_at, language),
    )


def _saved_offer(kept: StoredCard, texts: Mapping[str, str]) -> Offer:
    saved = saved_card(kept)
    return Offer(saved.title, texts["saved_until"].format(until=saved.until), [], "", "", {"saved": saved.name})


def card_view(
    world: World,
    visit: Visit,
    way: Way,
    texts: Mapping[str, str],
    language: str,
    *,
    kept: StoredCard | None = None,
    saved: bool = False,
    wrong: Mapping[str, str] | None = None,
) -> View:
    """The form for a card, or for the security code of a saved one. `saved`: whether there are saved ones to choose."""
    form = CardForm(
        networks=networks_of(way),
        saved=None if kept is None else saved_card(kept),
        keeps=visit.payment.details.keep_method and kept is None,
        others=saved or len(checkout.ways(world, visit)) > 1,
        month=f"{visit.now:%Y-%m}",
        wrong=wrong or {},
    )
    labels = channel_texts(way.spec, language)
    return View(
        kind="card",
        state=visit.payment.state,
        title=labels["act"] if form.saved is None else texts["saved_title"].format(card=form.saved.title),
        live=True,
        summary=_summary(visit, texts, language),
        notice=_declined(world, visit, texts) if not form.wrong else texts["wrong_notice"],
        leave_to=urls.linked(visit.payment.details.failure_url),
        notes=_notes(visit, texts, language),
        end=_end(visit, visit.payment.expires_at, language),
        path="/card",
        query={"saved": form.saved.name} if form.saved else {},
        card=form,
    )


def forget_view(visit: Visit, kept: StoredCard, texts: Mapping[str, str], language: str) -> View:
    """The question whether to forget a saved card."""
    saved = saved_card(kept)
    return View(
        kind="forget",
        state=visit.payment.state,
        title=texts["forget_title"].format(card=saved.title),
        live=True,
        summary=_summary(visit, texts, language),
        path="/card/forget",
        query={"saved": saved.name},
        forget=saved,
    )


def _under_way(world: World, visit: Visit, texts: Mapping[str, str], language: str) -> View:
    """The view of a payment whose buyer has agreed or is to agree, while their bank or wallet is at work."""
    payment, charge = visit.payment, visit.charge
    page = charge.card.page if charge and charge.card and charge.state in ("waiting", "authenticating") else ""
    held = charge is not None and charge.state == "authorized"
    state = "at_bank" if page else "authorized" if held else "processing"
    rows = [(texts["order_number"], payment.reference), (texts["bill"], amount(payment.amount or 0, language))]
    if charge is not None:
        rows.append((texts["way"], _paid_by(world, charge, language)))
    return View(
        kind="result",
        state=state,
        title=texts[f"{state}_title"],
        live=True,
        summary=_summary(visit, texts, language),
        back_to=urls.linked(payment.details.success_url) if held else None,
        notes=_notes(visit, texts, language),
        rows=rows,
        over=held,
        bank_page=page,
        refresh=0 if held else REFRESHED_SECONDS,
    )


def _paid_by(world: World, charge: Charge, language: str) -> str:
    if charge.card is not None:
        return titled(charge.card.brand, charge.card.last4)
    return _way_title(world, charge.channel, charge.instructions.option, language)


def _offer(way: Way, texts: Mapping[str, str], language: str, *, another: bool = False) -> Offer:
    """A way to choose. `another`: the buyer has saved cards, besides which this way is another card."""
    labels = channel_texts(way.spec, language)
    reason = ""
    if isinstance(way.refusal, AmountBelowLimit):
        reason = texts["below"].format(minimum=amount(way.amount_min, language))
    elif isinstance(way.refusal, AmountAboveLimit):
        reason = texts["above"].format(maximum=amount(way.amount_max, language))
    elif isinstance(way.refusal, ExpiryTooFar):
        reason = texts["too_far"]
    elif way.refusal is not None:
        reason = texts["not_now"]
    if way.spec.shows == "card":
        title = texts["another_card"] if another else labels["title"]
        return Offer(title, "" if reason else networks_of(way), [], "", reason, {})
    options = [(f"{way.channel}/{option}", payment_guides.title(way.spec, option)) for option in way.options]
    if reason or len(options) > 1:
        return Offer(labels["title"], labels["hint"], options, "", reason)
    if not options:
        return Offer(labels["title"], labels["hint"], [], way.channel, "")
    ((only, title),) = options
    return Offer(title, " · ".join(filter(None, (labels["title"], labels["hint"]))), [], only, "")


def _declined(world: World, visit: Visit, texts: Mapping[str, str]) -> str:
    """The notice that the wallet or the card's bank declined the newest charge, and why; "" if it did not."""
    charge = visit.charge
    if charge is None or charge.state != "failed":
        return ""
    if charge.card is not None:
        said = texts["card_declined"].format(card=titled(charge.card.brand, charge.card.last4))
        return f"{said} {texts[f'failure_{charge.failure}']} {texts['not_charged']}"
    notice = texts["declined_notice"].format(
        way=payment_guides.title(world.channels[charge.channel].spec, charge.instructions.option)
    )
    return notice if visit.in_suspense else f"{notice} {texts['nothing_came']}"


def _way_title(world: World, channel: str, option: str | None, language: str) -> str:
    """The title of a method: "BCA · Transfer virtual account", or "QRIS"."""
    spec = world.channels[channel].spec
    labels = channel_texts(spec, language)
    return " · ".join(filter(None, (payment_guides.title(spec, option), labels["title"])))


def _code(world: World, visit: Visit, shown: tuple[str, Instructions], texts: Mapping[str, str], language: str) -> View:
    payment, charge = visit.payment, visit.charge
    channel, instructions = shown
    way = _way_title(world, channel, instructions.option, language)
    lapsed = charge is not None and charge.state == "expired" and payment.state != "active"
    code = _code_shown(world, visit, shown, texts, language)
    ends = [end for end in (instructions.expires_at, payment.expires_at) if end is not None]
    return View(
        kind="pay",
        state=payment.state,
        title=texts["lapsed_title"] if lapsed else code.act,
        live=True,
        summary=_summary(visit, texts, language, way),
        code=code,
        notes=_notes(visit, texts, language),
        plays=_plays(charge.amount, texts, language)
        if charge and not world.live and not lapsed and code.shown != "wallet"
        else [],
        lapsed=lapsed,
        leave_to=urls.linked(payment.details.failure_url),
        again=charge.id if charge and lapsed and checkout.may_go_back(visit) else None,
        end=_end(visit, payment.expires_at if lapsed else min(ends, default=None), language),
    )


def _code_shown(
    world: World, visit: Visit, shown: tuple[str, Instructions], texts: Mapping[str, str], language: str
) -> Code:
    payment, (channel, instructions) = visit.payment, shown
    spec = world.channels[channel].spec
    badge = payment_guides.title(spec, instructions.option)
    labels = channel_texts(spec, language, badge)
    owed = amount(payment.amount, language) if payment.amount is not None else ""
    grouped = groups(instructions.number)
    # A number in a sentence may break only between its groups, an amount not at all.
    amount_text = owed or texts["any_amount"].replace(" ", "\u00a0")
    pictured = bool(instructions.content) and spec.shows != "wallet"  # what a wallet says is where it is
    values = {"number": " ".join(grouped), "amount": amount_text, "name": instructions.name}
    return Code(
        channel=channel,
        shown="picture" if pictured else spec.shows,
        title=labels["title"],
        act=labels["act"],
        label=labels["number"],
        badge=badge,
        press=labels["press"],
        copy=labels["copy"],
        number=instructions.number,
        groups=grouped,
        name=instructions.name,
        amount=owed,
        amount_digits=str(whole_rupiah(payment.amount)) if payment.amount is not None else "",
        picture=picture_name(payment.merchant_id, (visit.charge or payment).id) if pictured else "",
        content=instructions.content if pictured else "",
        nmid=_nmid(visit, spec) if pictured else "",
        guides=payment_guides.filled(spec, instructions.option, language, values),
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


def _plays(owed: int, texts: Mapping[str, str], language: str) -> list[tuple[str, str]]:
    wrong = amount(owed + WRONG_BY, language)
    return [
        ("exact", texts["play_exact"].format(amount=amount(owed, language))),
        ("wrong", texts["play_wrong"].format(amount=wrong)),
        ("late", texts["play_late"]),
    ]


def _notes(visit: Visit, texts: Mapping[str, str], language: str) -> list[str]:
    """The notes about money held in suspense: how much came, when, and what the buyer can do."""
    if not visit.in_suspense:
        return []
    came = texts["came" if len(visit.in_suspense) == 1 else "came_often"].format(
        amount=amount(sum(money.amount for money in visit.in_suspense), language),
        at=instant(visit.in_suspense[-1].received_at, language),
    )
    owed = amount(visit.payment.amount or 0, language)
    return [texts[_suspense_text(visit)].format(received=came, amount=owed, shop=visit.merchant.name)]


def _suspense_text(visit: Visit) -> str:
    """The key of the text about the money held in suspense."""
    payment, came = visit.payment, visit.in_suspense
    outcomes = {money.outcome for money in came}
    if payment.state in ("cancelled", "failed"):
        return "held_cancelled"
    if payment.state in ("expired", "inactive"):
        over = payment.expires_at is not None and payment.expires_at <= came[0].received_at
        return "held_late" if payment.state == "expired" and over and outcomes == {"late"} else "held_ended"
    if payment.state == "paid":
        return "held_twice"
    return "held_other" if outcomes <= {"overpaid", "underpaid"} else "held_unused"


def _result(world: World, visit: Visit, texts: Mapping[str, str], language: str) -> View:
    """The view of a payment that needs nothing of its buyer: what they have to quote to the shop."""
    payment, charge = visit.payment, visit.charge
    state = RESULTS.get(payment.state) or ("processing" if payment.state == "processing" else "opening")
    rows: list[tuple[str, str]] = []
    if state == "paid" and charge is not None and payment.paid_at is not None:
        rows = [
            (texts["paid_at"], instant(payment.paid_at, language)),
            (texts["way"], _paid_by(world, charge, language)),
        ]
    rows.append((texts["order_number"], payment.reference))
    if state != "paid" and payment.amount is not None:
        rows.append((texts["bill"], amount(payment.amount, language)))
    return View(
        kind="result",
        state=state,
        title=texts[f"{state}_title"],
        live=state == "opening",
        summary=_summary(visit, texts, language),
        back_to=urls.return_url(payment),
        notes=_notes(visit, texts, language),
        rows=rows,
        over=payment.state in RESULTS,
    )
