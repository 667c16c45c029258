"""Opening a way to pay: from a payment and its chosen method to a number that a buyer can pay to."""

from datetime import datetime
from uuid import UUID

import msgspec
import structlog
from msgspec.structs import replace

from gerbang import channels, ids
from gerbang.channels import Channel
from gerbang.channels.card import CardAgreement
from gerbang.channels.ewallet import PUSH_LASTS
from gerbang.connections import CodeKind
from gerbang.domain.cards import CardChoice, CardDetails
from gerbang.domain.charges import Charge
from gerbang.domain.connections import Connection
from gerbang.domain.fees import fee_out_of
from gerbang.domain.merchants import Merchant, Offer
from gerbang.domain.partner_requests import AuthorizeCard, OpenCode, PartnerRequest, noted
from gerbang.domain.paycodes import CodePlan, Instructions
from gerbang.domain.payments import Method, Payment, moved
from gerbang.errors import (
    AgreementUnusable,
    CardMissing,
    CardWrong,
    ChannelNotBuilt,
    ChannelNotEnabled,
    NumberForStaticOnly,
    StaticNotOffered,
)
from gerbang.services.cards.given import CardGiven, details_of
from gerbang.services.pages import Pages
from gerbang.services.payments.numbers import CodeRequest
from gerbang.world import World

log = structlog.get_logger()


class Plan(msgspec.Struct, frozen=True):
    """A payment that is decided but for its number."""

    payment: Payment
    offer: Offer
    channel: Channel | None = None
    code_plan: CodePlan | None = None
    """None for a payment that needs no number yet."""
    charge_id: UUID | None = None
    connection: str = ""
    """By which its money will come; "" for a payment that needs no number yet."""
    kind: CodeKind = "ours"
    given: CardGiven | None = None
    """The card that is to pay, where it was given with the request."""
    card: CardDetails | None = None
    """What may be known of it."""

    @property
    def code_request(self) -> CodeRequest | None:
        if self.code_plan is None:
            return None
        minted = self.kind == "minted"
        return CodeRequest(
            self.code_plan,
            self.connection,
            self.payment.id,
            self.charge_id,
            self.offer.merchant,
            self.payment.expires_at,
            minted,
        )

    def partner_request(self, number: str, key: str | None, now: datetime) -> PartnerRequest | None:
        """What a partner must be asked before anybody can pay, or in order that they pay by a card; None where nobody need be."""
        if self.card is not None:
            return self._authorization(number, key, now)
        if self.code_plan is None or self.kind == "ours":
            return None
        asked = OpenCode(self.payment.id, self.code_plan, number, self.charge_id, now, key)
        id_ = self.charge_id or self.payment.id
        return noted(id_, self.payment.merchant_id, self.connection, "open", asked, now)

    def _authorization(self, number: str, key: str | None, now: datetime) -> PartnerRequest:
        """What an acquirer is asked."""
        assert self.card is not None and self.code_plan is not None and self.charge_id is not None, "a card is given"
        return authorization(self.payment, self.code_plan, self.charge_id, number, self.card, self.connection, key, now)


def authorization(
    payment: Payment,
    code_plan: CodePlan,
    charge_id: UUID,
    number: str,
    card: CardDetails,
    connection: str,
    key: str | None,
    now: datetime,
) -> PartnerRequest:
    """The request to have the money of a card held or taken; its id is the charge's."""
    assert payment.amount is not None, "cards pay fixed amounts"
    choice = payment.method.card if payment.method and payment.method.card else CardChoice()
    asked = AuthorizeCard(
        payment_id=payment.id,
        charge_id=charge_id,
        plan=code_plan,
        amount=payment.amount,
        card=card,
        created_at=now,
        three_ds=choice.three_ds,
        external=choice.external,
        billing=payment.details.billing,
        key=key,
        number=number,
    )
    return noted(charge_id, payment.merchant_id, connection, "authorize", asked, now)


def channel_for(world: World, method: Method, offer: Offer, payment: Payment) -> Channel:
    """The channel of a method. Raises StaticNotOffered, ChannelNotBuilt, ChannelNotEnabled or AgreementUnusable (field "method")."""
    channel = world.channels.get(method.channel)
    title = method.channel.capitalize() if channel is None else channel.spec.title
    if channel is not None and not world.offers(channel.spec, offer, payment.product):
        channel = None
    if payment.static and (channel is None or not channel.spec.static):
        raise StaticNotOffered("method", title=title)
    if method.channel not in world.channels:
        raise ChannelNotBuilt("method", title=title)
    if channel is None:
        raise ChannelNotEnabled("method", title=title)
    with AsAgreed(channel, offer.merchant):
        options = channel.options(offer)
    if options is None:
        raise ChannelNotEnabled("method", title=title)
    return channel


def usable_options(world: World, channel: Channel, offer: Offer) -> list[str] | None:
    """The options of a channel that a merchant can be paid by; None where there is none, or it was agreed unusably.

    [] where the channel has no options. One for which nobody is connected is left out.
    """
    try:
        with AsAgreed(channel, offer.merchant):
            options = channel.options(offer)
    except AgreementUnusable:
        return None
    if options is None:
        return None
    name, merchant_id = channel.spec.name, offer.merchant.id
    sold: list[str | None] = [*options] or [None]
    served = [each for each in sold if world.partners.serving(merchant_id, name, each, "payments") is not None]
    return [each for each in served if each is not None] if served else None


def check_number(method: Method, offer: Offer, payment: Payment) -> None:
    """Raises NumberForStaticOnly (field "number") where a number was chosen that would have no effect.

    The range in which a merchant may choose is that of its static numbers (payment-session reference, 3.6 and 6.1).
    """
    if method.number is not None and not payment.static and not offer.terms.own_numbers:
        raise NumberForStaticOnly("number")


class AsAgreed:
    """Raises AgreementUnusable (field "method") where an agreement does not do: it was kept before it was tried out."""

    __slots__ = ("_channel", "_merchant")

    def __init__(self, channel: Channel, merchant: Merchant) -> None:
        self._channel = channel
        self._merchant = merchant

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, wrong: BaseException | None, trace: object) -> None:
        if isinstance(wrong, (ValueError, OverflowError, AgreementUnusable)):
            spec, why = self._channel.spec, str(wrong.__cause__ or wrong)
            who = str(self._merchant.id)
            log.error("an agreement is unusable", merchant=who, channel=spec.name, why=why, exc_info=wrong)
            raise AgreementUnusable("method", title=spec.title) from wrong


def plan(
    world: World, payment: Payment, channel: Channel, offer: Offer, now: datetime, given: CardGiven | None = None
) -> Plan:
    """Plans the number that a payment needs for its method, and moves the payment on. Raises what the channel refuses.

    The channel is that of the method, and the offer that of the payment's product.
    """
    if channel.spec.shows == "card":
        return _plan_card(world, payment, channel, offer, now, given)
    with AsAgreed(channel, offer.merchant):
        code_plan = channel.plan(payment, offer, now)
        connection, kind = _partner(world, offer.merchant.id, code_plan)
    if kind == "minted" and channel.spec.shows == "wallet":
        code_plan = replace(code_plan, return_url=_return_url(world, payment))
    if code_plan.pushed:
        code_plan = _pushed(world, payment, code_plan, connection, now)
    if code_plan.pushed:  # its buyer has no page on which to choose again, so the payment ends with it
        payment = replace(payment, expires_at=code_plan.expires_at)
    verb = "ask" if kind != "ours" else "activate" if payment.static else "confirm"
    charge_id = None if payment.static else ids.uuid7(now)
    return Plan(moved(payment, verb, now), offer, channel, code_plan, charge_id, connection, kind)


def _plan_card(
    world: World, payment: Payment, channel: Channel, offer: Offer, now: datetime, given: CardGiven | None
) -> Plan:
    """Plans a payment by card: the acquirer is asked once there is a card. Raises CardMissing where nobody could give one."""
    if given is None and not payment.details.redirect:
        raise CardMissing("card")
    if given is not None and given.raw:
        agreed = offer.merchant.agreement.settings(channel.spec.name, CardAgreement)
        if agreed is None or not agreed.raw_numbers:
            raise CardWrong("card.number", why="may not be sent as it is here: send card.encryptedCard")
    if given is not None and payment.method is not None:
        payment = replace(payment, method=replace(payment.method, option=given.card.brand))
    with AsAgreed(channel, offer.merchant):
        code_plan = channel.plan(payment, offer, now)
        connection, _ = _partner(world, offer.merchant.id, code_plan)
    partner, charge_id = world.partners.named(connection), ids.uuid7(now)
    code_plan = replace(code_plan, return_url=challenged_url(world, payment, charge_id, code_plan.expires_at))
    assert partner is not None, "it was just found"
    card = None if given is None else details_of(world.vault, partner, offer.merchant, payment, given)
    moved_on = moved(payment, "confirm", now)
    return Plan(moved_on, offer, channel, code_plan, charge_id, connection, "ours", given, card)


def challenged_url(world: World, payment: Payment, charge_id: UUID, expires_at: datetime | None) -> str:
    """Where an acquirer sends a buyer back to whose bank has asked them."""
    pages = Pages(world.partners.public_url, world.keyring.page_key)
    return pages.challenged_url(payment.id, charge_id, expires_at)


def _pushed(world: World, payment: Payment, code_plan: CodePlan, connection: str, now: datetime) -> CodePlan:
    """The plan of a code about which the wallet's app notifies its buyer; a partner that cannot do that gives a link instead."""
    partner = world.partners.named(connection)
    if partner is None or not partner.pushes(code_plan.channel, code_plan.option):
        return replace(code_plan, pushed=False)
    end = now + PUSH_LASTS
    strict = payment.details.strict_expiry and code_plan.expires_at is not None
    return code_plan if strict else replace(code_plan, expires_at=min(code_plan.expires_at or end, end))


def _return_url(world: World, payment: Payment) -> str:
    """Where a wallet sends its buyer back to: the merchant's own address, else the payer's page."""
    own = payment.method.return_url if payment.method else None
    return own or Pages(world.partners.public_url, world.keyring.page_key).payment_url(payment)


def _partner(world: World, merchant_id: UUID, code_plan: CodePlan) -> tuple[str, CodeKind]:
    """The connection by which a code's money will come, and who makes the code. Raises ChannelNotEnabled where there is none."""
    partner = world.partners.serving(merchant_id, code_plan.channel, code_plan.option, "payments")
    if partner is None:
        raise ChannelNotEnabled("method", title=code_plan.option or world.channels[code_plan.channel].spec.title)
    check_company_code(partner.connection, code_plan)
    if partner.opener is None:
        return partner.connection.name, "ours"
    return partner.connection.name, partner.opener.kind(partner.connection, code_plan.channel, code_plan.option)


def check_company_code(connection: Connection, code_plan: CodePlan) -> None:
    """Raises ValueError for numbers that the contract's company codes do not begin: no buyer could pay to them."""
    codes = connection.company_codes
    begins = code_plan.chosen or (code_plan.range.prefix if code_plan.range else "")
    if codes and begins and not begins.startswith(codes):
        raise ValueError(
            f"its numbers begin with {begins[:8]}, and those of the connection {connection.name} with {', '.join(codes)}"
        )


def opened(plan: Plan, number: str, now: datetime, *, content: str = "") -> tuple[Payment, Charge | None]:
    """The payment with its number: in a charge of its own, or for a static payment in its method.

    `content` is what a partner's code says, in place of what the channel composes.
    """
    assert plan.channel is not None and plan.code_plan is not None and plan.payment.method is not None
    with AsAgreed(plan.channel, plan.offer.merchant):
        instructions = plan.channel.instructions(plan.code_plan, number)
    instructions = replace(instructions, connection=plan.connection, content=content or instructions.content)
    if plan.charge_id is None:
        return replace(plan.payment, method=replace(plan.payment.method, instructions=instructions)), None
    return plan.payment, waiting_charge(plan, instructions, now)


def waiting_charge(plan: Plan, instructions: Instructions, now: datetime) -> Charge:
    assert plan.channel is not None and plan.charge_id is not None and plan.payment.amount is not None
    fee = fee_out_of(channels.rate(plan.channel.spec, instructions.option, plan.offer), plan.payment.amount, now)
    return Charge(
        id=plan.charge_id,
        payment_id=plan.payment.id,
        merchant_id=plan.offer.merchant.id,
        payment_reference=plan.payment.reference,
        amount=plan.payment.amount,
        state="waiting",
        channel=plan.channel.spec.name,
        instructions=instructions,
        descriptor=plan.payment.descriptor,
        created_at=now,
        updated_at=now,
        expires_at=instructions.expires_at,
        fee=fee.total,
        vat=fee.vat,
        card=plan.card,
    )
