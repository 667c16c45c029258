"""The access tokens that partners get from us (service 73): good for one connection and a quarter of an hour.

A token says all that is checked about it, signed with a key of the installation: no process has to remember it, and none can have forgotten it.
It is bound to what we issued to the partner, so a new secret ends all old tokens; `tokens_since` ends them alone.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from gerbang.connections.snap.settings import settings_of
from gerbang.domain.connections import Connection

LIFETIME = timedelta(seconds=900)
LENGTH_MAX = 200


def issue(key: bytes, connection: Connection, now: datetime) -> str:
    """A token for the partner of a connection."""
    said = f"{connection.name}:{int(now.timestamp() * 1000)}".encode()
    return base64.urlsafe_b64encode(said + b":" + _proof(key, connection, said)).decode("ascii").rstrip("=")


def is_good(key: bytes, connection: Connection, token: str, now: datetime) -> bool:
    """Whether we gave this token to the partner of this connection, and it has neither ended nor been revoked."""
    if len(token) > LENGTH_MAX or not token.isascii():
        return False
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (ValueError, binascii.Error):
        return False
    name, _, rest = raw.partition(b":")
    issued, _, proof = rest.partition(b":")
    if not hmac.compare_digest(proof, _proof(key, connection, name + b":" + issued)):
        return False
    issued_at = datetime.fromtimestamp(int(issued) / 1000, UTC)
    since = settings_of(connection).tokens_since_at
    current = now < issued_at + LIFETIME and (since is None or issued_at >= since)
    return current and name == connection.name.encode()


def _proof(key: bytes, connection: Connection, said: bytes) -> bytes:
    inbound = connection.inbound
    secret = inbound.client_secret.value if inbound and inbound.client_secret else ""
    return hmac.digest(key, b"partner token\n" + _bound(inbound.client_id if inbound else "", secret) + said, "sha256")


@lru_cache(maxsize=256)
def _bound(client_id: str, secret: str) -> bytes:
    return hashlib.sha256(f"{client_id}\n{secret}".encode()).digest()
