"""The fixture of the worker tests: two processes on an empty database."""

from collections.abc import Callable

import pytest

from gerbang.clock import MovableClock
from tests.support.gateways import Databases
from tests.support.http_shop import Story, TwoProcesses
from tests.support.services import START, forget_power_cuts, run, services


@pytest.fixture
def run_story(databases: Databases) -> Callable[[Story], None]:
    """Runs an asynchronous test on two processes that share an empty database and a clock that is moved by hand."""
    url = databases.fresh()

    def run_it(story: Story) -> None:
        async def live() -> None:
            await forget_power_cuts(url)
            clock = MovableClock(START, ticking=False)
            async with services(url, clock=clock) as one, services(url, clock=clock) as two:
                await story(TwoProcesses(url, one, two))

        run(live)

    return run_it
