"""Where buyers go: the address of a payment's page, with a token that opens that one payment, and of its QR picture."""

from uuid import UUID

import jwt

from gerbang.domain.payments import Payment
from gerbang.errors import CredentialsWrong

ISSUER = "backend-portal"
"""As in the vendor's sample links (payment-session reference, section 8)."""


class Pages:
    """Makes and reads the addresses of pages below one base URL. A token is a JWT (HS256): uuid, iss, exp."""

    def __init__(self, base_url: str, key: str) -> None:
        self._base_url = base_url
        self._key = key

    def payment_url(self, payment: Payment) -> str:
        claims: dict[str, str | int] = {"uuid": str(payment.id), "iss": ISSUER}
        if payment.expires_at is not None:
            claims["exp"] = int(payment.expires_at.timestamp())
        return f"{self._base_url}/detail?token={jwt.encode(claims, self._key, algorithm='HS256')}"

    def picture_url(self, id_: UUID) -> str:
        """The QR picture of a charge or of a MULTIPLE payment."""
        return f"{self._base_url}/v2/qr/{id_}.png"

    def payment_of(self, token: str) -> UUID:
        """The payment that a token opens. Its expiry is left to the payment itself. Raises CredentialsWrong if forged."""
        try:
            claims = jwt.decode(token, self._key, algorithms=["HS256"], issuer=ISSUER, options={"verify_exp": False})
            return UUID(str(claims["uuid"]))
        except (jwt.InvalidTokenError, ValueError, TypeError, KeyError) as wrong:
            raise CredentialsWrong from wrong
