"""The card that somebody pays by: what may be known of it, and whether this payment can be paid by it."""

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gerbang import ids
from gerbang.domain.cards import CardChoice, CardDetails, StoredCard
from gerbang.domain.merchants import Merchant
from gerbang.domain.payments import Payment
from gerbang.errors import BillingAddressMissing, CardNotStored, ChannelNotEnabled, CustomerMissing
from gerbang.partners import Partner
from gerbang.vault import Card, Vault

HOME = "ID"


class CardGiven(msgspec.Struct, frozen=True):
    """A card in memory. `customer_id`: whose it is, where it was stored."""

    card: Card
    customer_id: str | None = None
    raw: bool = False
    """Whether a merchant sent its number as it is."""


def details_of(vault: Vault, partner: Partner, merchant: Merchant, payment: Payment, given: CardGiven) -> CardDetails:
    """What may be known of a card that is to pay this payment.

    Raises CardNotStored (field "card.token") for another customer's card, CustomerMissing (field "customer") where it is to be
    kept and nobody is named, BillingAddressMissing, and ChannelNotEnabled where the connection takes no cards.
    """
    if partner.acquirer is None:
        raise ChannelNotEnabled("method", title="Card")
    card = given.card
    if given.customer_id is not None and given.customer_id != payment.customer_id:
        raise CardNotStored("card.token")
    if payment.details.keep_method and payment.customer_id is None:
        raise CustomerMissing("customer")
    issuer = partner.acquirer.issuer(partner.connection, card.first8)
    if issuer.country not in ("", HOME) and not (payment.details.billing and payment.details.billing.line):
        raise BillingAddressMissing("billing")
    choice = payment.method.card if payment.method and payment.method.card else CardChoice()
    token = card.token or (f"card_{ids.hex_id(32)}" if payment.details.keep_method else "")
    return CardDetails(
        brand=card.brand,
        first8=card.first8,
        last4=card.last4,
        expiry_month=card.expiry_month,
        expiry_year=card.expiry_year,
        fingerprint=vault.fingerprint(merchant.id, card),
        capture=choice.capture,
        kind=issuer.kind,
        bank=issuer.bank,
        country=issuer.country,
        token=token,
    )


def stored(
    vault: Vault, payment: Payment, details: CardDetails, given: CardGiven, charge_id: UUID, now: datetime
) -> list[StoredCard]:
    """The row by which a card is kept until its payment has succeeded; none for one that is not to be kept, or is already."""
    card = given.card
    if not payment.details.keep_method or card.token or payment.customer_id is None:
        return []
    key_number, sealed = vault.sealed(card, payment.merchant_id, details.token)
    return [
        StoredCard(
            merchant_id=payment.merchant_id,
            token=details.token,
            customer_id=payment.customer_id,
            charge_id=charge_id,
            key_number=key_number,
            sealed=sealed,
            brand=details.brand,
            first8=details.first8,
            last4=details.last4,
            expiry_month=details.expiry_month,
            expiry_year=details.expiry_year,
            fingerprint=details.fingerprint,
            holder=card.holder,
            state="pending",
            created_at=now,
            updated_at=now,
        )
    ]


def activated(kept: StoredCard, now: datetime) -> StoredCard:
    """A stored card that its customer may pay by from now on."""
    return replace(kept, state="active", updated_at=now)


def dropped(kept: StoredCard, now: datetime) -> StoredCard:
    """A stored card that nobody may pay by any more: its number is not kept."""
    return replace(kept, state="inactive", sealed=b"", updated_at=now)
