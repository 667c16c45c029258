"""Routes: the most exact one goes first, equal ones as they are written, and a connection does only what it serves."""

from uuid import UUID

import pytest

from gerbang.domain.connections import (
    PURPOSES,
    Connection,
    Connections,
    Purpose,
    Route,
    Secret,
    of_the_sandbox,
    route,
)

ANA, BUDI = UUID(int=1), UUID(int=2)


def test_nobody_is_routed_without_a_route() -> None:
    assert route([], ANA, "qris", None, "payments") == []


def test_a_route_without_members_serves_everybody_in_everything() -> None:
    routes = [Route(connections=("only",))]
    for purpose in PURPOSES:
        assert route(routes, ANA, "virtual_account", "BCA", purpose) == ["only"]
        assert route(routes, BUDI, None, None, purpose) == ["only"]


@pytest.mark.parametrize(
    ("merchant", "channel", "option", "purpose"),
    [
        (BUDI, "virtual_account", "BCA", "payments"),
        (ANA, "qris", "BCA", "payments"),
        (ANA, "virtual_account", "BRI", "payments"),
        (ANA, "virtual_account", None, "payments"),
        (ANA, "virtual_account", "BCA", "refunds"),
    ],
)
def test_a_route_fits_only_if_every_member_does(
    merchant: UUID, channel: str, option: str | None, purpose: Purpose
) -> None:
    routes = [
        Route(connections=("bca",), merchant=ANA, channel="virtual_account", option="BCA", purpose="payments"),
    ]
    assert route(routes, ANA, "virtual_account", "BCA", "payments") == ["bca"]
    assert route(routes, merchant, channel, option, purpose) == []


def test_the_most_exact_route_goes_first_wherever_it_is_written() -> None:
    routes = [
        Route(connections=("all",)),
        Route(connections=("purpose",), purpose="payments"),
        Route(connections=("channel",), channel="virtual_account"),
        Route(connections=("option",), channel="virtual_account", option="BCA"),
        Route(connections=("merchant",), merchant=ANA),
        Route(connections=("merchant-option",), merchant=ANA, channel="virtual_account", option="BCA"),
    ]
    exact_first = ["merchant-option", "merchant", "option", "channel", "purpose", "all"]
    assert route(routes, ANA, "virtual_account", "BCA", "payments") == exact_first
    assert route(routes[::-1], ANA, "virtual_account", "BCA", "payments") == exact_first
    assert route(routes, BUDI, "virtual_account", "BCA", "payments") == exact_first[2:]


def test_equal_routes_are_tried_as_they_are_written_and_each_connection_once() -> None:
    routes = [
        Route(connections=("second", "third"), channel="qris"),
        Route(connections=("fourth", "second"), channel="qris"),
        Route(connections=("first",), merchant=ANA),
    ]
    assert route(routes, ANA, "qris", None, "payments") == ["first", "second", "third", "fourth"]


def test_a_payout_is_routed_by_the_bank_that_it_goes_to() -> None:
    routes = [
        Route(connections=("any",), purpose="payouts"),
        Route(connections=("bca",), option="BCA", purpose="payouts"),
    ]
    assert route(routes, ANA, None, "BCA", "payouts") == ["bca", "any"]
    assert route(routes, ANA, None, "BRI", "payouts") == ["any"]


def test_a_connection_does_only_what_it_serves() -> None:
    paying = Connection(name="in", provider="toy", serves=frozenset({"payments"}))
    both = Connection(name="both", provider="toy", serves=frozenset({"payments", "payouts"}))
    found = Connections({"in": paying, "both": both}, (Route(connections=("in", "both")),))
    assert [each.name for each in found.serving(ANA, "qris", None, "payments")] == ["in", "both"]
    assert [each.name for each in found.serving(ANA, None, "BCA", "payouts")] == ["both"]
    assert found.serving(ANA, None, None, "refunds") == []


def test_the_sandbox_has_its_simulator_for_everything() -> None:
    for purpose in PURPOSES:
        assert [each.name for each in of_the_sandbox().serving(ANA, None, None, purpose)] == ["simulator"]


def test_a_secret_is_not_shown_with_its_connection() -> None:
    secret = Secret("hush", "the environment variable BCA")
    shown = repr(Connection(name="bca", provider="toy", serves=frozenset(), client_secret=secret))
    assert "hush" not in shown
    assert "the environment variable BCA" in shown
