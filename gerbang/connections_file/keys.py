"""Reads keys and certificates in PEM form, and says what is wrong with one."""

from datetime import datetime

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from gerbang.domain.connections import ClientCertificate, Connection, Pem, Secret

RSA_BITS_MIN = 2048
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm)


class KeyWrong(Exception):
    """A text is not the key or certificate that was meant. The message goes on after `comes from …, which`."""


class PublicKey(msgspec.Struct, frozen=True):
    """A partner's public key, and when the certificate that it came in ends."""

    key: RSAPublicKey
    ends_at: datetime | None = None


def private_key(secret: Secret) -> RSAPrivateKey:
    """Our RSA key. Raises KeyWrong."""
    text = secret.value
    if "PRIVATE KEY-----" not in text:
        kind = "holds a public key or a certificate, and our private key is meant" if "-----BEGIN " in text else ""
        raise KeyWrong(kind or "is not a private key in PEM form, with -----BEGIN PRIVATE KEY----- as its first line")
    if "ENCRYPTED" in text:
        raise KeyWrong("is locked with a password, which nobody could type in when a process starts: unlock it")
    try:
        key = load_pem_private_key(text.encode(), None)
    except _UNREADABLE:
        raise KeyWrong("looks like a private key and cannot be read: it may have lost a part") from None
    if not isinstance(key, RSAPrivateKey):
        raise KeyWrong("is a private key of another kind than RSA")
    _long_enough(key.key_size)
    return key


def public_key(pem: Pem) -> PublicKey:
    """A partner's RSA key, alone or in a certificate. Raises KeyWrong."""
    if "PRIVATE KEY-----" in pem.value:
        raise KeyWrong(
            "holds a private key, and the partner's public key is meant: nobody but its owner may have that one"
        )
    ends_at = None
    try:
        if "-----BEGIN CERTIFICATE-----" in pem.value:
            certificate = x509.load_pem_x509_certificate(pem.value.encode())
            key, ends_at = certificate.public_key(), certificate.not_valid_after_utc
        else:
            key = load_pem_public_key(pem.value.encode())
    except _UNREADABLE:
        raise KeyWrong(
            "is no public key in PEM form, with -----BEGIN PUBLIC KEY----- or -----BEGIN CERTIFICATE----- as its first line"
        ) from None
    if not isinstance(key, RSAPublicKey):
        raise KeyWrong("is a public key of another kind than RSA")
    _long_enough(key.key_size)
    return PublicKey(key, ends_at)


def client_certificate(shown: ClientCertificate) -> x509.Certificate:
    """The certificate that we show, which belongs to its key. Raises KeyWrong."""
    try:
        certificate = x509.load_pem_x509_certificate(shown.certificate.value.encode())
    except _UNREADABLE:
        raise KeyWrong("is not a certificate in PEM form, with -----BEGIN CERTIFICATE----- as its first line") from None
    try:
        key = load_pem_private_key(shown.private_key.value.encode(), None)
    except _UNREADABLE:
        raise KeyWrong(f"has a private key that cannot be read or is locked, from {shown.private_key.source}") from None
    if _bytes_of(certificate.public_key()) != _bytes_of(key.public_key()):
        raise KeyWrong(f"does not belong to the private key from {shown.private_key.source}")
    return certificate


def faults(connection: Connection) -> list[tuple[str, str]]:
    """What is wrong with a connection's keys: the member, and a sentence that goes on after its path."""
    found: list[tuple[str, str]] = []
    own: RSAPrivateKey | None = None
    if connection.private_key is not None:
        try:
            own = private_key(connection.private_key)
        except KeyWrong as wrong:
            found.append(("private_key", f"comes from {connection.private_key.source}, which {wrong}"))
    for number, pem in enumerate(connection.inbound.public_keys if connection.inbound else (), 1):
        member = f"inbound.public_keys[{number}]"
        try:
            theirs = public_key(pem).key
        except KeyWrong as wrong:
            found.append((member, f"comes from {pem.source}, which {wrong}"))
            continue
        if own is not None and _bytes_of(theirs) == _bytes_of(own.public_key()):
            sentence = (
                f"comes from {pem.source}, which is the public half of our own private key: the partner's is meant"
            )
            found.append((member, sentence))
    if (shown := connection.client_certificate) is not None:
        if shown.certificate.file is None or shown.private_key.file is None:
            found.append(("client_certificate", 'must have { file = "…" } for both: TLS reads them from files'))
        try:
            client_certificate(shown)
        except KeyWrong as wrong:
            found.append(("client_certificate.certificate", f"comes from {shown.certificate.source}, which {wrong}"))
    return found


def _bytes_of(key: object) -> bytes:
    """A public key in its one standard form; nothing where it has none."""
    public_bytes = getattr(key, "public_bytes", None)
    return b"" if public_bytes is None else public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _long_enough(bits: int) -> None:
    if bits < RSA_BITS_MIN:
        raise KeyWrong(f"is an RSA key of {bits} bits, and {RSA_BITS_MIN} are the least")
