"""A gateway and a bank that speak the national standard are killed again and again while buyers pay and merchants pay out.

No money is booked and refused, none is booked twice, no transfer is sent twice, and every payout that a silence or a death left
unknown ends as the bank's own ledger has it, or stays to be seen.
"""

import itertools
import json
import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.plain_http import TRUSTS_NOBODY
from tests.support.ports import held_ports
from tests.support.program_records import read
from tests.support.programs import Program, keys_of, postgres_of, program, short_folder

from .test_crash import Signed, asked, kill

SEED, PEOPLE = 20261128, 3
ROUNDS: list[set[str]] = [{"postgres"}, {"bank"}, {"bank", "postgres"}]
"""Who is killed with the gateway. One of them alone is killed at each step by test_crash_between_steps.py."""
BCA = {
    "amount": {"value": 20_000, "currency": "IDR"},
    "mode": "API",
    "paymentMethod": {"type": "VIRTUAL_ACCOUNT"},
    "paymentMethodOptions": {"virtualAccount": {"channel": "BCA", "virtualAccountName": "Budi"}},
}
HOURS = 5
"""In which everything that a worker asks a bank about has been asked."""


@dataclass
class Place:
    """Where both programs are."""

    folder: Path
    gateway_port: int
    bank_port: int

    @property
    def bank_url(self) -> str:
        return f"http://127.0.0.1:{self.bank_port}"

    @property
    def data(self) -> Path:
        return self.folder / "var"

    @contextmanager
    def bank(self) -> Generator[Program]:
        gateway = f"http://127.0.0.1:{self.gateway_port}"
        options = ("--data", str(self.folder / "bank"), "--port", str(self.bank_port), "--gateway", gateway)
        with program("bank", *options, "--payouts") as bank:
            bank.printed(r"is at (http://\S+)")
            yield bank

    @contextmanager
    def gateway(self) -> Generator[tuple[Program, httpx.Client]]:
        file = str(self.folder / "bank" / "connections.toml")
        options = ("--port", str(self.gateway_port), "--data", str(self.data))
        running = program("run", *options, GERBANG_CONNECTIONS=file)
        with running as gateway, client_of(gateway.url(), self.data) as client:
            yield gateway, client

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the bank's own ledger has."""
        with closing(sqlite3.connect(self.folder / "bank" / "bca" / "ledger.sqlite")) as ledger:
            return ledger.execute(query).fetchall()


def client_of(url: str, data: Path) -> httpx.Client:
    keys = keys_of(data)["v2"]
    headers = {"X-MERCHANT-ID": keys["merchantId"], "X-MERCHANT-SECRET": keys["merchantSecret"]}
    grant = {"grantType": "client_credentials"}
    answer = httpx.post(f"{url}/v1/access-token", headers=headers, json=grant, verify=TRUSTS_NOBODY, timeout=30)
    auth = Signed(answer.json()["data"]["accessToken"], keys_of(data)["v4"])
    return httpx.Client(base_url=url, auth=auth, timeout=30, verify=TRUSTS_NOBODY)


@dataclass
class Seen:
    """What the outside world saw."""

    fates: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    """What the bank said became of each visit, by number."""
    paid_out: set[str] = field(default_factory=set[str])
    """References of payouts that a merchant asked for."""
    done: int = 0
    """How much was done that could be done."""
    serial: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def live(self, client: httpx.Client, bank_url: str, rng: random.Random, stop: threading.Event) -> None:
        """Buys, pays at the bank and pays out, until somebody is gone."""
        with httpx.Client(base_url=bank_url, timeout=30, verify=TRUSTS_NOBODY) as bank, suppress(httpx.TransportError):
            while not stop.is_set():
                if rng.random() < 0.4:
                    self.pay_out(client, rng)
                else:
                    self.buy(client, bank)
                self.done += 1

    def after(self, count: int) -> None:
        """Waits until so much more was done."""
        aim, end = self.done + count, time.monotonic() + 30
        while self.done < aim:
            assert time.monotonic() < end, f"only {self.done} of {aim}"
            time.sleep(0.002)

    def buy(self, client: httpx.Client, bank: httpx.Client) -> None:
        made = client.post("/v2/payments", json=BCA | {"clientReferenceId": f"order-{next(self.serial)}"})
        if made.status_code != 200:
            return
        number = made.json()["data"]["chargeDetails"][0]["virtualAccount"]["virtualAccountNumber"]
        self.fates.setdefault(number, [])
        paid = bank.post("/control/pay", json={"number": number, "deadline_seconds": 2})
        self.fates[number].append(paid.json())

    def pay_out(self, client: httpx.Client, rng: random.Random) -> None:
        reference = f"payout-{next(self.serial)}"
        account = rng.choice(["0102030405", "9990000404", "9990000403", "5550001111"])
        bank = rng.choice(["BCA", "BRI"])
        self.paid_out.add(reference)
        client.post("/api/v4/disbursements", json=disbursement(reference, bank, account))


def disbursement(reference: str, bank: str, account: str) -> dict[str, Any]:
    method = {"type": "bank_transfer", "bankShortCode": bank, "bankAccountNo": account, "bankAccountHolderName": "Budi"}
    return {"data": {"attributes": {"amount": 50_000, "referenceId": reference, "disbursementMethod": method}}}


@contextmanager
def people(seen: Seen, client: httpx.Client, bank_url: str, rng: random.Random) -> Generator[None]:
    stop = threading.Event()
    with ThreadPoolExecutor(PEOPLE) as pool:
        lives = [pool.submit(seen.live, client, bank_url, random.Random(rng.random()), stop) for _ in range(PEOPLE)]
        try:
            yield
        finally:
            stop.set()
        for one in lives:
            one.result()


@pytest.fixture
def place(made: Path) -> Iterator[Place]:
    from tests.support.clusters import copied

    with short_folder(on_disk=True) as folder, held_ports(2) as ports:
        copied(made, folder / "var")
        yield Place(folder, *ports)


def test_money_and_transfers_are_once_however_often_the_gateway_and_the_bank_are_killed(place: Place) -> None:
    rng, seen = random.Random(SEED), Seen()
    for others in ROUNDS:
        with place.bank() as bank, place.gateway() as (gateway, client), people(seen, client, place.bank_url, rng):
            seen.after(rng.randint(8, 16))
            if "bank" in others:
                bank.process.kill()
                bank.ended()
            kill(gateway, *([postgres_of(place.data)] if "postgres" in others else []))
    with place.bank(), place.gateway() as (gateway, client):
        for _ in range(HOURS):
            assert client.post("/sandbox/clock/advance", json={"seconds": 3600}).status_code == 200
            if not asked(place.data, "SELECT count(*) FROM payouts WHERE state NOT IN ('completed', 'failed')"):
                break
        stored = read(place.data)
        payouts = payouts_of(place)
        assert client.get("/sandbox/ledger").json()["sum"] == "0.00"
        compare_payments(place, seen, stored.reports)
        compare_payouts(place, seen, payouts)
        assert gateway.stop() == 0


def compare_payments(place: Place, seen: Seen, reports: dict[str, tuple[str, str, int]]) -> None:
    """The bank's payments are keyed by the id that our reports have as their reference."""
    kept = dict(place.rows("SELECT other_key, state FROM records WHERE kind = 'payment'"))
    assert {outcome for _, outcome, _ in reports.values()} <= {"booked"}
    for request_id, money in kept.items():
        if money == "paid":
            assert request_id in reports, "the bank has money for us that is not booked"
    for fate in itertools.chain.from_iterable(seen.fates.values()):
        unanswered = any(each["status"] is None or each["status"] >= 500 for each in fate["exchanges"])
        if fate["money"] in ("reversed", "not taken") and not unanswered:
            assert fate["request_id"] not in reports, "money was booked and refused"
    assert sum(money == "paid" for money in kept.values()) > len(ROUNDS)


def payouts_of(place: Place) -> dict[str, tuple[str, str]]:
    """Our reference at the bank -> the merchant's, and the state."""
    kept = asked(place.data, "SELECT json_agg(json_build_array(id, reference, state)) FROM payouts") or "[]"
    return {id_.replace("-", ""): (reference, state) for id_, reference, state in json.loads(kept)}


def compare_payouts(place: Place, seen: Seen, payouts: dict[str, tuple[str, str]]) -> None:
    """Each payout was ordered once at most, and ended as the bank has it. What is not known to the bank stays to be seen."""
    assert {reference for reference, _ in payouts.values()} <= seen.paid_out
    at_the_bank = dict(place.rows("SELECT key, state FROM records WHERE kind = 'transfer'"))
    assert at_the_bank.keys() <= payouts.keys()
    for reference, (name, state) in payouts.items():
        if state == "completed":
            assert at_the_bank.get(reference) == "00", name
        elif state == "failed":
            assert at_the_bank.get(reference) in (None, "06"), name
        else:
            assert reference not in at_the_bank, f"{name} is {state}, and the bank has it"
    left = Counter(
        remark.split()[1]
        for (remark,) in place.rows("SELECT remark FROM movements WHERE amount < 0 AND remark LIKE 'TRSF %'")
    )
    assert set(left.values()) <= {1}, "a transfer was sent twice"
    assert sum(state == "00" for state in at_the_bank.values()) > len(ROUNDS)
