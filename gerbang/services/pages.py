"""Where buyers go: a payment's page and a wallet's, each with a token that opens it alone; and the address of a QR picture."""

import base64
import hmac
import re
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

import jwt
import msgspec

from gerbang.domain.charges import Charge
from gerbang.domain.payments import Payment
from gerbang.errors import CredentialsWrong
from gerbang.ids import OwnedId

ISSUER = "backend-portal"
"""As in the vendor's sample links (payment-session reference, section 8)."""
WALLET_ISSUER = "wallet"
"""Another one, so that neither page is opened by the other's token: a wallet learns nothing but its charge."""
CHALLENGE_ISSUER = "threeds"
_HEAD = b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
"""{"alg":"HS256","typ":"JWT"}"""
WALLET_APP = "shopeeid://main"
"""Where a phone finds the wallet's app (one-time-payment reference, 2.3)."""


def picture_name(merchant_id: UUID, id_: UUID) -> str:
    """The name of the QR picture of a charge or of a static payment: 64 hexadecimal digits."""
    return merchant_id.hex + id_.hex


def pictured(name: str) -> OwnedId | None:
    """What a picture of this name shows; None for what is no such name."""
    if re.fullmatch("[0-9a-fA-F]{64}", name) is None:
        return None
    return UUID(name[:32]), UUID(name[32:])


def _base64url(plain: bytes) -> bytes:
    return base64.urlsafe_b64encode(plain).rstrip(b"=")


class Pages:
    """Makes and reads the addresses of pages below one base URL. A token is a JWT (HS256): what it opens, iss, exp."""

    def __init__(self, base_url: str, key: str) -> None:
        self._base_url = base_url
        self._key = key

    def payment_url(self, payment: Payment) -> str:
        claims: dict[str, str | int] = {"uuid": str(payment.id), "iss": ISSUER}
        if payment.expires_at is not None:
            claims["exp"] = int(payment.expires_at.timestamp())
        return f"{self._base_url}/detail?token={self._token(claims)}"

    def wallet_url(self, charge: Charge) -> str:
        """Where a wallet's buyer agrees to a charge or declines it: the wallet's own page, or the simulated one."""
        if charge.instructions.content:
            return charge.instructions.content
        return f"{self._base_url}/wallet?token={self._charge_token(charge, WALLET_ISSUER)}"

    def challenge_url(self, charge: Charge) -> str:
        """Where a sandbox plays the page on which a card's bank asks who pays."""
        return f"{self._base_url}/threeds?token={self._charge_token(charge, CHALLENGE_ISSUER)}"

    def challenged_url(self, payment_id: UUID, charge_id: UUID, expires_at: datetime | None) -> str:
        """Where an acquirer sends a buyer whose bank has asked them. The charge need not be there yet."""
        return f"{self._base_url}/threeds/return?token={self._token_of(payment_id, charge_id, expires_at, CHALLENGE_ISSUER)}"

    def _charge_token(self, charge: Charge, issuer: str) -> str:
        return self._token_of(charge.payment_id, charge.id, charge.expires_at, issuer)

    def _token_of(self, payment_id: UUID, charge_id: UUID, expires_at: datetime | None, issuer: str) -> str:
        claims: dict[str, str | int] = {"charge": str(charge_id), "uuid": str(payment_id), "iss": issuer}
        if expires_at is not None:
            claims["exp"] = int(expires_at.timestamp())
        return self._token(claims)

    def _token(self, claims: dict[str, str | int]) -> str:
        # What the library makes of the same claims in ten times the time; lists have a token for each of their payments.
        signed = _HEAD + _base64url(msgspec.json.encode(claims))
        return (signed + b"." + _base64url(hmac.digest(self._key.encode(), signed, "sha256"))).decode()

    def wallet_app_url(self, charge: Charge) -> str:
        """The same for phones: a link that opens the wallet's app at that page."""
        if charge.instructions.content:
            return charge.instructions.content
        return f"{WALLET_APP}?{urlencode({'apprl': self.wallet_url(charge)})}"

    def picture_url(self, merchant_id: UUID, id_: UUID) -> str:
        """The QR picture of a merchant's charge or static payment."""
        return f"{self._base_url}/v2/qr/{picture_name(merchant_id, id_)}.png"

    def payment_of(self, token: str) -> UUID:
        """The payment that a token opens. Its expiry is left to the payment itself. Raises CredentialsWrong if forged."""
        (payment_id,) = self._named(token, ISSUER, "uuid")
        return payment_id

    def wallet_charge_of(self, token: str) -> tuple[UUID, UUID]:
        """Payment and charge that a wallet's token opens. Raises CredentialsWrong if forged."""
        payment_id, charge_id = self._named(token, WALLET_ISSUER, "uuid", "charge")
        return payment_id, charge_id

    def challenged_charge_of(self, token: str) -> tuple[UUID, UUID]:
        """Payment and charge whose card's bank asks. Raises CredentialsWrong if forged."""
        payment_id, charge_id = self._named(token, CHALLENGE_ISSUER, "uuid", "charge")
        return payment_id, charge_id

    def _named(self, token: str, issuer: str, *names: str) -> list[UUID]:
        try:
            claims = jwt.decode(token, self._key, algorithms=["HS256"], issuer=issuer, options={"verify_exp": False})
            return [UUID(str(claims[name])) for name in names]
        except (jwt.InvalidTokenError, ValueError, TypeError, KeyError) as wrong:
            raise CredentialsWrong from wrong
