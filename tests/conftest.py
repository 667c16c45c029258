"""What every test may ask for: a PostgreSQL server, fresh databases, a running gateway, a shop."""

import asyncio
import gc
import inspect
import os
import signal
from collections.abc import Coroutine, Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import uvloop

from gerbang.db.embedded import watched_postgres
from tests.support import clusters
from tests.support.gateways import Databases, Gateway, Shop
from tests.support.log import forget_commands, log_plainly
from tests.support.memory import memory_folder
from tests.support.programs import short_folder
from tests.support.selection import EXAMPLES_FAST, first_few, is_all_slow, is_fast, slowest_first
from tests.support.shop_servers import Run

# People look for new faults with every run; a check of a commit must come out the same twice. How fast a machine is says
# nothing about what it tests: no example has a deadline.
hypothesis.settings.register_profile("ours", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("ours")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help="run only what takes no long preparation and does not wait")


def pytest_configure(config: pytest.Config) -> None:
    log_plainly()
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # So a script's shell starts what it puts in the background, and programs that the tests start would inherit it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.getoption("fast"):
        hypothesis.settings.register_profile(
            "fast", hypothesis.settings.get_profile("ours"), max_examples=EXAMPLES_FAST
        )
        hypothesis.settings.load_profile("fast")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves files out that have no fast test, before what they import is loaded."""
    is_left_out = config.getoption("fast") and collection_path.suffix == ".py" and is_all_slow(collection_path)
    return True if is_left_out else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Looks for no garbage among what is collected: nothing of it is any, and to look takes a second."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("fast"):
        chosen = first_few([item for item in items if is_fast(item)])
        config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
        items[:] = chosen
    items[:] = slowest_first(items)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs a test that is a coroutine function, on the kind of loop that the gateway itself runs on."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.obj).parameters}
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(pyfuncitem.obj(**arguments))
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    try:
        return (yield)
    finally:
        forget_commands()


@pytest.fixture(scope="session")
def made() -> Iterator[Path]:
    """A data folder with a PostgreSQL that was made and does not run, to be copied."""
    with clusters.made() as folder:
        yield folder


@pytest.fixture(scope="session")
def databases(made: Path) -> Iterator[Databases]:
    """A PostgreSQL server of the whole test run, on which databases are made."""
    with (
        short_folder() as folder,
        watched_postgres(clusters.copied(made, folder / "postgres"), say=lambda _: None) as running,
    ):
        yield Databases(running.url, in_memory=memory_folder() is not None)
        running.process.send_signal(signal.SIGQUIT)  # without its last checkpoint: nobody reads it again


@pytest.fixture
def data(made: Path) -> Iterator[Path]:
    """The data folder of a `gerbang run` that finds a PostgreSQL there, and has not run yet."""
    with short_folder() as folder:
        yield clusters.copied(made, folder / "var")


@pytest.fixture(scope="session")
def shared_gateway(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway of the whole test run, for tests that leave its clock alone."""
    with Gateway(databases.fresh(), tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


@pytest.fixture
def shop(shared_gateway: Gateway) -> Shop:
    """A merchant of its own for each test, on the shared gateway."""
    return shared_gateway.new_shop()


@pytest.fixture
def gateway(databases: Databases, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway of its own on an empty database, its clock at the documents' day: for tests that move time."""
    with Gateway(databases.fresh(), tmp_path) as gateway:
        yield gateway


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a story to its end, on each kind of event loop."""

    def run_to_its_end(story: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(story)

    return run_to_its_end
