"""Card numbers: read from a request, checked, sealed for storage, and given to an acquirer. No other file sees one.

A `Card` holds its number and its CVC only in memory: it prints, compares and encodes as nothing that could be read, and `forget`
overwrites both. What may be known of a card is `gerbang.domain.cards.CardDetails`. (docs/decisions/0081-cards.md)
"""

import base64
import binascii
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NoReturn, cast
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gerbang import ids
from gerbang.domain.cards import Brand
from gerbang.errors import CardUnreadable, CardWrong

BRANDS: tuple[tuple[Brand, tuple[tuple[int, int], ...], tuple[int, ...]], ...] = (
    ("JCB", ((3528, 3589),), (16, 17, 18, 19)),
    ("AMEX", ((3400, 3499), (3700, 3799)), (15,)),
    ("DINERS", ((3000, 3059), (3095, 3095), (3600, 3699), (3800, 3999)), (14, 15, 16, 17, 18, 19)),
    ("VISA", ((4000, 4999),), (13, 16, 19)),
    ("MASTERCARD", ((5100, 5599), (2221, 2720)), (16,)),
    ("DISCOVER", ((6011, 6011), (6440, 6599)), (16, 17, 18, 19)),
    ("UNIONPAY", ((6200, 6299), (8100, 8171)), (16, 17, 18, 19)),
)
"""Each network's numbers: between which first four digits, and how many digits. JCB's test numbers of the vendor begin with 3550."""
OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
AES_KEY_BYTES, NONCE_BYTES, RSA_BITS = 32, 12, 2048
ENCRYPTED_LENGTH_MAX = 20_000
FIELDS = ("number", "cvc")
"""The members of a request's card that are taken out of it before anything else looks at it."""


def is_luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def brand_of(digits: str) -> Brand | None:
    """The network of a number of that length; None for what is no card's."""
    first = int(digits[:4])
    for brand, ranges, lengths in BRANDS:
        if len(digits) in lengths and any(low <= first <= high for low, high in ranges):
            return brand
    return None


class Card:
    """A card that pays now. Its number and CVC leave it by `number` and `cvc` alone."""

    __slots__ = ("_cvc", "_number", "brand", "expiry_month", "expiry_year", "holder", "token")

    def __init__(
        self, number: str, cvc: str, *, expiry_month: int, expiry_year: int, holder: str = "", token: str = ""
    ) -> None:
        brand = brand_of(number)
        assert brand is not None, "numbers are checked before"
        self._number, self._cvc = bytearray(number.encode()), bytearray(cvc.encode())
        self.brand: Brand = brand
        self.expiry_month, self.expiry_year, self.holder = expiry_month, expiry_year, holder
        self.token = token
        """The token by which it was stored; "" for one that was given now."""

    @property
    def number(self) -> str:
        return self._number.decode()

    @property
    def cvc(self) -> str:
        """Three or four digits; empty where none was given, as for a stored card."""
        return self._cvc.decode()

    @property
    def first8(self) -> str:
        return self._number[:8].decode()

    @property
    def last4(self) -> str:
        return self._number[-4:].decode()

    def forget(self) -> None:
        """Overwrites the number and the CVC."""
        for kept in (self._number, self._cvc):
            kept[:] = bytes(len(kept))

    def __repr__(self) -> str:
        return "<card>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a card is never written down")


def card(
    number: str,
    cvc: str,
    month: str,
    year: str,
    *,
    now: datetime,
    path: str,
    holder: str = "",
    cvc_needed: bool = True,
    names: tuple[str, str] = ("expiryMonth", "expiryYear"),
) -> Card:
    """The card of these texts, as a buyer may have typed them. Raises CardWrong, with the field's path and never its value."""
    for wrong in faults(number, cvc, month, year, now=now, path=path, cvc_needed=cvc_needed, names=names):
        raise wrong
    digits, _ = _numbered(number, path)
    expiry_month, expiry_year = _expiry(month, year, now, [f"{path}.{name}" for name in names])
    return Card(digits, cvc.strip(), expiry_month=expiry_month, expiry_year=expiry_year, holder=holder)


def faults(
    number: str,
    cvc: str,
    month: str,
    year: str,
    *,
    now: datetime,
    path: str,
    cvc_needed: bool = True,
    names: tuple[str, str] = ("expiryMonth", "expiryYear"),
) -> list[CardWrong]:
    """All that is wrong with these texts, one for each field; `spec["reason"]` says it in a word, and nothing has the value."""
    found: list[CardWrong] = []
    brand: Brand | None = None
    try:
        _, brand = _numbered(number, path)
    except CardWrong as wrong:
        found.append(wrong)
    try:
        _expiry(month, year, now, [f"{path}.{name}" for name in names])
    except CardWrong as wrong:
        found.append(wrong)
    try:
        _check_cvc(cvc, brand, path, needed=cvc_needed)
    except CardWrong as wrong:
        found.append(wrong)
    return found


def _numbered(number: str, path: str) -> tuple[str, Brand]:
    """The digits of a number, and its network."""
    digits = "".join(number.split()).replace("-", "")
    if not (digits.isascii() and digits.isdigit()) or not 12 <= len(digits) <= 19 or not is_luhn(digits):
        raise CardWrong(f"{path}.number", why="is not a card number: a digit is wrong or missing", reason="digits")
    brand = brand_of(digits)
    if brand is None:
        raise CardWrong(f"{path}.number", why="is of no card network that is known here", reason="network")
    return digits, brand


def _expiry(month: str, year: str, now: datetime, paths: Sequence[str]) -> tuple[int, int]:
    of_month, of_year = paths
    month, year = month.strip(), year.strip()
    if not (month.isascii() and month.isdigit()) or not 1 <= int(month[:3]) <= 12:
        raise CardWrong(of_month, why="must be a month, 01 to 12", reason="expiry")
    if not (year.isascii() and year.isdigit()) or len(year) not in (2, 4):
        raise CardWrong(of_year, why="must be a year of two or four digits", reason="expiry")
    full = int(year) + (2000 if len(year) == 2 else 0)
    if (full, int(month)) < (now.year, now.month):
        raise CardWrong(of_year, why="is over: the card has expired", reason="over")
    if full > now.year + 30:
        raise CardWrong(of_year, why="is too far away for a card", reason="expiry")
    return int(month), full


def _check_cvc(cvc: str, brand: Brand | None, path: str, *, needed: bool) -> None:
    """Checks the security code; where the network is not known, any that some network has will do."""
    cvc, length = cvc.strip(), 4 if brand == "AMEX" else 3
    if not cvc and not needed:
        return
    if not (cvc.isascii() and cvc.isdigit()) or len(cvc) not in ((length,) if brand else (3, 4)):
        raise CardWrong(f"{path}.cvc", why=f"must be the {length} digits of the card's security code", reason="cvc")


class Taken:
    """The number and CVC that stood in a request, which has neither any more."""

    __slots__ = ("cvc", "number")

    def __init__(self, number: str, cvc: str) -> None:
        self.number, self.cvc = number, cvc

    def __repr__(self) -> str:
        return "<taken>"


def take_out(body: dict[str, Any]) -> Taken | None:
    """Takes number and CVC out of `paymentMethod.card` of a request, so that nothing that is done with it can keep them.

    None where it has neither. A value that is no text stays, and is refused as any wrong value is, without being quoted.
    """
    found: Any = body
    for step in ("paymentMethod", "card"):
        found = cast("dict[str, Any]", found).get(step) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        return None
    card_object = cast("dict[str, Any]", found)
    values = {name: card_object[name] for name in FIELDS if isinstance(card_object.get(name), str)}
    for name in values:
        del card_object[name]
    return Taken(values.get("number", ""), values.get("cvc", "")) if values else None


def mark_of(key: bytes, taken: Taken) -> bytes:
    """The same for equal numbers and CVCs: neither can be found from it without the key."""
    return hmac.digest(key, f"{taken.number}\n{taken.cvc}".encode(), "sha256")


class Vault:
    """The keys by which cards are read and stored. Keys are loaded from the database, sealed with the installation's key."""

    def __init__(self, fingerprint_key: bytes) -> None:
        self._fingerprint_key = fingerprint_key
        self._private: list[rsa.RSAPrivateKey] = []
        """The newest first."""
        self._data: dict[int, bytes] = {}
        self.public_key = ""
        """What merchants encrypt cards with: base64 of the DER of an RSA key (SPKI); "" before there is one."""

    # -- keys ---------------------------------------------------------------------------------------------------------

    @staticmethod
    def new_private_key() -> str:
        """A new RSA key, as PEM; it takes a fifth of a second."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
        return key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    @staticmethod
    def new_data_key() -> str:
        """A new key for storing numbers, as base64."""
        return base64.b64encode(ids.random_bytes(AES_KEY_BYTES)).decode()

    def use(self, private: list[str], data: Mapping[int, str]) -> None:
        """Uses these keys from now on: private ones as PEM, the newest first, and those for storing by their number."""
        loaded = [serialization.load_pem_private_key(pem.encode(), None) for pem in private]
        self._private = [key for key in loaded if isinstance(key, rsa.RSAPrivateKey)]
        self._data = {number: base64.b64decode(key) for number, key in data.items()}
        if self._private:
            der = (
                self._private[0]
                .public_key()
                .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
            )
            self.public_key = base64.b64encode(der).decode()

    @property
    def is_ready(self) -> bool:
        return bool(self._private and self._data)

    def has(self, number: int) -> bool:
        """Whether it has the key of this number for stored cards."""
        return number in self._data

    # -- cards --------------------------------------------------------------------------------------------------------

    def opened(self, encrypted: str, now: datetime, path: str) -> Card:
        """The card that a merchant has encrypted (payment-session reference, 6.4.2).

        Raises CardUnreadable for whatever cannot be decrypted, the same for each cause: the same work is done for all of them.
        Raises CardWrong for a card that could be read and is none.
        """
        plain = self._decrypted(encrypted)
        given = cast("dict[str, Any]", plain).get("card") if isinstance(plain, dict) else None
        if not isinstance(given, dict):
            raise CardUnreadable(path)
        values = {str(name).lower(): value for name, value in cast("dict[object, object]", given).items()}

        def text(name: str) -> str:
            value = values.get(name)
            return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""

        month, year = text("expirymonth") or text("expmonth"), text("expiryyear") or text("expyear")
        return card(
            text("number"), text("cvc"), month, year, now=now, path=path, holder=text("nameoncard"), cvc_needed=False
        )

    def _decrypted(self, encrypted: str) -> object:
        wrapped, nonce, sealed = _parts(encrypted)
        # Whatever is wrong, every key is tried and something is decrypted, so that time says nothing.
        key = ids.random_bytes(AES_KEY_BYTES)
        for private in self._private:
            try:
                found = private.decrypt(wrapped, OAEP)
            except ValueError:
                continue
            key = found if len(found) == AES_KEY_BYTES else key
        try:
            return json.loads(AESGCM(key).decrypt(nonce, sealed, None))
        except (InvalidTag, ValueError, RecursionError):
            raise CardUnreadable("paymentMethod.card.encryptedCard") from None

    def fingerprint(self, merchant_id: UUID, card: Card) -> str:
        """The same for every payment by a card at one merchant: 32 hexadecimal digits."""
        return hmac.new(self._fingerprint_key, merchant_id.bytes + card.number.encode(), sha256).hexdigest()[:32]

    # -- storing ------------------------------------------------------------------------------------------------------

    def sealed(self, card: Card, merchant_id: UUID, token: str) -> tuple[int, bytes]:
        """The number of a card, encrypted for one merchant and token alone, and the number of the key. Never the CVC."""
        number = max(self._data)
        nonce = ids.random_bytes(NONCE_BYTES)
        return number, nonce + AESGCM(self._data[number]).encrypt(
            nonce, card.number.encode(), _place(merchant_id, token)
        )

    def unsealed(
        self,
        kept: tuple[int, bytes],
        merchant_id: UUID,
        token: str,
        *,
        cvc: str,
        expiry: tuple[int, int],
        now: datetime,
        path: str,
    ) -> Card:
        """The stored card, with the CVC that its buyer gave now, or without. Raises CardWrong for one that has expired."""
        number, sealed = kept
        key = self._data.get(number)
        if key is None:
            raise CardUnreadable(f"{path}.token")
        try:
            digits = AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _place(merchant_id, token))
        except InvalidTag:
            raise CardUnreadable(f"{path}.token") from None
        found = card(digits.decode(), cvc, f"{expiry[0]:02}", str(expiry[1]), now=now, path=path, cvc_needed=False)
        found.token = token
        return found

    def sealed_anew(self, kept: tuple[int, bytes], merchant_id: UUID, token: str) -> tuple[int, bytes]:
        """The same number, encrypted with the newest key. Raises cryptography's InvalidTag, or KeyError without the old key."""
        number, sealed = kept
        place, newest = _place(merchant_id, token), max(self._data)
        digits = AESGCM(self._data[number]).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place)
        nonce = ids.random_bytes(NONCE_BYTES)
        return newest, nonce + AESGCM(self._data[newest]).encrypt(nonce, digits, place)


def _place(merchant_id: UUID, token: str) -> bytes:
    """What a number is encrypted together with, so that it can be read in no other row."""
    return merchant_id.bytes + token.encode()


def _parts(encrypted: str) -> tuple[bytes, bytes, bytes]:
    """Key, nonce and ciphertext, by names in any spelling. Parts that cannot be read are such that nothing can be decrypted."""
    nothing = bytes(RSA_BITS // 8), bytes(NONCE_BYTES), bytes(AES_KEY_BYTES)
    if len(encrypted) > ENCRYPTED_LENGTH_MAX:
        return nothing
    try:
        outer = json.loads(base64.b64decode("".join(encrypted.split()), validate=True))
    except (ValueError, RecursionError):
        return nothing
    if not isinstance(outer, dict):
        return nothing
    members = {str(name).lower(): value for name, value in cast("dict[object, object]", outer).items()}
    try:
        wrapped, nonce, sealed = (
            base64.b64decode(str(members.get(name) or ""), validate=True)
            for name in ("encryptedkey", "nonce", "ciphertext")
        )
    except (binascii.Error, ValueError):
        return nothing
    return (wrapped, nonce, sealed) if len(nonce) == NONCE_BYTES and len(wrapped) == RSA_BITS // 8 else nothing
