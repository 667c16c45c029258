"""A card as a merchant's program encrypts it, by the vendor's documentation alone (payment-session reference, 6.4.2)."""

import base64
import json
import os

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NAMES = ("encryptedKey", "nonce", "ciphertext")
DOCUMENTED_BLOB_NAMES = ("EncryptedKey", "Nonce", "Ciphertext")
"""As the sample of the documentation decodes."""


def encrypted(public_key: str, number: str, *, cvc: str = "123", names: tuple[str, str, str] = NAMES) -> str:
    """The text for `paymentMethod.card.encryptedCard`."""
    card = {"number": number, "expiryMonth": "09", "expiryYear": "39", "cvc": cvc, "nameOnCard": "BUDI SANTOSO"}
    plain = {"card": card, "deviceInformations": {"userAgent": "tests"}, "metadata": {}}
    key, nonce = AESGCM.generate_key(256), os.urandom(12)
    recipient = serialization.load_der_public_key(base64.b64decode(public_key))
    assert isinstance(recipient, rsa.RSAPublicKey)
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
    parts = (recipient.encrypt(key, oaep), nonce, AESGCM(key).encrypt(nonce, json.dumps(plain).encode(), None))
    written = {name: base64.b64encode(part).decode() for name, part in zip(names, parts, strict=True)}
    return base64.b64encode(json.dumps(written).encode()).decode()
