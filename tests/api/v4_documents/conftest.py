"""Shops whose answers are all held against this dialect's contract."""

from collections.abc import Iterator

import pytest

from tests.api.v2_sessions.listeners import Listener
from tests.api.v4_documents.contracts import CheckedShop
from tests.support.gateways import Gateway


@pytest.fixture
def shop(shared_gateway: Gateway) -> CheckedShop:
    """A merchant of its own for each test, on the shared gateway, whose clock must be left alone."""
    return CheckedShop(shared_gateway.new_shop())


@pytest.fixture
def traveller(gateway: Gateway) -> CheckedShop:
    """The sandbox merchant of a gateway of its own, which may move the clock."""
    return CheckedShop(gateway.shop)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as listener:
        yield listener
