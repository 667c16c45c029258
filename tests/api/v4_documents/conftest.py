"""Fixtures of the v4 tests: merchants whose every answer is validated against the v4 OpenAPI document."""

from collections.abc import Iterator

import pytest

from tests.api.v2_sessions.listeners import Listener
from tests.api.v4_documents.contracts import CheckedShop
from tests.support.gateways import Gateway


@pytest.fixture
def shop(shared_gateway: Gateway) -> CheckedShop:
    """A new merchant for each test, on the shared gateway, whose clock a test must not move."""
    return CheckedShop(shared_gateway.new_shop())


@pytest.fixture
def traveller(gateway: Gateway) -> CheckedShop:
    """The sandbox merchant of a gateway that only this test uses, so that it may move the clock."""
    return CheckedShop(gateway.shop)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as listener:
        yield listener
