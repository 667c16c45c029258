"""A database fails over: it dies, falls silent or only reads, and another takes its place, which may lack the last commits.

Nothing that was acknowledged is given to another; with synchronous replication nothing of it is lost either.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from gerbang.db import Database
from gerbang.services import audit
from tests.support.clusters import Pair, pair, template, until
from tests.support.gateways import Gateway, Shop
from tests.support.services import found_wrong, run


@pytest.fixture(scope="module")
def first(made: Path) -> Iterator[Path]:
    with template(made) as folder:
        yield folder


@pytest.fixture
def clusters(first: Path) -> Iterator[Pair]:
    """Of a test of its own, which ends with the first of them dead or silent."""
    with pair(first) as clusters:
        yield clusters


@pytest.fixture(scope="module")
def lasting(first: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pair, Gateway]]:
    """For tests that leave both clusters as they were: they, and a gateway on the first."""
    with pair(first) as clusters, Gateway(clusters.first.url, tmp_path_factory.mktemp("gateway")) as gateway:
        yield clusters, gateway


def faults(url: str) -> list[str]:
    """What an audit finds in a database."""

    async def story() -> list[str]:
        database = Database(url, 2)
        await database.open()
        try:
            return found_wrong(await audit.look(database))
        finally:
            await database.close()

    return run(story)


def paid(shop: Shop) -> str:
    """A payment that is paid; its id."""
    payment = shop.create()["id"]
    assert shop.simulate(payment) == "true"
    return payment


def order(number: int) -> dict[str, Any]:
    return {
        "clientReferenceId": f"order of a failover {number}",
        "amount": {"value": 20_000, "currency": "IDR"},
        "mode": "API",
        "paymentMethod": {"type": "VIRTUAL_ACCOUNT"},
        "paymentMethodOptions": {"virtualAccount": {"channel": "BRI", "virtualAccountName": "Budi"}},
    }


def money_of(shop: Shop) -> float:
    """What the bank owes for the merchant. All of its money is on its own accounts, and in the platform's fees."""
    balances = {account["name"]: float(account["balance"]) for account in shop.get("/sandbox/ledger")["accounts"]}
    others = [name for name in balances if name.startswith("merchant/") and str(shop.merchant_id) not in name]
    assert others == []
    assert sum(balances.values()) == 0
    return balances["bank/simulator"]


def readiness(gateway: Gateway) -> tuple[int, str]:
    answered = gateway.client.get("/readyz")
    return answered.status_code, answered.json().get("reason", "")


def test_money_is_its_merchants_also_after_commits_were_lost(clusters: Pair, tmp_path: Path) -> None:
    """A number that an account had in a lost commit is another account's afterwards."""
    clusters.follow(synchronous=False)
    with Gateway(clusters.url, tmp_path) as gateway:
        shops = [gateway.new_shop() for _ in range(8)]
        paid(gateway.shop)  # the platform's own accounts are there before and after
        # PostgreSQL writes down 32 numbers of a series at once; what comes next is written down anew, and lost.
        clusters.first.ask("SELECT setval('accounts_id_seq', 1000)")
        clusters.catch_up()
        clusters.part()
        for shop in shops[:4] * 2:
            paid(shop)
        clusters.fail_over()
        for shop in reversed(shops):
            paid(shop)
        for shop in shops:
            assert money_of(shop) == 20_000
    assert faults(clusters.second.url) == []


def test_what_was_acknowledged_is_there_after_a_synchronous_failover(clusters: Pair, tmp_path: Path) -> None:
    clusters.follow(synchronous=True)
    with Gateway(clusters.url, tmp_path) as gateway:
        shop = gateway.shop
        shop.get("/v2/payments")  # it has signed in
        created, booked, stop = list[str](), set[str](), threading.Event()

        def keep_on() -> None:
            numbers = iter(range(100_000))
            while not stop.is_set():
                answered = shop.call("POST", "/v2/payments", order(next(numbers)))
                assert answered.status_code in (200, 503), answered.text
                if answered.status_code == 503:
                    continue
                created.append(answered.json()["data"]["id"])
                body = {"paymentSessionId": created[-1], "chargeStatus": "SUCCESS"}
                if shop.call("POST", "/v2/payments/simulations", body).status_code == 200:
                    booked.add(created[-1])

        calling = threading.Thread(target=keep_on)
        calling.start()
        try:
            until(lambda: len(booked) >= 30, "payments are made and paid")
            clusters.fail_over()
            before = len(booked)
            until(lambda: len(booked) >= before + 10, "payments are made and paid again")
        finally:
            stop.set()
            calling.join()
        shown = {id_: shop.get(f"/v2/payments/{id_}")["data"]["status"] for id_ in created}
        assert {shown[id_] for id_ in booked} == {"PAID"}
    assert faults(clusters.second.url) == []


def test_what_repeats_an_answer_that_may_yet_be_lost_is_not_answered_as_done(clusters: Pair, tmp_path: Path) -> None:
    """The copy is silent: a create waits for it and gets 503, and so is its repetition, in every dialect."""
    clusters.follow(synchronous=True)
    with Gateway(clusters.url, tmp_path) as gateway:
        shop = gateway.shop
        shop.get("/v2/payments")  # it has signed in
        outlet = {
            "paymentMethodType": "retail_outlet",
            "amount": 50_000,
            "referenceId": "retail outlet of a failover",
            "paymentMethodOptions": {"retailOutletName": "ALFAMART", "displayName": "Toko"},
        }
        keys = gateway.sandbox.v4.api_key, gateway.sandbox.v4.secret_key
        clusters.part()

        def session() -> int:
            return shop.call("POST", "/v2/payments", order(1), X_REQUEST_ID=str(UUID(int=7))).status_code

        def at_an_outlet() -> int:
            body = {"data": {"attributes": outlet}}
            return gateway.client.post("/api/v4/payments", json=body, auth=keys).status_code

        def once() -> list[int]:
            with ThreadPoolExecutor() as callers:
                return [each.result() for each in [callers.submit(session), callers.submit(at_an_outlet)]]

        assert [once(), once()] == [[503, 503], [503, 503]]
        clusters.fail_over()
        until(lambda: readiness(gateway)[0] == 200, "the second takes writes")
        assert once() == [200, 201]
        assert len(shop.get("/v2/payments")["data"]) == 2, "each is there once"
    assert faults(clusters.second.url) == []


def test_a_host_that_says_nothing_is_left_for_the_next(clusters: Pair, tmp_path: Path) -> None:
    """Five seconds for the command that is under way, one for giving its connection back, two for the silent host."""
    clusters.follow(synchronous=False)
    with Gateway(clusters.url, tmp_path) as gateway:
        shop = gateway.shop
        kept = shop.create()["id"]
        clusters.catch_up()
        clusters.first.silence()
        clusters.second.promote()
        began, answers = time.monotonic(), list[int]()
        while 200 not in answers:
            answered = shop.call("POST", "/v2/payments", order(len(answers)))
            answers.append(answered.status_code)
            assert time.monotonic() - began < 20, answers
        assert set(answers) <= {200, 503}
        assert shop.get(f"/v2/payments/{kept}")["data"]["id"] == kept
        until(lambda: readiness(gateway)[0] == 200, "it is ready")
        # What is left of the old host's connections holds up nobody, nor does a host that is asked no more.
        took = list[float]()
        for _ in range(12):
            began = time.monotonic()
            shop.create()
            took.append(time.monotonic() - began)
        assert max(took) < 2, "a host that says nothing is given two seconds"


def test_a_database_that_only_reads_is_unavailable_in_every_dialect(lasting: tuple[Pair, Gateway]) -> None:
    clusters, gateway = lasting
    clusters.follow(synchronous=False)
    shop, v4 = gateway.shop, gateway.new_shop()
    shop.create()
    clusters.first.set("default_transaction_read_only", "on")
    until(lambda: readiness(gateway)[0] == 503, "it is not ready")
    assert "takes no writes" in readiness(gateway)[1]
    answered = [
        shop.call("POST", "/v2/payments", order(1)),
        shop.call("DELETE", "/sandbox/inbox"),
        v4.client.post("/api/v4/payments", auth=v4.v4_keys, json=V4_ORDER),
    ]
    assert [one.status_code for one in answered] == [503, 503, 503], [one.text for one in answered]
    assert [one.headers["retry-after"] for one in answered] == ["1", "1", "1"]
    assert gateway.client.get("/livez").status_code == 200
    assert shop.call("GET", "/v2/payments").status_code == 200, "what is there can be read"
    clusters.first.set("default_transaction_read_only", "off")
    until(lambda: readiness(gateway)[0] == 200, "it is ready again")
    shop.create()


V4_ORDER = {
    "data": {
        "attributes": {
            "paymentMethodType": "virtual_bank_account",
            "amount": 20_000,
            "referenceId": "order of a failover",
            "paymentMethodOptions": {"bankShortCode": "BCA", "displayName": "Budi"},
        }
    }
}


def test_who_waits_for_a_copy_that_is_gone_is_answered_so_in_time(lasting: tuple[Pair, Gateway]) -> None:
    clusters, gateway = lasting
    clusters.follow(synchronous=True)
    shop = gateway.shop
    shop.create()
    clusters.second.silence()
    began = time.monotonic()
    until(lambda: readiness(gateway)[0] == 503, "it is not ready")
    assert time.monotonic() - began < 5
    clusters.second.go_on()
    until(lambda: readiness(gateway)[0] == 200, "it is ready again")
    shop.create()


def test_a_clock_that_was_moved_stays_moved_when_that_was_lost(clusters: Pair, tmp_path: Path) -> None:
    clusters.follow(synchronous=False)
    with Gateway(clusters.url, tmp_path) as gateway:
        moved = "SELECT offset_seconds FROM sandbox_clock"
        clusters.catch_up()
        clusters.part()
        before = clusters.first.ask(moved)
        gateway.shop.advance(seconds=86_400)
        assert clusters.first.ask(moved) == pytest.approx(before + 86_400, abs=1)
        clusters.fail_over()
        until(
            lambda: clusters.second.ask(moved) == pytest.approx(before + 86_400, abs=1),
            "the database learns again what was promised",
        )


def test_a_ledger_is_audited_on_a_copy_that_only_reads(lasting: tuple[Pair, Gateway]) -> None:
    clusters, gateway = lasting
    clusters.follow(synchronous=False)
    paid(gateway.shop)
    clusters.catch_up()
    assert faults(clusters.second.url) == []
    one = "SELECT min(id) FROM accounts WHERE name = 'bank/simulator'"
    wrong = f"UPDATE accounts SET balance = balance + $1::text::integer WHERE id = ({one})"
    clusters.first.ask(wrong, "1")
    clusters.catch_up()
    found = faults(clusters.second.url)
    clusters.first.ask(wrong, "-1")
    assert [line.partition(":")[0] for line in found] == [
        "the whole ledger is not zero",
        "an account's balance is not what its transfers add up to",
    ]
