"""What a connection over the standard can set for itself, beside what every connection has."""

from datetime import datetime
from functools import lru_cache
from typing import Annotated

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from msgspec import Meta

from gerbang.connections import CodeKind
from gerbang.connections.snap import paths, times
from gerbang.connections.snap.paths import Group
from gerbang.connections.snap.profiles import Profile, Scheme, profiles
from gerbang.connections.snap.signatures import Encoding
from gerbang.domain.bank_directory import BANKS
from gerbang.domain.connections import ChannelName, Connection, Secret, Text, Unanswered
from gerbang.domain.transfer_ways import WAYS, Change, Way

KINDS: dict[str, tuple[CodeKind, ...]] = {
    "virtual_account": ("ours", "registered"),
    "qris": ("ours", "minted"),
    "ewallet": ("ours", "minted"),
}
"""How the codes of each channel can be made over the standard; those of any other are ours."""
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
    token_encoding: Encoding | None = None
    """Of our signature over token requests, where it is not as the profile says."""
    outbound_scheme: Scheme | None = None
    """How our calls are signed, where it is not as the profile says."""
    calls: dict[str, str] = {}
    """Where services are, by their numbers, where it is not as the profile says."""
    external_id_length: Annotated[int, Meta(ge=9, le=36, description="a whole number, 9 to 36")] | None = None
    """Of X-EXTERNAL-ID in our calls, where it is not as the profile says."""
    channel_ids: dict[Group, Text] = {}
    """CHANNEL-ID by kind of service, where it is not the connection's."""
    token_info: dict[str, Secret] = {}
    """Members of `additionalInfo` of our token requests."""
    additional_info: dict[str, Text] = {}
    """Members of `additionalInfo` of our other calls."""
    ip_address: Text | None = None
    """X-IP-ADDRESS of our calls."""
    device_id: Text | None = None
    """X-DEVICE-ID of our calls."""
    ways: dict[Way, Change] = {}
    """By which ways money goes out, where it is not as the profile says."""
    bank: Text | None = None
    """The bank's code in our directory, where the profile has none: transfers to it stay in the bank."""
    bank_codes: dict[str, Text] = {}
    """What banks are called in transfers, by their codes in our directory, where it is not as published lists have it."""
    swift_codes: tuple[Way, ...] | None = None
    """The ways in which banks are named by their BIC, where it is not as the profile says."""
    fee_type: Text = "OUR"
    purpose_code: Text = "99"
    """Of transfers by BI-FAST: 01 investment, 02 transfer of wealth, 03 purchase, 99 other."""
    transfer_fields: dict[str, Text] = {}
    """More members of transfers, as a contract asks for them."""
    codes: dict[ChannelName, CodeKind] = {}
    """Who gives the codes of a channel, where it is not as the profile says."""
    merchant_id: Text | None = None
    """`merchantId` of QR codes and wallet payments; None: the connection's `partner_id`."""
    terminal_id: Text | None = None
    """`terminalId` of QR codes."""
    store_id: Text | None = None
    """`storeId` of QR codes, `externalStoreId` of wallet payments."""
    merchant_category: Annotated[str, Meta(pattern=r"^[0-9]{4}\Z", description="four digits in quotes")] | None = None
    """What kind of shop it is (ISO 18245), for wallets that ask for it."""

    def __post_init__(self) -> None:
        if wrong := paths.wrong(self.calls):
            raise ValueError(f"has calls that cannot be read: {wrong}")
        if unknown := [*self.ways.keys() - set(WAYS), *self.bank_codes.keys() - BANKS.keys()]:
            raise ValueError(f"has ways or bank_codes with {unknown[0]}, which is not known")
        if self.tokens_since is not None and times.read(self.tokens_since, zone_needed=True) is None:
            raise ValueError('has tokens_since that is no instant such as "2026-11-28T12:00:00+07:00"')
        if wrong_codes := [name for name, kind in self.codes.items() if kind not in KINDS.get(name, ("ours",))]:
            raise ValueError(f"has codes that nobody gives so: {', '.join(wrong_codes)}")

    @property
    def tokens_since_at(self) -> datetime | None:
        return None if self.tokens_since is None else times.read(self.tokens_since)


def settings_of(connection: Connection) -> SnapSettings:
    """The connection's settings."""
    return connection.settings if isinstance(connection.settings, SnapSettings) else SnapSettings()


def profile_of(connection: Connection) -> Profile:
    """The connection's profile; the standard's own where it names none."""
    return profiles()[connection.profile or "generic"]


def kind_of(connection: Connection, channel: str) -> CodeKind:
    """Who gives the codes of a channel."""
    chosen, profile = settings_of(connection).codes.get(channel), profile_of(connection)
    if chosen is not None:
        return chosen
    if channel == "virtual_account":
        return "registered" if profile.registers else "ours"
    return "minted" if channel in profile.mints else "ours"


def unanswered_of(connection: Connection) -> Unanswered:
    """By the contract, else as the bank's profile has it."""
    said = connection.inbound.unanswered if connection.inbound is not None else None
    return said or profile_of(connection).unanswered


def merchant_id(connection: Connection) -> str:
    """What the partner calls the merchant of a code."""
    return settings_of(connection).merchant_id or connection.partner_id or connection.client_id or ""


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


def private_key(connection: Connection) -> RSAPrivateKey:
    """Our key, which was looked at when the file was read."""
    assert connection.private_key is not None, "a connection that calls has a key"
    return _private_key(connection.private_key.value)


@lru_cache(maxsize=256)
def _private_key(pem: str) -> RSAPrivateKey:
    key = load_pem_private_key(pem.encode(), None)
    assert isinstance(key, RSAPrivateKey), "the connections file takes RSA keys only"
    return key


def operation(connection: Connection, service: str) -> paths.Operation | None:
    """By which method and path a service of the partner is called; None for one that it does not have."""
    return paths.operation(service, settings_of(connection).calls, profile_of(connection).calls)
