"""What every test of workers may ask for: two processes on an empty database, and a story about them."""

from collections.abc import Callable

import pytest

from gerbang.clock import MovableClock
from tests.gateways import Databases
from tests.houses import START, forget_power_cuts, house, run
from tests.workers.tills import Story, Street


@pytest.fixture
def told(databases: Databases) -> Callable[[Story], None]:
    """Runs a story on an empty database."""
    url = databases.fresh()

    def tell(story: Story) -> None:
        async def live() -> None:
            await forget_power_cuts(url)
            clock = MovableClock(START, ticking=False)
            async with house(url, clock=clock) as one, house(url, clock=clock) as two:
                await story(Street(url, one, two))

        run(live)

    return tell
