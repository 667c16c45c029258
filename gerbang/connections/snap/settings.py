"""What a connection over the standard can set for itself, beside what every connection has."""

from datetime import datetime
from functools import lru_cache
from typing import Annotated

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from msgspec import Meta

from gerbang.connections.snap import times
from gerbang.connections.snap.profiles import Profile, Scheme, profiles
from gerbang.connections.snap.signatures import Encoding
from gerbang.domain.connections import Connection

SKEW_SECONDS = 600
"""No official text has a number; the strictest bank takes 2 minutes of ours. Ours is wider, since a refusal costs a payment."""


class SnapSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`settings` of a connection whose provider is `snap`."""

    inbound_scheme: Scheme | None = None
    """How the partner's calls are signed, where it is not as its profile says."""
    clock_skew_seconds: Annotated[int, Meta(ge=1, le=3600, description="a whole number of seconds, 1 to 3600")] = (
        SKEW_SECONDS
    )
    """How far a timestamp of the partner's may be from this machine's clock, in either direction."""
    tokens_since: str | None = None
    """Access tokens that the partner got before this instant are not good any more: how they are revoked."""
    encoding: Encoding | None = None
    """Of our signatures, where it is not as the profile says."""

    def __post_init__(self) -> None:
        if self.tokens_since is not None and times.read(self.tokens_since, zone_needed=True) is None:
            raise ValueError('has tokens_since that is no instant such as "2026-11-28T12:00:00+07:00"')

    @property
    def tokens_since_at(self) -> datetime | None:
        return None if self.tokens_since is None else times.read(self.tokens_since)


def settings_of(connection: Connection) -> SnapSettings:
    """The connection's settings."""
    return connection.settings if isinstance(connection.settings, SnapSettings) else SnapSettings()


def profile_of(connection: Connection) -> Profile:
    """The connection's profile; the standard's own where it names none."""
    return profiles()[connection.profile or "generic"]


def scheme_of(connection: Connection) -> Scheme:
    """How the partner's calls are signed."""
    return settings_of(connection).inbound_scheme or profile_of(connection).scheme


def public_keys(connection: Connection) -> list[RSAPublicKey]:
    """The partner's keys, which were looked at when the file was read."""
    return [] if connection.inbound is None else [_public_key(pem.value) for pem in connection.inbound.public_keys]


@lru_cache(maxsize=256)
def _public_key(pem: str) -> RSAPublicKey:
    certificate = "-----BEGIN CERTIFICATE-----" in pem
    key = (
        x509.load_pem_x509_certificate(pem.encode()).public_key() if certificate else load_pem_public_key(pem.encode())
    )
    assert isinstance(key, RSAPublicKey), "the connections file takes RSA keys only"
    return key
