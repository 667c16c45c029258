"""How callbacks are signed, so that a shop can verify that they come from this gateway.

Two schemes: Standard Webhooks 1.0 (our own) and the bare HMAC of the second dialect's callbacks.
"""

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping

PREFIX = "whsec_"
_TIMESTAMP_DIGITS_MAX = 12


def standard_webhooks(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Sign one delivery: "v1," and the base64 HMAC-SHA256 of "<message_id>.<timestamp>.<body>" (Standard Webhooks 1.0).

    secret: "whsec_" and the key in base64. timestamp: Unix seconds of this try. While a secret is being changed, sign
    with the old and the new one and join the two by a space. Raises ValueError for a malformed secret or an id with a
    full stop, which could be read as the end of the id.
    """
    if "." in message_id or not message_id:
        raise ValueError("the id of a delivery must be there and must not contain a full stop")
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(_key(secret), signed, "sha256")).decode("ascii")


def verify_standard_webhooks(
    secrets: Iterable[str], headers: Mapping[str, str], body: bytes, now: int, tolerance_seconds: int = 300
) -> bool:
    """Say whether a delivery was signed with one of the secrets, within the tolerance around `now` (Unix seconds).

    Reads the headers webhook-id, webhook-timestamp and webhook-signature, in whatever case; what is missing or malformed
    is simply not verified. Signatures of other versions ("v1a,…") are passed over. Raises ValueError for a malformed secret.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    message_id, sent_at = lower.get("webhook-id", ""), lower.get("webhook-timestamp", "")
    if not message_id or "." in message_id:
        return False
    if not (sent_at.isascii() and sent_at.isdecimal() and len(sent_at) <= _TIMESTAMP_DIGITS_MAX):
        return False
    if abs(now - int(sent_at)) > tolerance_seconds:
        return False
    given = [signature.encode() for signature in lower.get("webhook-signature", "").split()]
    verified = False
    for secret in secrets:
        expected = standard_webhooks(secret, message_id, int(sent_at), body).encode()
        for signature in given:
            # No early way out: the time taken does not reveal which signature or secret matched.
            verified |= hmac.compare_digest(signature, expected)
    return verified


def hex_hmac_sha256(secret: str, body: bytes) -> str:
    """Sign a body with the secret's own bytes, in lower-case hex: the second dialect's Xfers-Signature header."""
    return hmac.digest(secret.encode(), body, "sha256").hex()


def _key(secret: str) -> bytes:
    if not secret.startswith(PREFIX):
        raise ValueError(f"a signing secret begins with {PREFIX}")
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError(f"what follows {PREFIX} must be base64") from None
    if not key:
        raise ValueError("a signing secret must not be empty")
    return key
