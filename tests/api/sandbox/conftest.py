"""Merchants that try things out at the sandbox."""

import pytest

from tests.api.sandbox.explorers import Explorer
from tests.gateways import Gateway


@pytest.fixture
def explorer(shared_gateway: Gateway) -> Explorer:
    """A merchant of its own for each test, on the shared gateway, whose clock must be left alone."""
    return Explorer.of(shared_gateway.new_shop())


@pytest.fixture
def traveller(gateway: Gateway) -> Explorer:
    """The sandbox merchant of a gateway of its own, which may move the clock."""
    return Explorer.of(gateway.shop)
