"""The fixture of the worker tests: two processes on an empty database."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from gerbang.clock import MovableClock
from tests.support.gateways import Databases
from tests.support.http_shop import Start, TwoProcesses
from tests.support.services import START, forget_power_cuts, services


@pytest.fixture
def start(databases: Databases) -> Start:
    """Starts two processes that share an empty database and a clock that is moved by hand."""
    url = databases.fresh()

    @asynccontextmanager
    async def started() -> AsyncGenerator[TwoProcesses]:
        await forget_power_cuts(url)
        clock = MovableClock(START, ticking=False)
        async with services(url, clock=clock) as one, services(url, clock=clock) as two:
            yield TwoProcesses(url, one, two)

    return started
