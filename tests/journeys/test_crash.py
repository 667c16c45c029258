"""Crash recovery: the gateway is killed again and again while merchants create payments and a bank reports money.

After each start everything that was answered is stored, booked once, settled once, and delivered or due for delivery;
what was not answered happened once or not at all. Both dialects are used. Most payments are to BRI, which settles at
once, so that the gateway is also killed during settlement; QR codes are made by a partner that takes its time, so that it
is also killed while it asks for one.
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
from gerbang.domain.deliveries import ON_ITS_WAY_MAX
from gerbang.domain.partner_requests import LEASE
from tests.support.clusters import copied
from tests.support.plain_http import TRUSTS_NOBODY
from tests.support.program_records import Records, read
from tests.support.programs import Program, keys_of, postgres_of, program, short_folder

SEED = 20250330
ROUNDS = 10
SHOPPERS = 4
STEPS_MAX = 500
"""The most requests of one client in a round; more than it has time for, so that the kill ends the round."""
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
CONNECTIONS = """
[connections.simulator]
provider = "simulator"
serves = ["payments", "payouts"]
settings.channels.qris = { codes = "minted", delay_seconds = 0.03 }

[[routes]]
connections = ["simulator"]
"""
DELIVERED_SECONDS_MAX = 60
OPENED_SECONDS_MAX = 60
SETTLED_DAYS = 15
"""Days after which every charge is settled, whatever bank holidays lie between."""


@dataclass
class SentRequest:
    """A request that is sent once or more often with the same bytes, and the body of each answer; None if none came."""

    reference: str
    path: str
    body: bytes
    headers: dict[str, str]
    answers: list[bytes | None] = field(default_factory=list[bytes | None])

    @property
    def answer(self) -> bytes | None:
        """The body of the first answer that was received, None if there was none."""
        return next((answer for answer in self.answers if answer is not None), None)

    def send(self, client: httpx.Client) -> int:
        """Sends the request and returns the HTTP status of the answer, 0 if there was none."""
        try:
            answered = client.post(self.path, content=self.body, headers=self.headers)
        except httpx.TransportError:
            self.answers.append(None)
            return 0
        assert answered.status_code in {200, 201, 503}, f"{self.reference}: {answered.status_code} {answered.text}"
        self.answers.append(None if answered.status_code == 503 else answered.content)
        return answered.status_code


@dataclass
class SentRequests:
    """Every request that the clients sent, to compare with the database. `callbacks` has the names of delivered callbacks."""

    orders: list[SentRequest] = field(default_factory=list[SentRequest])
    reports: list[SentRequest] = field(default_factory=list[SentRequest])
    statuses: set[int] = field(default_factory=set[int])
    callbacks: set[str] = field(default_factory=set[str])
    serial: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def order(self, rng: random.Random) -> SentRequest:
        """A new payment with its own idempotency key (X-REQUEST-ID in v2, the reference in v4)."""
        reference = f"order-{next(self.serial)}"
        chosen = rng.choices([*SESSIONS, ONE_TIME], (6, 3, 1, 4))[0]
        if chosen is ONE_TIME:
            document = {"data": {"attributes": chosen | {"referenceId": reference}}}
            self.orders.append(SentRequest(reference, "/api/v4/payments", json.dumps(document).encode(), {}))
        else:
            session = {"clientReferenceId": reference, "mode": "API"} | chosen
            headers = {"X-REQUEST-ID": f"key-{reference}"}
            self.orders.append(SentRequest(reference, "/v2/payments", json.dumps(session).encode(), headers))
        return self.orders[-1]

    def report(self, rng: random.Random, answer: bytes) -> SentRequest:
        """A new report of money for a payment: in 9 of 10 cases the amount owed, else too little."""
        reference = f"bank-{next(self.serial)}"
        amount = {"value": rng.choices((20_000, 15_000), (9, 1))[0], "currency": "IDR"}
        body = {
            "paymentSessionId": payment_of(answer),
            "chargeStatus": "SUCCESS",
            "bankReference": reference,
            "amount": amount,
        }
        self.reports.append(SentRequest(reference, "/v2/payments/simulations", json.dumps(body).encode(), {}))
        return self.reports[-1]

    def step(self, client: httpx.Client, rng: random.Random) -> int:
        """Sends one request, new or repeated, and returns the HTTP status of its answer, 0 if there was none."""
        kind = rng.choices(("order", "report", "order again", "report again"), (45, 35, 8, 12))[0]
        payable = [answer for order in self.orders[-40:] if (answer := order.answer)]
        if kind == "report" and payable:
            return self.report(rng, rng.choice(payable)).send(client)
        before = {"order again": self.orders, "report again": self.reports}.get(kind, [])
        return (rng.choice(before[-10:]) if before else self.order(rng)).send(client)

    def shop(self, client: httpx.Client, rng: random.Random, stop: threading.Event) -> None:
        """Sends requests until `stop` is set or the gateway is gone."""
        for _ in range(STEPS_MAX):
            status = self.step(client, rng)
            self.statuses.add(status)
            if stop.is_set() or not status:
                break
            if status == 503:
                time.sleep(0.05)

    def unanswered(self) -> int:
        return sum(request.answers.count(None) for request in self.orders + self.reports)


def compare(sent: SentRequests, stored: Records) -> None:
    """Checks that the database holds everything as it was answered, and nothing that was not requested."""
    for order in sent.orders:
        assert len({lasting_part(answer) for answer in order.answers if answer is not None}) <= 1, order.answers
        if order.answer is not None:
            id_, number = stored.payments[order.reference]
            assert payment_of(order.answer) == id_
            assert number in order.answer.decode()
    for report in sent.reports:
        assert report.answers.count(TRUE) <= 1, f"{report.reference} was answered as new more than once"
        payment, outcome, _ = stored.reports.get(report.reference, ("", "", 0))
        if report.answer is not None or payment:
            assert payment == json.loads(report.body)["paymentSessionId"], report.reference
        if TRUE in report.answers:
            assert outcome == "booked"
        if outcome == "booked":
            # If no received answer says that the report was new, that answer was among those that were lost.
            assert TRUE in report.answers or None in report.answers
    assert set(stored.payments) <= {order.reference for order in sent.orders}
    assert set(stored.reports) <= {report.reference for report in sent.reports}
    sent.callbacks |= stored.received
    assert {name for name, state in stored.deliveries.items() if state == "delivered"} <= sent.callbacks


def payment_of(answer: bytes) -> str:
    """The id of the payment in a create answer of either dialect."""
    return str(UUID(json.loads(answer)["data"]["id"].removeprefix("contract_")))


def lasting_part(answer: bytes) -> bytes:
    """The part of a create answer that every repetition must have too: all of it in v2, all but the status in v4."""
    data = json.loads(answer)["data"]
    if "attributes" not in data:
        return answer
    del data["attributes"]["status"]
    return json.dumps(data).encode()


def paycode(session: dict[str, Any]) -> str:
    """The account number or QR text of a payment as either dialect shows it."""
    if "attributes" in session:
        return session["attributes"]["paymentMethod"]["instructions"]["accountNo"]
    place = session["paymentMethod"] if session.get("paymentType") == "MULTIPLE" else session["chargeDetails"][0]
    return place["virtualAccount"]["virtualAccountNumber"] if "virtualAccount" in place else place["qr"]["qrContent"]


def send_again(sent: SentRequests, client: httpx.Client, pick: Sequence[SentRequest], before: Records) -> None:
    """Repeats these requests: what was done before gets the same answer, and nothing is done twice."""

    def once_more(request: SentRequest) -> None:
        assert request.send(client) in {200, 201}
        if request.reference in before.reports:
            assert request.answers[-1] == FALSE
        if request.reference in before.payments:
            assert request.answers[-1] is not None
            created = json.loads(request.answers[-1])["data"]
            id_ = payment_of(request.answers[-1])
            assert id_ == before.payments[request.reference][0]
            found = client.get(f"/v2/payments/{id_}").json()["data"]
            assert (found["clientReferenceId"], paycode(found)) == (request.reference, paycode(created))

    with ThreadPoolExecutor(SHOPPERS) as pool:
        list(pool.map(once_more, pick))


def check(sent: SentRequests, data: Path, client: httpx.Client, since: tuple[int, int], rng: random.Random) -> None:
    """Checks what must hold after a start. Repeats all requests sent `since` (counts of orders and reports) and 20 older."""
    # Until then a code may be in the hands of whoever was asking for it. On a slow machine it may have to be asked for again.
    end, opening = time.monotonic() + OPENED_SECONDS_MAX, 1
    while opening and time.monotonic() < end:
        moved = client.post("/sandbox/clock/advance", json={"seconds": int(LEASE.total_seconds()) + 1})
        assert moved.status_code == 200
        opening = asked(data, "SELECT count(*) FROM payments WHERE state = 'opening'")
    before = read(data)
    compare(sent, before)
    orders, reports = since
    older = sent.orders[:orders] + sent.reports[:reports]
    pick = sent.orders[orders:] + sent.reports[reports:] + rng.sample(older, min(20, len(older)))
    send_again(sent, client, pick, before)
    after = read(data)
    compare(sent, after)
    assert {name: after.payments[name] for name in before.payments} == before.payments
    assert {name: after.reports[name] for name in before.reports} == before.reports
    assert {one.reference for one in pick} <= {*after.payments, *after.reports}
    assert client.get("/sandbox/ledger").json()["sum"] == "0.00"


def check_later(sent: SentRequests, data: Path, client: httpx.Client) -> None:
    """Checks, with the sandbox clock moved ahead, that every callback is delivered and every paid charge settled."""
    stored = read(data)
    for seconds in (1200, SETTLED_DAYS * 86_400):
        moved = client.post("/sandbox/clock/advance", json={"seconds": seconds})
        assert moved.status_code == 200
        now = datetime.fromisoformat(moved.json()["now"])
        stored = sent_out(data)
        compare(sent, stored)
        assert set(stored.deliveries.values()) <= {"delivered"}
        assert set(stored.deliveries) <= sent.callbacks
        assert [at for times in stored.unsettled.values() for at in times if at <= now] == []
        assert "virtual_account" not in stored.unsettled, "BRI settles at once"
    assert stored.unsettled == {}
    assert stored.settled == sum(outcome == "booked" for _, outcome, _ in stored.reports.values()) > 0


def sent_out(data: Path) -> Records:
    """The records once every callback was delivered: on a slow machine some may still be on their way after a move."""
    end = time.monotonic() + DELIVERED_SECONDS_MAX
    while set((stored := read(data)).deliveries.values()) - {"delivered"} and time.monotonic() < end:
        time.sleep(0.1)
    return stored


def run(data: Path) -> list[str]:
    return ["run", "--port", "0", "--data", str(data)]


def signed_in(url: str, data: Path) -> httpx.Client:
    """An HTTP client with the credentials of the sandbox's merchant."""
    keys = keys_of(data)["v2"]
    headers = {"X-MERCHANT-ID": keys["merchantId"], "X-MERCHANT-SECRET": keys["merchantSecret"]}
    grant = {"grantType": "client_credentials"}
    token = httpx.post(f"{url}/v1/access-token", headers=headers, json=grant, verify=TRUSTS_NOBODY).json()["data"][
        "accessToken"
    ]
    return httpx.Client(
        base_url=url,
        auth=Signed(token, keys_of(data)["v4"]),
        headers={"Content-Type": "application/json"},
        timeout=30,
        verify=TRUSTS_NOBODY,
    )


class Signed(httpx.Auth):
    """Authentication per dialect: the bearer token for /v2, the API key elsewhere. Moving the clock expires the token."""

    def __init__(self, token: str, keys: dict[str, str]) -> None:
        self._bearer = f"Bearer {token}"
        self._basic = "Basic " + base64.b64encode(f"{keys['apiKey']}:{keys['secretKey']}".encode()).decode()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        takes_token = request.url.path.startswith("/v2/")
        request.headers["Authorization"] = self._bearer if takes_token else self._basic
        yield request


@contextmanager
def shoppers(sent: SentRequests, client: httpx.Client, rng: random.Random) -> Generator[threading.Event]:
    """Sends load from `SHOPPERS` threads while the with block runs, then stops them and raises their failures."""
    stop = threading.Event()
    with ThreadPoolExecutor(SHOPPERS) as pool:
        try:
            shopping: list[Future[None]] = [
                pool.submit(sent.shop, client, random.Random(rng.random()), stop) for _ in range(SHOPPERS)
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
    """Kills the gateway and other processes with SIGKILL, as a power failure would: nothing is cleaned up."""
    gateway.process.kill()
    for pid in others:
        os.kill(pid, signal.SIGKILL)
    gateway.ended()


def assert_quiet(gateway: Program) -> None:
    """Checks that the gateway logged no error and no traceback; warnings about its database are allowed."""
    assert "Traceback" not in gateway.err
    assert '"level": "error"' not in gateway.err, gateway.err


def test_nothing_that_was_answered_is_lost_or_done_twice_however_often_the_gateway_is_killed(data: Path) -> None:
    rng, sent, since = random.Random(SEED), SentRequests(), (0, 0)
    file = data.parent / "connections.toml"
    file.write_text(CONNECTIONS, encoding="utf-8")
    routed = {"GERBANG_CONNECTIONS": str(file)}
    for number in range(ROUNDS):
        with program(*run(data), **routed) as gateway, signed_in(gateway.url(), data) as client:
            long_killed(data)
            check(sent, data, client, since, rng)
            since = len(sent.orders), len(sent.reports)
            # Every third time PostgreSQL is killed as well.
            others = [postgres_of(data)] if number % 3 == 2 else []
            with shoppers(sent, client, rng):
                time.sleep(rng.uniform(0.05, 0.8))
                kill(gateway, *others)
            assert_quiet(gateway)
    # 503: the same request while a partner is asked for its code.
    assert {0, 200, 201} <= sent.statuses <= {0, 200, 201, 503}
    assert sent.unanswered() >= ROUNDS, "too few kills interrupted a request"
    assert sum(request.answer is not None for request in sent.orders + sent.reports) > ROUNDS * 5, "too little load"
    with program(*run(data), **routed) as gateway, signed_in(gateway.url(), data) as client:
        long_killed(data)
        check(sent, data, client, since, rng)
        check_later(sent, data, client)
        assert gateway.stop() == 0
        assert gateway.err == ""


def test_when_its_postgresql_is_killed_the_gateway_ends_and_the_next_start_recovers(data: Path) -> None:
    rng, sent = random.Random(SEED), SentRequests()
    with program(*run(data)) as gateway, signed_in(gateway.url(), data) as client:
        with shoppers(sent, client, rng):
            time.sleep(0.4)
            os.kill(postgres_of(data), signal.SIGKILL)
            healths = health_until_gone(str(client.base_url))
        assert healths[-1]["status"] == "unavailable"
        assert "database cannot be reached" in healths[-1]["reason"]
        assert gateway.ended() == 1
        assert gateway.err.splitlines()[-1].startswith("gerbang: PostgreSQL has ended unasked")
        assert "Start again" in gateway.err
        assert_quiet(gateway)
    assert 503 in sent.statuses
    with program(*run(data)) as gateway, signed_in(gateway.url(), data) as client:
        check(sent, data, client, (0, 0), rng)
        check_later(sent, data, client)
        assert gateway.stop() == 0


def health_until_gone(url: str) -> list[dict[str, str]]:
    """Polls /healthz until the gateway is gone and returns the bodies. Once the status is 503 it must stay 503."""
    seen: list[tuple[int, dict[str, str]]] = []
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            answered = httpx.get(f"{url}/healthz", timeout=10, verify=TRUSTS_NOBODY)
        except httpx.TransportError:
            statuses = [status for status, _ in seen]
            assert statuses == sorted(statuses), "healthy again without its database"
            assert statuses[-1:] == [503], statuses
            return [body for _, body in seen]
        seen.append((answered.status_code, answered.json()))
        time.sleep(0.02)
    raise AssertionError(f"the gateway is still there: {seen[-1]}")


def test_when_one_process_of_postgresql_is_killed_the_gateway_stays_and_reconnects(data: Path) -> None:
    rng, sent = random.Random(SEED), SentRequests()
    with program(*run(data)) as gateway, signed_in(gateway.url(), data) as client:
        with shoppers(sent, client, rng) as stop:
            time.sleep(0.3)
            os.kill(a_connection(data), signal.SIGKILL)
            time.sleep(1)
            stop.set()
        end = time.monotonic() + 20
        while client.get("/healthz").status_code != 200:
            assert time.monotonic() < end
            time.sleep(0.05)
        check(sent, data, client, (0, 0), rng)
        check_later(sent, data, client)
        assert gateway.process.poll() is None
        assert gateway.stop() == 0
        assert_quiet(gateway)


def a_connection(data: Path) -> int:
    """The process id of the PostgreSQL backend that serves one of the gateway's connections."""
    return asked(data, "SELECT min(pid) FROM pg_stat_activity WHERE application_name = 'gerbang'")


def long_killed(data: Path) -> None:
    """What was on its way when the gateway was killed is so for longer than any sending takes, without a wait for it."""
    asked(data, f"UPDATE deliveries SET in_hand_since = in_hand_since - '{ON_ITS_WAY_MAX.total_seconds()} s'::interval")


def asked(data: Path, query: str) -> Any:
    """One value from the database of a gateway that runs."""

    async def value(url: str) -> Any:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    url = running_url(data)
    assert url is not None
    return asyncio.run(value(url))
