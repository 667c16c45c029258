"""Whom TLS trusts when a peer is called: the machine's own authorities, and the public ones."""

import ssl
from functools import lru_cache

import certifi


@lru_cache(maxsize=1)
def trusted() -> ssl.SSLContext:
    """Read once for the process: that takes 50 ms, and who shall trust another authority starts again."""
    context = ssl.create_default_context()  # whom the machine trusts, an operator's own authority too
    context.load_verify_locations(certifi.where())  # and the public authorities, where a machine knows none
    return context
