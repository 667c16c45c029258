"""The simulator's own signing by SNAP BI: what is signed, by which key, in which letters. It shares no code with the product.

Rules: ASPI's technical standard for security, "signature"; published examples of each are in the tests.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from gerbang.clock import wib

Letters = Literal["base64", "hex"]
"""How the bytes of a signature are written."""
Stamp = Literal["local", "local_ms", "utc_ms", "utc_zero_ms"]
"""How X-TIMESTAMP is written: Jakarta's time, with or without milliseconds; UTC with them, ending in Z; UTC ending in .000Z."""
KEY_BITS = 2048
_BLANKS = b" \t\r\n"


def minified(body: bytes) -> bytes:
    """A JSON text without the blanks between its parts. What is inside quotes stays as it is, byte for byte."""
    kept, quoted, escaped = bytearray(), False, False
    for byte in body:
        if quoted:
            kept.append(byte)
            if escaped:
                escaped = False
            elif byte == 0x5C:  # a backslash: the next byte ends no text
                escaped = True
            elif byte == 0x22:
                quoted = False
        elif byte not in _BLANKS:
            kept.append(byte)
            quoted = byte == 0x22
    return bytes(kept)


def body_hash(body: bytes) -> str:
    """The SHA-256 of a body without its blanks, in lower-case hexadecimal digits."""
    return hashlib.sha256(minified(body)).hexdigest()


def token_text(client_id: str, stamp: str) -> bytes:
    """What is signed to get a token (service 73)."""
    return f"{client_id}|{stamp}".encode()


def call_text(method: str, path: str, body: bytes, stamp: str, token: str | None) -> bytes:
    """What is signed in a call: with a token by a secret, or without one (`token` is None) by a private key."""
    parts = [method.upper(), path, *([] if token is None else [token]), body_hash(body), stamp]
    return ":".join(parts).encode()


def by_secret(secret: str, text: bytes, letters: Letters = "base64") -> str:
    """HMAC-SHA512."""
    return _written(hmac.digest(secret.encode(), text, "sha512"), letters)


def by_key(key: RSAPrivateKey, text: bytes, letters: Letters = "base64") -> str:
    """SHA256withRSA (PKCS#1 v1.5)."""
    return _written(key.sign(text, PKCS1v15(), SHA256()), letters)


def secret_fits(secret: str, text: bytes, signature: str, letters: Letters = "base64") -> bool:
    """Whether a signature is that of the secret, in exactly these letters."""
    return hmac.compare_digest(by_secret(secret, text, letters).encode(), signature.encode())


def key_fits(key: RSAPublicKey, text: bytes, signature: str, letters: Letters = "base64") -> bool:
    """Whether a signature is that of the private key that belongs to this public one."""
    try:
        raw = bytes.fromhex(signature) if letters == "hex" else base64.b64decode(signature, validate=True)
        key.verify(raw, text, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def _written(raw: bytes, letters: Letters) -> str:
    return raw.hex() if letters == "hex" else base64.b64encode(raw).decode()


# Timestamps


def stamp_of(instant: datetime, form: Stamp) -> str:
    """An instant as X-TIMESTAMP has it."""
    match form:
        case "local":
            return wib(instant).isoformat(timespec="seconds")
        case "local_ms":
            return wib(instant).isoformat(timespec="milliseconds")
        case "utc_ms":
            return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case "utc_zero_ms":
            return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def read_stamp(text: str) -> datetime | None:
    """The instant of an X-TIMESTAMP; None if it has no date, time and zone by ISO 8601."""
    if not 20 <= len(text) <= 35 or text[10:11] != "T":
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo is not None else None


def is_near(instant: datetime, now: datetime, minutes: int) -> bool:
    """Whether two instants are at most so many minutes apart, in either direction."""
    return abs(instant - now) <= timedelta(minutes=minutes)


# Keys


def new_key() -> RSAPrivateKey:
    """A new private key, from the operating system's generator."""
    return generate_private_key(public_exponent=65_537, key_size=KEY_BITS)


def private_pem(key: RSAPrivateKey) -> str:
    """A private key as PKCS#8 in PEM form, without a password."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: RSAPrivateKey) -> str:
    """The public key that belongs to a private one, in PEM form."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def read_private(pem: str) -> RSAPrivateKey:
    """Raises ValueError."""
    key = load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, RSAPrivateKey), "the simulator makes RSA keys only"
    return key


def read_public(pem: str) -> RSAPublicKey:
    """Raises ValueError."""
    key = load_pem_public_key(pem.encode())
    assert isinstance(key, RSAPublicKey), "the simulator makes RSA keys only"
    return key
