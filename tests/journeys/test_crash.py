"""Killed at any moment, again and again, while shops order and banks report: after the next start everything that was
answered is there, booked once, settled once, and told or about to be told. What was not answered happened once or not at
all. Shops order in both dialects; BRI, to which most of them pay, settles at once, so gateways die while they settle too.
"""

import asyncio
import base64
import itertools
import json
import os
import random
import signal
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from gerbang.db.embedded import running_url
from tests.support.clusters import copied
from tests.support.program_books import Books, read
from tests.support.programs import Program, keys_of, postgres_of, program, short_folder

SEED = 20250330
ROUNDS = 10
SHOPPERS = 4
STEPS_MAX = 500
"""How much one shopper does in a round at most: more than it has time for."""
TRUE = b'{"code":"00","message":"Success","data":{"updated":"true"}}'
FALSE = TRUE.replace(b"true", b"false")
AMOUNT = {"amount": {"value": 20_000, "currency": "IDR"}}
ACCOUNT = {
    "paymentMethod": {"type": "VIRTUAL_ACCOUNT"},
    "paymentMethodOptions": {"virtualAccount": {"channel": "BRI", "virtualAccountName": "Budi"}},
}
SESSIONS = [AMOUNT | ACCOUNT, AMOUNT | {"paymentMethod": {"type": "QR"}}, ACCOUNT | {"paymentType": "MULTIPLE"}]
ONE_TIME = {
    "paymentMethodType": "virtual_bank_account",
    "amount": 20_000,
    "paymentMethodOptions": {"bankShortCode": "BRI", "displayName": "Budi"},
}
SETTLED_DAYS = 15
"""After so many days everything is settled, whatever holidays there are."""


@dataclass
class Asked:
    """Something that is asked of the gateway, once or more often, always in the same words, and each time its answer:
    None where none was heard.
    """

    reference: str
    path: str
    body: bytes
    headers: dict[str, str]
    answers: list[bytes | None] = field(default_factory=list[bytes | None])

    @property
    def answer(self) -> bytes | None:
        """The first answer that was heard."""
        return next((answer for answer in self.answers if answer is not None), None)

    def ask(self, client: httpx.Client) -> int:
        """Asks, and gives the status of the answer, 0 when there was none."""
        try:
            answered = client.post(self.path, content=self.body, headers=self.headers)
        except httpx.TransportError:
            self.answers.append(None)
            return 0
        assert answered.status_code in {200, 201, 503}, f"{self.reference}: {answered.status_code} {answered.text}"
        self.answers.append(None if answered.status_code == 503 else answered.content)
        return answered.status_code


@dataclass
class Notes:
    """What the shoppers and the bank have written down themselves: all that was asked and answered."""

    orders: list[Asked] = field(default_factory=list[Asked])
    reports: list[Asked] = field(default_factory=list[Asked])
    statuses: set[int] = field(default_factory=set[int])
    heard: set[str] = field(default_factory=set[str])
    serial: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def order(self, chance: random.Random) -> Asked:
        """A new order, under a key of its own; in the second dialect that is its reference."""
        reference = f"order-{next(self.serial)}"
        chosen = chance.choices([*SESSIONS, ONE_TIME], (6, 3, 1, 4))[0]
        if chosen is ONE_TIME:
            document = {"data": {"attributes": chosen | {"referenceId": reference}}}
            self.orders.append(Asked(reference, "/api/v4/payments", json.dumps(document).encode(), {}))
        else:
            session = {"clientReferenceId": reference, "mode": "API"} | chosen
            headers = {"X-REQUEST-ID": f"key-{reference}"}
            self.orders.append(Asked(reference, "/v2/payments", json.dumps(session).encode(), headers))
        return self.orders[-1]

    def report(self, chance: random.Random, answer: bytes) -> Asked:
        """New money for a payment: mostly what is owed, sometimes too little."""
        reference = f"bank-{next(self.serial)}"
        amount = {"value": chance.choices((20_000, 15_000), (9, 1))[0], "currency": "IDR"}
        body = {
            "paymentSessionId": payment_of(answer),
            "chargeStatus": "SUCCESS",
            "bankReference": reference,
            "amount": amount,
        }
        self.reports.append(Asked(reference, "/v2/payments/simulations", json.dumps(body).encode(), {}))
        return self.reports[-1]

    def step(self, client: httpx.Client, chance: random.Random) -> int:
        """One thing that a shopper or the bank does, new or once more. Gives the status of its answer."""
        what = chance.choices(("order", "report", "order again", "report again"), (45, 35, 8, 12))[0]
        payable = [answer for order in self.orders[-40:] if (answer := order.answer)]
        if what == "report" and payable:
            return self.report(chance, chance.choice(payable)).ask(client)
        before = {"order again": self.orders, "report again": self.reports}.get(what, [])
        return (chance.choice(before[-10:]) if before else self.order(chance)).ask(client)

    def shop(self, client: httpx.Client, chance: random.Random, stop: threading.Event) -> None:
        """A shopper: goes on until it is told to stop, or the gateway is gone."""
        for _ in range(STEPS_MAX):
            status = self.step(client, chance)
            self.statuses.add(status)
            if stop.is_set() or not status:
                break
            if status == 503:
                time.sleep(0.05)

    def unheard(self) -> int:
        return sum(asked.answers.count(None) for asked in self.orders + self.reports)


def compare(notes: Notes, books: Books) -> None:
    """Everything that was answered is in the books as it was answered, and nothing is that was not asked for."""
    for order in notes.orders:
        assert len({promised(answer) for answer in order.answers if answer is not None}) <= 1, order.answers
        if order.answer is not None:
            id_, number = books.payments[order.reference]
            assert payment_of(order.answer) == id_
            assert number in order.answer.decode()
    for report in notes.reports:
        assert report.answers.count(TRUE) <= 1, f"{report.reference} was news more than once"
        payment, outcome, _ = books.reports.get(report.reference, ("", "", 0))
        if report.answer is not None or payment:
            assert payment == json.loads(report.body)["paymentSessionId"], report.reference
        if TRUE in report.answers:
            assert outcome == "booked"
        if outcome == "booked":
            # Where nobody was told that it was news, the answer that said so is one that was not heard.
            assert TRUE in report.answers or None in report.answers
    assert set(books.payments) <= {order.reference for order in notes.orders}
    assert set(books.reports) <= {report.reference for report in notes.reports}
    notes.heard |= books.heard
    assert {name for name, state in books.deliveries.items() if state == "delivered"} <= notes.heard


def payment_of(answer: bytes) -> str:
    """The id of a payment, in whichever dialect it was answered."""
    return str(UUID(json.loads(answer)["data"]["id"].removeprefix("contract_")))


def promised(answer: bytes) -> bytes:
    """What may never be answered otherwise: all of it; in the second dialect all but the status, which is the present one."""
    told = json.loads(answer)["data"]
    if "attributes" not in told:
        return answer
    del told["attributes"]["status"]
    return json.dumps(told).encode()


def paycode(session: dict[str, Any]) -> str:
    """What a buyer pays to."""
    if "attributes" in session:
        return session["attributes"]["paymentMethod"]["instructions"]["accountNo"]
    place = session["paymentMethod"] if session.get("paymentType") == "MULTIPLE" else session["chargeDetails"][0]
    return place["virtualAccount"]["virtualAccountNumber"] if "virtualAccount" in place else place["qr"]["qrContent"]


def ask_again(notes: Notes, client: httpx.Client, pick: Sequence[Asked], before: Books) -> None:
    """Asks some of it once more: what was done before is answered alike, and nothing is done twice."""

    def once_more(asked: Asked) -> None:
        assert asked.ask(client) in {200, 201}
        if asked.reference in before.reports:
            assert asked.answers[-1] == FALSE
        if asked.reference in before.payments:
            assert asked.answers[-1] is not None
            told = json.loads(asked.answers[-1])["data"]
            id_ = payment_of(asked.answers[-1])
            assert id_ == before.payments[asked.reference][0]
            found = client.get(f"/v2/payments/{id_}").json()["data"]
            assert (found["clientReferenceId"], paycode(found)) == (asked.reference, paycode(told))

    with ThreadPoolExecutor(SHOPPERS) as pool:
        list(pool.map(once_more, pick))


def check(notes: Notes, data: Path, client: httpx.Client, since: tuple[int, int], chance: random.Random) -> None:
    """Everything that must hold after a start. What came `since` is asked again, and some of what came before it."""
    before = read(data)
    compare(notes, before)
    orders, reports = since
    older = notes.orders[:orders] + notes.reports[:reports]
    pick = notes.orders[orders:] + notes.reports[reports:] + chance.sample(older, min(20, len(older)))
    ask_again(notes, client, pick, before)
    after = read(data)
    compare(notes, after)
    assert {name: after.payments[name] for name in before.payments} == before.payments
    assert {name: after.reports[name] for name in before.reports} == before.reports
    assert {one.reference for one in pick} <= {*after.payments, *after.reports}
    assert client.get("/sandbox/ledger").json()["sum"] == "0.00"


def check_later(notes: Notes, data: Path, client: httpx.Client) -> None:
    """Once its time has come, all that waited is delivered, and all that was paid is settled."""
    books = read(data)
    for seconds in (1200, SETTLED_DAYS * 86_400):
        moved = client.post("/sandbox/clock/advance", json={"seconds": seconds})
        assert moved.status_code == 200
        now = datetime.fromisoformat(moved.json()["now"])
        books = read(data)
        compare(notes, books)
        assert set(books.deliveries.values()) <= {"delivered"}
        assert set(books.deliveries) <= notes.heard
        assert [at for times in books.unsettled.values() for at in times if at <= now] == []
        assert "virtual_account" not in books.unsettled, "BRI settles at once"
    assert books.unsettled == {}
    assert books.settled == sum(outcome == "booked" for _, outcome, _ in books.reports.values()) > 0


def run(data: Path) -> list[str]:
    return ["run", "--port", "0", "--data", str(data)]


def signed_in(url: str, data: Path) -> httpx.Client:
    """A connection of the sandbox's merchant."""
    keys = keys_of(data)["v2"]
    headers = {"X-MERCHANT-ID": keys["merchantId"], "X-MERCHANT-SECRET": keys["merchantSecret"]}
    grant = {"grantType": "client_credentials"}
    token = httpx.post(f"{url}/v1/access-token", headers=headers, json=grant).json()["data"]["accessToken"]
    return httpx.Client(
        base_url=url,
        auth=Signed(token, keys_of(data)["v4"]),
        headers={"Content-Type": "application/json"},
        timeout=30,
    )


class Signed(httpx.Auth):
    """The sandbox's merchant, as each dialect wants to know it. A token is too old once the clock was moved; keys are not."""

    def __init__(self, token: str, keys: dict[str, str]) -> None:
        self._bearer = f"Bearer {token}"
        self._basic = "Basic " + base64.b64encode(f"{keys['apiKey']}:{keys['secretKey']}".encode()).decode()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        takes_token = request.url.path.startswith("/v2/")
        request.headers["Authorization"] = self._bearer if takes_token else self._basic
        yield request


@contextmanager
def shoppers(notes: Notes, client: httpx.Client, chance: random.Random) -> Generator[threading.Event]:
    """Load, while the block runs: it is told to stop at its end, and what went wrong there is raised here."""
    stop = threading.Event()
    with ThreadPoolExecutor(SHOPPERS) as pool:
        try:
            shopping: list[Future[None]] = [
                pool.submit(notes.shop, client, random.Random(chance.random()), stop) for _ in range(SHOPPERS)
            ]
            yield stop
        finally:
            stop.set()
        for one in shopping:
            one.result()


@pytest.fixture
def data(made: Path) -> Iterator[Path]:
    """On a disk, where what was not written is lost."""
    with short_folder(on_disk=True) as folder:
        yield copied(made, folder / "var")


def kill(gateway: Program, *others: int) -> None:
    """As when memory runs out, or the power fails: nobody tidies up."""
    gateway.process.kill()
    for pid in others:
        os.kill(pid, signal.SIGKILL)
    gateway.ended()


def assert_quiet(gateway: Program) -> None:
    """It may complain of its database, but nothing in it has failed that should not."""
    assert "Traceback" not in gateway.err
    assert '"level": "error"' not in gateway.err, gateway.err


def test_however_often_it_is_killed_nothing_that_was_answered_is_lost_or_done_twice(data: Path) -> None:
    chance, notes, since = random.Random(SEED), Notes(), (0, 0)
    for number in range(ROUNDS):
        with program(*run(data)) as gateway, signed_in(gateway.url(), data) as client:
            check(notes, data, client, since, chance)
            since = len(notes.orders), len(notes.reports)
            # Every third time PostgreSQL goes down with the gateway.
            others = [postgres_of(data)] if number % 3 == 2 else []
            with shoppers(notes, client, chance):
                time.sleep(chance.uniform(0.05, 0.8))
                kill(gateway, *others)
            assert_quiet(gateway)
    assert notes.statuses == {0, 200, 201}, "no answer but a good one or none"
    assert notes.unheard() >= ROUNDS, "it was killed while nobody was waiting for an answer"
    assert sum(asked.answer is not None for asked in notes.orders + notes.reports) > ROUNDS * 10, "hardly any load"
    with program(*run(data)) as gateway, signed_in(gateway.url(), data) as client:
        check(notes, data, client, since, chance)
        check_later(notes, data, client)
        assert gateway.stop() == 0
        assert gateway.err == ""


def test_without_its_postgresql_the_gateway_says_so_and_leaves_and_the_next_start_recovers(data: Path) -> None:
    chance, notes = random.Random(SEED), Notes()
    with program(*run(data)) as gateway, signed_in(gateway.url(), data) as client:
        with shoppers(notes, client, chance):
            time.sleep(0.4)
            os.kill(postgres_of(data), signal.SIGKILL)
            told = health_until_gone(str(client.base_url))
        assert told[-1]["status"] == "unavailable"
        assert "database cannot be reached" in told[-1]["reason"]
        assert gateway.ended() == 1
        assert gateway.err.splitlines()[-1].startswith("gerbang: PostgreSQL has ended unasked")
        assert "Start again" in gateway.err
        assert_quiet(gateway)
    assert 503 in notes.statuses
    with program(*run(data)) as gateway, signed_in(gateway.url(), data) as client:
        check(notes, data, client, (0, 0), chance)
        check_later(notes, data, client)
        assert gateway.stop() == 0


def health_until_gone(url: str) -> list[dict[str, str]]:
    """What /healthz says, again and again, until nobody answers. Once it is bad it stays bad."""
    told: list[tuple[int, dict[str, str]]] = []
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            answered = httpx.get(f"{url}/healthz", timeout=10)
        except httpx.TransportError:
            statuses = [status for status, _ in told]
            assert statuses == sorted(statuses), "it was well again without its database"
            assert statuses[-1:] == [503], statuses
            return [body for _, body in told]
        told.append((answered.status_code, answered.json()))
        time.sleep(0.02)
    raise AssertionError(f"the gateway is still there: {told[-1]}")


def test_when_postgresql_loses_one_process_the_gateway_stays_and_finds_it_again(data: Path) -> None:
    chance, notes = random.Random(SEED), Notes()
    with program(*run(data)) as gateway, signed_in(gateway.url(), data) as client:
        with shoppers(notes, client, chance) as stop:
            time.sleep(0.3)
            os.kill(a_connection(data), signal.SIGKILL)
            time.sleep(1)
            stop.set()
        end = time.monotonic() + 20
        while client.get("/healthz").status_code != 200:
            assert time.monotonic() < end
            time.sleep(0.05)
        check(notes, data, client, (0, 0), chance)
        check_later(notes, data, client)
        assert gateway.process.poll() is None
        assert gateway.stop() == 0
        assert_quiet(gateway)


def a_connection(data: Path) -> int:
    """The process id of one of the gateway's connections inside PostgreSQL."""

    async def ask(url: str) -> int:
        connection = await asyncpg.connect(url)
        pid = await connection.fetchval("SELECT min(pid) FROM pg_stat_activity WHERE application_name = 'gerbang'")
        await connection.close()
        return pid

    url = running_url(data)
    assert url is not None
    return asyncio.run(ask(url))
