"""Shops whose responses are all checked against the contract."""

import pytest

from tests.api.v2_sessions.contracts import CheckedShop
from tests.support.gateways import Gateway


@pytest.fixture
def shop(shared_gateway: Gateway) -> CheckedShop:
    """A merchant of its own for each test, on the shared gateway, whose clock must not be moved."""
    return CheckedShop.of(shared_gateway.new_shop())


@pytest.fixture
def sole_shop(gateway: Gateway) -> CheckedShop:
    """The sandbox merchant of a gateway of its own, which may move the clock."""
    return CheckedShop.of(gateway.shop)
