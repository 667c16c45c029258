"""Partners outside as tests need them: a process whose codes a partner must know or makes, and a record of what it is asked."""

import asyncio
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from gerbang.connections import CodeKind, Link, Opened
from gerbang.connections.simulator import CodesOf, Simulator, SimulatorSettings
from gerbang.domain.connections import SIMULATOR, Connection, Connections, Purpose, Route, of_the_sandbox
from gerbang.domain.partner_requests import CloseCode, OpenCode
from gerbang.partners import Partners
from gerbang.services.batches import Batches
from gerbang.workers import Workers
from tests.support.services import Services

MANY = 30


class Recording(Simulator):
    """The simulator, with a list of what it was asked; `answers` holds its answers back until it is set."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, UUID]] = []
        self.called = asyncio.Event()
        self.all_called = asyncio.Event()
        self.answers = asyncio.Event()
        self.answers.set()

    async def open(self, link: Link, reference: UUID, asked: OpenCode, now: datetime) -> Opened:
        self.asked.append(("open", reference))
        self.called.set()
        if len(self.asked) == MANY:
            self.all_called.set()
        await self.answers.wait()
        return await super().open(link, reference, asked, now)

    async def status(self, link: Link, reference: UUID, asked: OpenCode, now: datetime) -> Opened | None:
        self.asked.append(("status", reference))
        return await super().status(link, reference, asked, now)

    async def close(self, link: Link, reference: UUID, asked: CloseCode, now: datetime) -> None:
        self.asked.append(("close", asked.opening_id))

    @property
    def operations(self) -> list[str]:
        return [operation for operation, _ in self.asked]


class Hanging(Recording):
    """A partner that never answers when it is asked to close a code."""

    def __init__(self) -> None:
        super().__init__()
        self.closing = asyncio.Event()

    async def close(self, link: Link, reference: UUID, asked: CloseCode, now: datetime) -> None:
        self.closing.set()
        await asyncio.Event().wait()


def asking(here: Services, kind: CodeKind, simulator: Simulator | None = None) -> Services:
    """The same process where virtual accounts and QRIS are of this kind."""
    return _routed(here, _partner(SIMULATOR, kind), simulator or Simulator())


def asking_bca(here: Services, simulator: Simulator | None = None) -> Services:
    """The same process where the virtual accounts of BCA must be known to a partner first, beside the usual one."""
    route = Route(connections=("asked",), channel="virtual_account", option="BCA")
    return _routed(here, _partner("asked", "registered"), simulator or Simulator(), route)


def _partner(name: str, kind: CodeKind) -> Connection:
    settings = SimulatorSettings(channels=dict.fromkeys(("virtual_account", "qris"), CodesOf(codes=kind)))
    serves = frozenset[Purpose]({"payments", "payouts"})
    return Connection(name=name, provider=SIMULATOR, serves=serves, settings=settings)


def _routed(here: Services, partner: Connection, simulator: Simulator, *routes: Route) -> Services:
    usual = of_the_sandbox()
    connections = Connections({**usual.by_name, partner.name: partner}, (*routes, *usual.routes))
    world = replace(here.world, partners=Partners(connections, {SIMULATOR: simulator}, here.world.network))
    batches = Batches(world, size_max=64, lanes=2)
    return Services(world, batches, Workers(world, batches), here.clock)
