"""How an operator finds callbacks that were not delivered and sends them again, also in live mode."""

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from gerbang import app
from gerbang.clock import MovableClock
from gerbang.domain.deliveries import Try
from gerbang.domain.merchants import Merchant
from gerbang.domain.payments import Method
from gerbang.services import deliveries
from gerbang.services.batches import Batches
from gerbang.services.deliveries import Result, Wanted
from gerbang.settings import Settings
from gerbang.world import World
from tests.support.gateways import Databases
from tests.support.services import KEY, START, Services, money, number, order, run, services, world_of_tests
from tests.support.snap_bank import live_connections
from tests.test_cli import typed


async def callbacks_sent(here: Services, merchant: Merchant, *statuses: int) -> list[UUID]:
    """Creates a callback for each status, which is the answer to its last try; 0 is not sent. Returns their ids."""
    method = Method(channel="virtual_account", option="BRI")
    static = number(await here.batches.create(order(merchant.id, kind="static", amount=None, method=method)))
    ids: list[UUID] = []
    connection = next(iter(here.world.partners.names), "")  # in live mode nobody is connected
    for nth, status in enumerate(statuses):
        report = money(static, amount=100 + nth, connection=connection)
        assert (await here.batches.report(report)).outcome == "booked"
        (due,) = await deliveries.claim(here.world, 10)
        attempt = Try(7, here.clock.now(), status or None, 0.1, answer="no")
        if status:
            await deliveries.record_all(here.world, [Result(due, attempt)])
        ids.append(due.id)
        here.pass_time(seconds=1)
    return ids


async def states(world: World) -> dict[UUID, str]:
    async with world.db.reading() as tx:
        return {row["id"]: row["state"] for row in await tx.fetch("SELECT id, state FROM deliveries")}


def test_undelivered_callbacks_are_resent_once_however_often_the_command_runs(databases: Databases) -> None:
    url = databases.fresh()

    async def story() -> None:
        async with services(url) as here:
            one, two = [await here.merchant(callbacks="http://127.0.0.1:9/") for _ in range(2)]
            ids = await callbacks_sent(here, one, 500, 404, 200, 500, 404)
            others = await callbacks_sent(here, two, 404)
            wanted = Wanted(("parked", "given_up"), one.id)
            assert await deliveries.send_all_again(here.world, wanted, batch=2) == 4
            assert await deliveries.send_all_again(here.world, wanted, batch=2) == 0
            after = await states(here.world)
            assert [after[id_] for id_ in ids] == ["waiting", "waiting", "delivered", "waiting", "waiting"]
            assert [after[id_] for id_ in others] == ["given_up"]
            due = await deliveries.claim(here.world, 10)
            assert {each.id for each in due} == {*ids} - {ids[2]}
            assert {each.retries_from for each in due} == {7}

    run(story)


def test_two_resends_at_the_same_time_send_each_callback_once(databases: Databases) -> None:
    url = databases.fresh()

    async def story() -> None:
        async with services(url) as here:
            merchant = await here.merchant(callbacks="http://127.0.0.1:9/")
            await callbacks_sent(here, merchant, *[404] * 12)
            wanted = Wanted(("given_up",))
            made = await asyncio.gather(*(deliveries.send_all_again(here.world, wanted, batch=5) for _ in range(3)))
            assert sum(made) == 12

    run(story)


def test_callbacks_are_chosen_by_merchant_product_state_time_and_id(databases: Databases) -> None:
    url = databases.fresh()

    async def story() -> None:
        async with services(url) as here:
            one, two = [await here.merchant(callbacks="http://127.0.0.1:9/") for _ in range(2)]
            begun = here.clock.now()
            ids = await callbacks_sent(here, one, 500, 404, 200)
            (other,) = await callbacks_sent(here, two, 404)
            every = ("parked", "given_up", "delivered", "waiting")

            async def chosen(wanted: Wanted) -> list[UUID]:
                return [each.id for each in await deliveries.overview(here.world, wanted, 10)]

            assert await chosen(Wanted(every)) == [other, *reversed(ids)]
            assert await chosen(Wanted(every, one.id)) == [*reversed(ids)]
            assert await chosen(Wanted(("parked",))) == [ids[0]]
            assert await chosen(Wanted(("parked", "given_up"), product="payment")) == [other, ids[1], ids[0]]
            assert await chosen(Wanted(every, product="v4-payments")) == []
            second = begun + timedelta(seconds=1)
            assert await chosen(Wanted(every, since=second, until=second + timedelta(seconds=1))) == [ids[1]]
            assert await chosen(Wanted(every, ids=[ids[2], other])) == [other, ids[2]]

    run(story)


@dataclass
class Operator:
    """A command line on a database that has some callbacks."""

    merchant: str
    parked: str
    given_up: str
    capsys: pytest.CaptureFixture[str]

    def typed(self, line: str) -> tuple[int, str, str]:
        return typed(line.replace("ID", self.merchant), self.capsys)


@pytest.fixture
def operator(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Operator:
    """A live database with a merchant that has a parked, a given-up and a delivered callback."""
    settings = Settings(
        mode="live",
        database_url=databases.fresh(),
        secret_key=KEY,
        public_url="https://pay.example.id",
        connections=live_connections(tmp_path, "virtual_account"),
    )
    for name in ("mode", "database_url", "secret_key", "public_url", "connections"):
        monkeypatch.setenv(f"GERBANG_{name.upper()}", str(getattr(settings, name)))

    async def fill() -> tuple[str, UUID, UUID]:
        async with app.gateway(settings, base_url="https://pay.example.id") as built:
            clock = MovableClock(START, ticking=False)
            world = world_of_tests(built.world, clock)
            here = Services(world, Batches(world, size_max=64, lanes=2), built.workers, clock)
            merchant = await here.merchant(callbacks="https://shop.example/")
            parked, given_up, _ = await callbacks_sent(here, merchant, 500, 404, 200)
            return str(merchant.id), parked, given_up

    merchant, parked, given_up = run(fill)
    return Operator(merchant, str(parked), str(given_up), capsys)


def test_an_operator_lists_undelivered_callbacks_and_resends_them(operator: Operator) -> None:
    code, printed, error = operator.typed("callbacks list")
    assert (code, error) == (0, "")
    head, *lines = printed.splitlines()
    assert head.split() == ["id", "merchant", "product", "event", "state", "created", "tries", "last", "answer"]
    assert [line.split()[0] for line in lines] == [operator.given_up, operator.parked]
    assert "HTTP 404" in lines[0]
    listed = json.loads(operator.typed("callbacks list --merchant ID --state parked --json")[1])
    assert [(each["id"], each["state"], each["status"], each["tries"]) for each in listed] == [
        (operator.parked, "parked", 500, 7)
    ]
    assert operator.typed("callbacks list --limit 1")[2] == (
        "gerbang: there are more than the newest 1; see --limit, --from and --to.\n"
    )
    assert len(json.loads(operator.typed("callbacks list --merchant ID --state delivered --json")[1])) == 1

    assert operator.typed(f"callbacks resend --id msg_{UUID(operator.parked).hex} --from 2025-03-31T00:00:00Z")[1] == (
        f"0 callbacks are due again.\n{operator.parked} is none of those that the other options choose.\n"
    )
    assert operator.typed(f"callbacks resend --id msg_{UUID(operator.parked).hex}")[1] == "1 callback is due again.\n"
    assert json.loads(operator.typed("callbacks resend --merchant ID --product payment --json")[1]) == {"resent": 1}
    assert operator.typed("callbacks resend --everybody")[1] == "0 callbacks are due again.\n"
    waiting = json.loads(operator.typed("callbacks list --merchant ID --state waiting --json")[1])
    assert [each["id"] for each in waiting] == [operator.given_up, operator.parked]
    assert operator.typed("callbacks list")[1] == (
        "None is parked or given up. Others are listed with --merchant and --state waiting or --state delivered.\n"
    )
    assert operator.typed("callbacks list --state parked")[1] == "None is parked.\n"


def test_a_callback_given_by_id_is_due_now_also_while_it_waits_for_its_next_try(databases: Databases) -> None:
    url = databases.fresh()

    async def story() -> None:
        async with services(url) as here:
            merchant = await here.merchant(callbacks="http://127.0.0.1:9/")
            waiting, delivered, parked, sent = await callbacks_sent(here, merchant, 0, 200, 500, 0)
            here.pass_time(seconds=57)
            (due,) = await deliveries.claim(here.world, 10)
            assert due.id == waiting, "its minute is over"
            await deliveries.record_all(here.world, [Result(due, Try(1, here.clock.now(), 500, 0.1))])
            wanted = Wanted(("parked", "given_up", "waiting"), ids=[waiting, delivered, parked, sent])
            assert await deliveries.send_named_again(here.world, wanted) == {
                waiting: None,
                delivered: "delivered",
                parked: None,
                sent: "being sent",
            }
            assert await deliveries.send_named_again(here.world, wanted) == {
                waiting: "due",
                delivered: "delivered",
                parked: "due",
                sent: "being sent",
            }
            again = await deliveries.claim(here.world, 10)
            assert {each.id: each.retries_from for each in again} == {waiting: 1, parked: 7}

    run(story)


def test_a_callback_claimed_by_a_dead_process_does_not_count_as_being_sent(databases: Databases) -> None:
    url = databases.fresh()

    async def story() -> None:
        async with services(url) as here:
            (taken,) = await callbacks_sent(here, await here.merchant(callbacks="http://127.0.0.1:9/"), 0)
            async with here.world.db.transaction() as tx:
                await tx.execute("UPDATE deliveries SET in_hand_since = in_hand_since - interval '21 seconds'")
            assert await deliveries.send_named_again(here.world, Wanted(("waiting",), ids=[taken])) == {taken: None}

    run(story)


def test_resending_by_id_says_why_a_callback_is_left_as_it_is(operator: Operator) -> None:
    (delivered,) = [
        each["id"] for each in json.loads(operator.typed("callbacks list --merchant ID --state delivered --json")[1])
    ]
    assert operator.typed(f"callbacks resend --id {operator.parked} --id {delivered}")[1] == (
        f"1 callback is due again.\n{delivered} is delivered, and is not sent again.\n"
    )
    assert operator.typed(f"callbacks resend --id {operator.parked}")[1] == (
        f"0 callbacks are due again.\n{operator.parked} was due already.\n"
    )
    assert json.loads(operator.typed(f"callbacks resend --id {operator.parked} --json")[1]) == {
        "resent": 0,
        "left": {operator.parked: "due"},
    }
    unknown = "01a1fc0e-d925-740c-b41a-d4eb19e1e704"
    assert operator.typed(f"callbacks resend --id {operator.given_up} --id {unknown}") == (
        1,
        "",
        f"gerbang: There is no callback {unknown}; `gerbang callbacks list` shows them. Nothing was changed.\n",
    )
    assert operator.given_up in operator.typed("callbacks list")[1]


def test_showing_callback_urls_lists_each_product_without_secrets(operator: Operator) -> None:
    assert (
        operator.typed("callbacks set --merchant ID --product v4-payments --url https://budi:rahasia@toko.example/v4")[
            0
        ]
        == 0
    )
    code, printed, error = operator.typed("callbacks show ID")
    assert (code, error) == (0, "")
    assert [line.split(maxsplit=1) for line in printed.splitlines()] == [
        ["product", "url"],
        ["money", "none is set"],
        ["payment", "https://shop.example/"],
        ["payout", "none is set"],
        ["refund", "none is set"],
        ["v4-disbursements", "none is set"],
        ["v4-payments", "https://toko.example/v4"],
        ["withdrawal", "none is set"],
    ]


def test_unknown_merchants_products_and_ids_are_errors_and_not_empty_lists(operator: Operator) -> None:
    for line, code, why in (
        ("callbacks resend", 2, "--everybody"),
        ("callbacks list --state waiting", 2, "--merchant"),
        ("callbacks resend --everybody --state delivered", 2, "delivered"),
        ("callbacks list --from yesterday", 2, "is not an instant"),
        ("callbacks list --merchant 1", 1, "No merchant has the number 1;"),
        ("callbacks show 99999999999", 1, "is not a merchant's id or number"),
        ("callbacks resend --merchant 01a1fc0e-d925-740c-b41a-d4eb19e1e704", 1, "no merchant"),
        ("callbacks list --product banana", 1, "payment"),
        ("callbacks resend --id banana", 1, "banana is not a callback's id"),
    ):
        got = operator.typed(line)
        assert (got[0], got[1]) == (code, ""), line
        assert why in got[2], line
    assert len(json.loads(operator.typed("callbacks list --json")[1])) == 2


def test_live_mode_allows_https_on_port_443_only_unless_the_setting_says_more(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = "callbacks set --merchant ID --product payment --url"
    for url in ("http://shop.example/", "https://shop.example:8443/"):
        code, printed, error = operator.typed(f"{setting} {url}")
        assert (code, printed) == (1, "")
        assert "this gateway's operator allows https:443 only" in error
    monkeypatch.setenv("GERBANG_CALLBACK_PORTS", "https:443,https:8443")
    assert operator.typed(f"{setting} https://shop.example:8443/")[0] == 0
    assert operator.typed(f"{setting} http://shop.example/")[0] == 1


def test_a_password_in_a_callback_url_is_stored_and_not_printed(operator: Operator) -> None:
    code, printed, error = operator.typed(
        "callbacks set --merchant ID --product payment --url https://budi:rahasia@shop.example/hook"
    )
    assert (code, error) == (0, "")
    assert "https://shop.example/hook" in printed
    for line in (
        "callbacks list",
        "callbacks list --json",
        "callbacks set --merchant ID --product payment --url x://budi:rahasia@y/",
    ):
        printed += "".join(operator.typed(line)[1:])
    assert "rahasia" not in printed
    assert "budi" not in printed
