"""Opening a way to pay: from a payment and its chosen method to a number that a buyer can pay to."""

from datetime import datetime
from uuid import UUID

import msgspec
import structlog
from msgspec.structs import replace

from gerbang import channels, ids
from gerbang.channels import Channel
from gerbang.channels.ewallet import PUSH_LASTS
from gerbang.connections import CodeKind
from gerbang.domain.charges import Charge
from gerbang.domain.connections import Connection
from gerbang.domain.fees import fee_out_of
from gerbang.domain.merchants import Merchant, Offer
from gerbang.domain.partner_requests import OpenCode, PartnerRequest, noted
from gerbang.domain.paycodes import CodePlan, Instructions
from gerbang.domain.payments import Method, Payment, moved
from gerbang.errors import (
    AgreementUnusable,
    ChannelNotBuilt,
    ChannelNotEnabled,
    NumberForStaticOnly,
    StaticNotOffered,
)
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
        """What a partner must be asked before anybody can pay; None where nobody need be."""
        if self.code_plan is None or self.kind == "ours":
            return None
        asked = OpenCode(self.payment.id, self.code_plan, number, self.charge_id, now, key)
        id_ = self.charge_id or self.payment.id
        return noted(id_, self.payment.merchant_id, self.connection, "open", asked, now)


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


def plan(world: World, payment: Payment, channel: Channel, offer: Offer, now: datetime) -> Plan:
    """Plans the number that a payment needs for its method, and moves the payment on. Raises what the channel refuses.

    The channel is that of the method, and the offer that of the payment's product.
    """
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
    )
