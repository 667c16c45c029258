"""Keys derived from the installation's secret key: they encrypt secrets at rest and sign tokens."""

import base64
import hashlib

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Keyring:
    """Keys derived from the installation's secret key (at least 32 characters); each purpose has its own."""

    def __init__(self, secret_key: str) -> None:
        self._master = secret_key.encode()
        self._fernet = Fernet(base64.urlsafe_b64encode(self._derive("seal")))
        self.token_key = self._derive("access token").hex()
        self.page_key = self._derive("payment page").hex()
        self.partner_key = self._derive("partner token")
        self.card_key = self._derive("card fingerprint")
        self.fingerprint = self._derive("fingerprint").hex()
        """Identifies the secret key without revealing it: 64 hexadecimal digits."""

    def _derive(self, purpose: str) -> bytes:
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"gerbang {purpose}".encode()).derive(self._master)

    def seal(self, text: str) -> bytes:
        """Encrypts a text for storage."""
        return self._fernet.encrypt(text.encode())

    def unseal(self, sealed: bytes) -> str:
        """Decrypts a stored text. Raises cryptography's InvalidToken if it was encrypted with another key."""
        return self._fernet.decrypt(sealed).decode()


def hash_of(secret: str) -> bytes:
    """SHA-256 of a secret, to store and compare. Secrets are 256 random bits, so no slow password hash is needed."""
    return hashlib.sha256(secret.encode()).digest()
