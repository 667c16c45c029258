"""What every test of workers may ask for: two processes on an empty database, and a story about them."""

from collections.abc import Callable

import pytest

from gerbang.clock import MovableClock
from tests.support.gateways import Databases
from tests.support.http_shop import Story, TwoProcesses
from tests.support.services import START, forget_power_cuts, run, services


@pytest.fixture
def told(databases: Databases) -> Callable[[Story], None]:
    """Runs a story on an empty database."""
    url = databases.fresh()

    def tell(story: Story) -> None:
        async def live() -> None:
            await forget_power_cuts(url)
            clock = MovableClock(START, ticking=False)
            async with services(url, clock=clock) as one, services(url, clock=clock) as two:
                await story(TwoProcesses(url, one, two))

        run(live)

    return tell
