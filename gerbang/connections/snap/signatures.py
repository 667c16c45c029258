"""The standard's signatures, in and out: RSA over a token request or a notification, HMAC over everything else.

    token          client id | timestamp                                      SHA256withRSA (PKCS#1 v1.5)
    asymmetric     METHOD : path : hash of the body : timestamp               SHA256withRSA
    symmetric      METHOD : path : token : hash of the body : timestamp       HMAC-SHA512
    symmetric without token, as one bank's notifications have it: METHOD : path : hash of the body : timestamp

The hash is SHA-256 in lower-case hex. Timestamp and path are signed byte for byte as they are sent. A signature is written in
base64, in exactly one form, or in hex, all small or all capital letters. (`shared/reference`: sections A1, A2 and E; ASPI's security page, the banks' portals.)
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

Encoding = Literal["base64", "hex"]
BASE64: Encoding = "base64"
HMAC_BYTES = 64


def body_hash(form: bytes) -> str:
    """The hash of one form of a body, as it stands in a string to sign."""
    return hashlib.sha256(form).hexdigest()


def token_string(client_id: str, timestamp: str) -> bytes:
    """What is signed of a token request."""
    return f"{client_id}|{timestamp}".encode()


def call_string(method: str, path: str, hashed: str, timestamp: str, token: str | None = None) -> bytes:
    """What is signed of any other request; `token` only in the symmetric scheme, without the word Bearer.

    `hashed` is `body_hash` of the minified body; some partners leave it empty where there is no body.
    """
    parts = (
        [method.upper(), path, hashed, timestamp] if token is None else [method.upper(), path, token, hashed, timestamp]
    )
    return ":".join(parts).encode()


# -- out --------------------------------------------------------------------------------------------------------------


def sign_rsa(key: RSAPrivateKey, text: bytes, encoding: Encoding = "base64") -> str:
    """The asymmetric signature of a string."""
    return _encoded(key.sign(text, PKCS1v15(), SHA256()), encoding)


def sign_hmac(secret: str, text: bytes, encoding: Encoding = "base64") -> str:
    """The symmetric signature of a string."""
    return _encoded(hmac.digest(secret.encode(), text, "sha512"), encoding)


def _encoded(raw: bytes, encoding: Encoding) -> str:
    return raw.hex() if encoding == "hex" else base64.b64encode(raw).decode("ascii")


# -- in ---------------------------------------------------------------------------------------------------------------


def is_signed_rsa(keys: Sequence[RSAPublicKey], texts: Iterable[bytes], signature: str) -> bool:
    """Whether one of the keys signed one of these strings. Malformed signatures are simply not good."""
    decoded = [(key, raw) for key in keys if (raw := decoded_signature(signature, key.key_size // 8)) is not None]
    return bool(decoded) and any(_verified(key, raw, text) for text in texts for key, raw in decoded)


def _verified(key: RSAPublicKey, raw: bytes, text: bytes) -> bool:
    try:
        key.verify(raw, text, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def is_signed_hmac(secret: str, texts: Iterable[bytes], signature: str) -> bool:
    """Whether one of these strings was signed with the secret, in constant time for each."""
    raw = decoded_signature(signature, HMAC_BYTES)
    return raw is not None and any(
        hmac.compare_digest(hmac.digest(secret.encode(), text, "sha512"), raw) for text in texts
    )


def decoded_signature(signature: str, length: int) -> bytes | None:
    """The bytes of a signature, whose length says whether it is base64 and hex apart; None for anything that is not exactly one of them."""
    if not signature.isascii():
        return None
    try:
        if len(signature) == 2 * length:
            raw = bytes.fromhex(signature)
            return raw if signature in (raw.hex(), raw.hex().upper()) else None
        if len(signature) == (length + 2) // 3 * 4:
            raw = base64.b64decode(signature, validate=True)
            # The last letter has bits that decoding ignores: of the spellings of one signature only the right one is good.
            return raw if len(raw) == length and base64.b64encode(raw).decode("ascii") == signature else None
    except (ValueError, binascii.Error):
        return None
    return None
