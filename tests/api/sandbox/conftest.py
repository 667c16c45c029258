"""Merchants that use the sandbox API."""

from collections.abc import Iterator

import pytest

from tests.api.sandbox.sandbox_shops import SandboxShop
from tests.support.gateways import Databases, Gateway


@pytest.fixture
def merchant(shared_gateway: Gateway) -> SandboxShop:
    """A merchant of its own for each test, on the shared gateway, whose clock must not be moved."""
    return SandboxShop.of(shared_gateway.new_shop())


@pytest.fixture
def sole_merchant(gateway: Gateway) -> SandboxShop:
    """The sandbox merchant of a gateway of its own, which may move the clock."""
    return SandboxShop.of(gateway.shop)


@pytest.fixture(scope="module")
def moving_gateway(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway for all tests of a file that move the clock and do not depend on its time."""
    with Gateway(databases.fresh(), tmp_path_factory.mktemp("moving")) as gateway:
        yield gateway


@pytest.fixture
def moving_merchant(moving_gateway: Gateway) -> SandboxShop:
    """A merchant of its own for each test, which may move the clock but cannot rely on its current time."""
    return SandboxShop.of(moving_gateway.new_shop())
