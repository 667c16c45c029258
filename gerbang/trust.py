"""The certificate authorities that outgoing TLS connections trust: the system's and the public ones."""

import ssl
from functools import lru_cache

import certifi


@lru_cache(maxsize=1)
def trusted() -> ssl.SSLContext:
    """Read once per process, which takes 50 ms: a new authority is trusted after a restart."""
    return _context()


def trusted_showing(certificate: str, private_key: str | None) -> ssl.SSLContext:
    """The same, and our certificate of this file is shown to who asks for one. Raises OSError, as TLS's errors are."""
    context = _context()
    context.load_cert_chain(certificate, private_key)
    return context


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()  # the system's authorities, an operator's own included
    context.load_verify_locations(certifi.where())  # and the public authorities, where the system has none
    return context
