"""What an operator sees of a bank that does not answer, or whose calls are refused for a key: in the health check, from nearby."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gerbang.clock import MovableClock
from gerbang.connections import QUIET, SILENT, Declined, Link, NeverSays, NotSent, Silence, simulator
from gerbang.domain.connections import Connection
from gerbang.network import Network
from gerbang.partners import Partner
from tests.support import snap_bank
from tests.support.gateways import Databases, Gateway
from tests.support.snap_bank import Bank


@pytest.fixture
def gateway(databases: Databases, tmp_path: Path) -> Iterator[Gateway]:
    file = snap_bank.connections(tmp_path)
    with Gateway(databases.fresh(), tmp_path / "data", connections=file) as gateway:
        yield gateway


def details(gateway: Gateway, path: str = "/healthz", **headers: str) -> list[dict[str, object]]:
    answer = gateway.client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    return answer.json().get("details", [])


def test_calls_that_are_refused_for_a_key_are_in_the_health_check_and_for_nobody_far_away(gateway: Gateway) -> None:
    bank = Bank(gateway.client)
    bank.sign_in(**{"X-SIGNATURE": "bm9ib2R5J3M="})
    bank.sign_in(**{"X-SIGNATURE": "bm9ib2R5J3M="})
    (seen,) = details(gateway)
    assert seen.pop("since")
    assert seen == {
        "what": "its calls are refused for its key or a clock: its buyers cannot pay",
        "times": 2,
        "connection": "bank",
    }
    for header in ("x_forwarded_for", "forwarded", "via", "x_real_ip"):
        assert details(gateway, **{header: "203.0.113.7"}) == []


def partner() -> tuple[Partner, MovableClock]:
    clock = MovableClock(datetime(2026, 11, 28, tzinfo=UTC), ticking=False)
    connection = Connection(name="bank", provider="simulator", serves=frozenset({"payouts"}), deadline_seconds=1)
    return Partner(Link(connection, Network(allow_private=True), clock), simulator.PROVIDER), clock


async def answered(_: Link) -> str:
    return "yes"


@pytest.mark.parametrize("silence", [Silence("cut off"), NotSent("no way to it"), RuntimeError("a fault of ours")])
async def test_a_silent_partner_is_seen_until_it_answers(silence: Exception) -> None:
    bank, clock = partner()

    async def silent(_: Link) -> str:
        raise silence

    for _ in range(3):
        clock.advance(timedelta(minutes=1))
        with pytest.raises(Silence):
            await bank.call("a question", silent)
    (alarm,) = bank.link.alarmed().values()
    assert (alarm.times, alarm.last - alarm.since) == (3, timedelta(minutes=2))
    await bank.call("a question", answered)
    assert bank.link.alarmed() == {}


async def test_what_a_partner_can_never_be_asked_is_no_fault_of_it() -> None:
    bank, _ = partner()

    async def never(_: Link) -> str:
        raise NeverSays("it has no such service")

    with pytest.raises(NeverSays):
        await bank.call("a question", never)
    assert bank.link.alarmed() == {}


async def test_a_refusal_is_an_answer() -> None:
    bank, _ = partner()

    async def declines(_: Link) -> str:
        raise Declined("no such account")

    bank.link.alarm(SILENT)
    with pytest.raises(Declined):
        await bank.call("a question", declines)
    assert bank.link.alarmed() == {}


async def test_a_fault_that_was_not_seen_again_is_over() -> None:
    bank, clock = partner()
    bank.link.alarm(SILENT)
    clock.advance(QUIET)
    assert SILENT in bank.link.alarmed()
    clock.advance(timedelta(seconds=1))
    assert bank.link.alarmed() == {}
    bank.link.alarm(SILENT)
    assert bank.link.alarmed()[SILENT].times == 1
