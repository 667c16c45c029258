"""Merchants that try things out at the sandbox."""

from collections.abc import Iterator

import pytest

from tests.api.sandbox.explorers import Explorer
from tests.support.gateways import Databases, Gateway


@pytest.fixture
def explorer(shared_gateway: Gateway) -> Explorer:
    """A merchant of its own for each test, on the shared gateway, whose clock must be left alone."""
    return Explorer.of(shared_gateway.new_shop())


@pytest.fixture
def traveller(gateway: Gateway) -> Explorer:
    """The sandbox merchant of a gateway of its own, which may move the clock."""
    return Explorer.of(gateway.shop)


@pytest.fixture(scope="module")
def moving_gateway(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway for all tests of a file that move time and do not mind if others did."""
    with Gateway(databases.fresh(), tmp_path_factory.mktemp("moving")) as gateway:
        yield gateway


@pytest.fixture
def mover(moving_gateway: Gateway) -> Explorer:
    """A merchant of its own for each test, which may move the clock but cannot say what time it is."""
    return Explorer.of(moving_gateway.new_shop())
