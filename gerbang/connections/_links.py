"""A connection with what is needed to use it, and the faults that were seen on it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from gerbang.clock import Clock
from gerbang.domain.connections import Connection
from gerbang.network import Network
from gerbang.trust import trusted_showing

SILENT = "it does not answer"
TURNS_AWAY = "it turns our calls away: look at our keys and clock"
CALLS_REFUSED = "its calls are refused for its key or a clock: its buyers cannot pay"
QUIET = timedelta(minutes=15)
"""An alarm that was not raised for so long is over."""


class Alarm(msgspec.Struct, frozen=True):
    """A fault that an operator must see."""

    since: datetime
    last: datetime
    times: int


@dataclass(frozen=True)
class Link:
    """A connection with what is needed to use it."""

    connection: Connection
    network: Network
    clock: Clock
    """The machine's own: a partner does not know the sandbox's time."""
    token_key: bytes = b""
    """Signs the access tokens that partners get from us."""
    public_url: str = ""
    """Where others reach us."""
    kept: dict[str, Any] = field(default_factory=dict[str, Any], compare=False)
    """What the provider keeps between two calls, such as its own access token. Of one process, and lost with it."""
    alarms: dict[str, Alarm] = field(default_factory=dict[str, Alarm], compare=False)
    """Faults of this connection, by what they are, as this process has seen them."""

    def alarm(self, what: str) -> None:
        """Notes a fault of the connection, now."""
        now = self.clock.now()
        before = self.alarms.get(what)
        if before is None or now - before.last > QUIET:
            before = Alarm(now, now, 0)
        self.alarms[what] = Alarm(before.since, now, before.times + 1)

    def is_well(self, what: str) -> None:
        """Notes that a fault is over."""
        self.alarms.pop(what, None)

    def alarmed(self) -> dict[str, Alarm]:
        """The faults that are not over."""
        now = self.clock.now()
        return {what: alarm for what, alarm in self.alarms.items() if now - alarm.last <= QUIET}


def of_connection(connection: Connection, network: Network) -> Network:
    """The client that calls a connection's partner: one of its own where it shows a certificate or has a private line.

    Raises OSError where TLS cannot use the certificate.
    """
    shown, tls = connection.client_certificate, None
    if shown is not None:
        assert shown.certificate.file is not None, "the file's rules ask for a path"
        tls = trusted_showing(shown.certificate.file, shown.private_key.file)
    if connection.base_url is None or (tls is None and not connection.private_line):
        return network
    return network.line_to(connection.base_url, private=connection.private_line, tls=tls)
