"""The partners of one process: which connection serves whom, and calling them with a deadline and in a bounded number."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar
from uuid import UUID

import structlog

from gerbang.clock import SystemClock
from gerbang.connections import (
    SILENT,
    Declined,
    FindsPayments,
    Link,
    NeverSays,
    NotNow,
    NotSent,
    OpensCodes,
    Provider,
    PushesCodes,
    Refunds,
    Serves,
    Silence,
    TakesCards,
    Transfers,
    WatchesCodes,
    of_connection,
)
from gerbang.domain.connections import Connection, Connections, Purpose
from gerbang.network import Network

Answer = TypeVar("Answer")
CALLS_AT_ONCE_MAX = 100
"""For each connection, so that a partner that hangs holds up nobody else's."""
log = structlog.get_logger()


@dataclass(frozen=True)
class Partner:
    """One connection with the code that speaks with its partner."""

    link: Link
    provider: Provider
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CALLS_AT_ONCE_MAX))

    @property
    def connection(self) -> Connection:
        return self.link.connection

    @property
    def allowed_addresses(self) -> tuple[str, ...]:
        """The networks that the partner calls from; none: any."""
        return self.connection.inbound.allowed_addresses if self.connection.inbound else ()

    # What a provider can do is looked up once: checking a protocol takes 12 µs, and every create needs it.

    @cached_property
    def opener(self) -> OpensCodes | None:
        """The provider, if it opens codes."""
        return self.provider if isinstance(self.provider, OpensCodes) else None

    def pushes(self, channel: str, option: str | None) -> bool:
        """Whether it has a wallet's app notify its buyer, without a page."""
        return isinstance(self.provider, PushesCodes) and self.provider.pushes(self.connection, channel, option)

    @cached_property
    def watcher(self) -> WatchesCodes | None:
        """The provider, if it says whether its codes were paid."""
        return self.provider if isinstance(self.provider, WatchesCodes) else None

    @cached_property
    def finder(self) -> FindsPayments | None:
        """The provider, if it can be asked what was paid."""
        return self.provider if isinstance(self.provider, FindsPayments) else None

    @cached_property
    def acquirer(self) -> TakesCards | None:
        """The provider, if it takes cards."""
        return self.provider if isinstance(self.provider, TakesCards) else None

    @cached_property
    def sender(self) -> Transfers | None:
        """The provider, if it sends money."""
        return self.provider if isinstance(self.provider, Transfers) else None

    @cached_property
    def refunder(self) -> Refunds | None:
        """The provider, if it gives money back by the way it came."""
        return self.provider if isinstance(self.provider, Refunds) else None

    @cached_property
    def server(self) -> Serves | None:
        """The provider, if its partner may call us."""
        return self.provider if isinstance(self.provider, Serves) and self.connection.inbound is not None else None

    async def call(
        self, about: str, ask: Callable[[Link], Awaitable[Answer]], *, seconds: float | None = None
    ) -> Answer:
        """The partner's answer. Raises Declined, or Silence for all else: it may have done what was asked all the same.
        NotSent is the silence after which it surely has not.

        `about` names the request in the log. Waiting for a place counts, so an answer takes the connection's deadline at most,
        or `seconds`.
        """
        begun = False
        try:
            async with asyncio.timeout(seconds or self.connection.deadline_seconds), self.places:
                begun = True
                answer = await ask(self.link)
        except (Declined, NotNow):
            self.link.is_well(SILENT)
            raise
        except Silence as silence:
            if not isinstance(silence, NeverSays):  # nobody was asked
                self.link.alarm(SILENT)
            log.warning("a partner was silent", connection=self.connection.name, about=about, why=str(silence))
            raise
        except TimeoutError as late:
            self.link.alarm(SILENT)
            log.warning("a partner was silent", connection=self.connection.name, about=about)
            raise (Silence if begun else NotSent)("the deadline passed") from late
        except Exception as failure:
            self.link.alarm(SILENT)
            log.exception("a partner could not be called", connection=self.connection.name, about=about)
            raise Silence(str(failure)) from failure
        self.link.is_well(SILENT)
        return answer


class Partners:
    """All connections of a process, by name, and who is routed to which."""

    def __init__(
        self,
        connections: Connections,
        providers: Mapping[str, Provider],
        network: Network,
        *,
        token_key: bytes = b"",
        public_url: str = "",
    ) -> None:
        self.public_url = public_url
        self._connections = connections
        self._own_routes = {route.merchant for route in connections.routes if route.merchant is not None}
        self._served: dict[tuple[UUID | None, str | None, str | None, Purpose], Partner | None] = {}
        self._taken: dict[str, bool] = {}
        self._partners = {
            name: Partner(
                Link(connection, _network(connection, network), SystemClock(), token_key, public_url),
                providers[connection.provider],
            )
            for name, connection in connections.by_name.items()
        }

    def named(self, name: str) -> Partner | None:
        """The partner of a connection; None for one that is no longer in the file."""
        return self._partners.get(name)

    def serving(self, merchant_id: UUID, channel: str | None, option: str | None, purpose: Purpose) -> Partner | None:
        """The first connection that this is routed to; later ones are not tried. A payout has no channel, and its option is
        the bank that it goes to.
        """
        # Most merchants have no routes of their own, so they share what was looked up.
        asked = (merchant_id if merchant_id in self._own_routes else None, channel, option, purpose)
        if asked not in self._served:
            found = self._connections.serving(merchant_id, channel, option, purpose)
            self._served[asked] = self._partners[found[0].name] if found else None
        return self._served[asked]

    @property
    def serving_calls(self) -> dict[str, Partner]:
        """The partners that may call us, by the path at which their addresses begin."""
        return {
            partner.connection.inbound.path_prefix: partner
            for partner in self._partners.values()
            if partner.server is not None and partner.connection.inbound is not None
        }

    def take_payments_by(self, channel: str) -> bool:
        """Whether some merchant's payments by this channel are routed to a connection."""
        if channel not in self._taken:
            self._taken[channel] = self._connections.serves_channel(channel)
        return self._taken[channel]

    @property
    def all(self) -> Collection[Partner]:
        """The partners of all connections."""
        return self._partners.values()

    @property
    def names(self) -> list[str]:
        """Of all connections."""
        return list(self._partners)

    def __bool__(self) -> bool:
        return bool(self._partners)


def calls_at_once(connections: Connections) -> int:
    """So many calls all partners may have under way together: each one's, and its request for a token, which is nobody's call."""
    return max(1, len(connections.by_name)) * (CALLS_AT_ONCE_MAX + 1)


def _network(connection: Connection, network: Network) -> Network:
    """The client that calls a connection's partner. A certificate that cannot be used keeps no other partner from working."""
    try:
        return of_connection(connection, network)
    except OSError:
        log.exception("a client certificate cannot be used", connection=connection.name)
        return network
