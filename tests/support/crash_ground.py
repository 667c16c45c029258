"""A gateway and a bank as programs with a wire between them, of which either is killed between two chosen steps."""

import json
import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import httpx

from gerbang.bank_simulator.ledger import stored
from gerbang.domain.deliveries import ON_ITS_WAY_MAX
from tests.support.clusters import until
from tests.support.commit_stops import BankCommits, GatewayCommits
from tests.support.nursery import Nursery, killed, nursery
from tests.support.plain_http import TRUSTS_NOBODY
from tests.support.ports import held_ports
from tests.support.programs import is_gone, keys_of
from tests.support.wires import Moment, Side, Wire, wired

WAYS = """\
settings.ways.bi_fast = { maximum = 100000 }
settings.ways.skn = { windows = [] }
settings.ways.switcher = { offered = false }
"""
"""More than Rp 100.000 goes by SKN, which comes back with a word of the bank's (75), at any hour."""
STARTS_SECONDS_MAX = 30.0
ENDS_SECONDS_MAX = 20.0
LATER = "SETORAN TUNAI"


@dataclass(frozen=True)
class Point:
    """Where one side is killed: at a message (`asked`, `answered`), or before a commit of its own, which is `kept` or `lost`."""

    victim: Side
    number: int
    """Of the message or of the commit, from 1."""
    when: Moment | Literal["kept", "lost"]
    what: str = ""
    """The message in words."""

    @property
    def is_message(self) -> bool:
        return self.when in ("asked", "answered")


@dataclass
class Ground:
    """Both programs, what lies between them, and both databases."""

    folder: Path
    url: str
    """Of the gateway's database, which is killed with nobody."""
    nurse: Nursery
    wire: Wire
    gateway_port: int
    bank_port: int
    to_gateway: int
    to_bank: int
    more: tuple[str, str]
    """Further connections, and routes to them."""
    pids: dict[Side, int] = field(default_factory=dict[Side, int])

    def __post_init__(self) -> None:
        self.start("bank")
        self.start("gateway")
        self.gateway = GatewayCommits(self.url)
        self.bank = BankCommits(self.folder / "bank" / "bca" / "ledger.sqlite")
        keys = keys_of(self.data)["v4"]
        self.shop = httpx.Client(
            base_url=f"http://127.0.0.1:{self.gateway_port}",
            auth=(keys["apiKey"], keys["secretKey"]),
            timeout=30,
            verify=TRUSTS_NOBODY,
        )
        self.counter = httpx.Client(base_url=f"http://127.0.0.1:{self.bank_port}", timeout=30, verify=TRUSTS_NOBODY)

    @property
    def data(self) -> Path:
        return self.folder / "var"

    @property
    def connections(self) -> Path:
        """The bank's own file, by which the gateway reaches the bank through the wire."""
        written = (self.folder / "bank" / "connections.toml").read_text("utf-8")
        written = written.replace(f":{self.bank_port}", f":{self.to_bank}")
        written = written.replace('provider = "snap"\n', f'provider = "snap"\n{WAYS}', 1)
        head, routes, rest = written.partition("[[routes]]")
        file = self.folder / "bank" / "wired.toml"
        file.write_text(head + self.more[0] + self.more[1] + routes + rest, "utf-8")
        return file

    @property
    def settings(self) -> dict[str, str]:
        """The environment of the gateway's programs."""
        data = {"GERBANG_DATA": str(self.data), "GERBANG_DATABASE_URL": self.url}
        return data | {"GERBANG_CONNECTIONS": str(self.connections)}

    def start(self, side: Side) -> None:
        """Starts one side, and waits until it answers."""
        if side == "bank":
            arguments = ["bank", "--data", f"{self.folder}/bank", "--port", f"{self.bank_port}", "--payouts"]
            arguments += ["--gateway", f"http://127.0.0.1:{self.to_gateway}"]
            environment, port = {}, self.bank_port
        else:
            arguments = ["run", "--port", f"{self.gateway_port}", "--data", f"{self.data}"]
            environment, port = self.settings, self.gateway_port
        self.pids[side] = pid = self.nurse.start(arguments, environment, self.folder / f"{side}.log")
        end = time.monotonic() + STARTS_SECONDS_MAX
        while not _answers(port):
            assert not is_gone(pid, 0.01), (self.folder / f"{side}.log").read_text()
            assert time.monotonic() < end, f"the {side} does not start"

    def has_a_token(self) -> None:
        """The gateway has asked the bank for something just now."""
        asked = {"bankShortCode": "BCA", "accountNo": "0102030405"}
        path = "/api/v4/validation_services/bank_account_validation"
        assert self.ask("POST", path, {"data": {"attributes": asked}}) is not None

    def restart_bank(self) -> None:
        """It forgets its tokens and its faults."""
        killed(self.pids["bank"])
        self.start("bank")

    def arm(self, point: Point | None) -> None:
        """From now on messages and commits are counted, and that one is held."""
        at = None if point is None else point.number
        is_message = point is not None and point.is_message
        self.wire.arm((point.number, point.when) if point and (point.when in ("asked", "answered")) else None)
        self.gateway.arm(at if point and not is_message and point.victim == "gateway" else None)
        self.bank.arm(at if point and not is_message and point.victim == "bank" else None)

    @property
    def held(self) -> bool:
        """Whether something stands at the point."""
        return self.wire.held.is_set() or self.gateway.held or self.bank.held

    def kill(self, point: Point) -> None:
        """Kills who stands there, and starts it again."""
        killed(self.pids[point.victim])
        if point.victim == "gateway":
            self.gateway.after_the_kill(kept=point.when != "lost")
            # What was on its way is so for longer than any sending takes, without a wait for it.
            self.gateway.rows(
                f"UPDATE deliveries SET in_hand_since = in_hand_since - '{ON_ITS_WAY_MAX.total_seconds()} s'::interval"
            )
        self.bank.arm(None)
        self.start(point.victim)
        if point.is_message:
            caller = self.wire.seen[point.number - 1].caller
            # What was said stays said: it arrives. An answer of who is gone is lost, and so is what a gateway says to nobody.
            arrives = point.when == "asked" and caller in {point.victim, "bank"}
            self.wire.let_go(on=arrives)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """What the gateway answers to its merchant; None where it does not."""
        with suppress(httpx.TransportError):
            answered = self.shop.request(method, path, json=body)
            return answered.json() if answered.status_code < 500 else None
        return None

    def session(self, method: str, path: str, body: object, *, key: str) -> Any:
        """The data of an answer of the payment-session API to a request with an idempotency key; None where there is none."""
        keys = keys_of(self.data)["v2"]
        names = {"X-MERCHANT-ID": keys["merchantId"], "X-MERCHANT-SECRET": keys["merchantSecret"]}
        try:
            signed_in = self.shop.post("/v1/access-token", json={"grantType": "client_credentials"}, headers=names)
            token = signed_in.json()["data"]["accessToken"]
            headers = {"Authorization": f"Bearer {token}", "X-REQUEST-ID": key}
            return self.shop.request(method, path, json=body, headers=headers, auth=None).json()["data"]
        except (httpx.TransportError, ValueError):
            return None

    def control(self, path: str, body: object, method: str = "POST") -> Any:
        """What the bank's control says; None where it does not."""
        with suppress(httpx.TransportError):
            return self.counter.request(method, f"/control/{path}", json=body).json()
        return None

    def advance(self, seconds: int) -> None:
        """Moves the sandbox's clock."""
        self.ask("POST", "/sandbox/clock/advance", {"seconds": seconds})

    def plan(self, **faults: str) -> None:
        """A fault and the service that it happens to, once."""
        planned = {name: {"rate": 1, "times": 1, "services": [service]} for name, service in faults.items()}
        assert self.control("faults", {"faults": planned}, "PUT") is not None

    def book_later(self, seconds: float) -> None:
        """Something is booked on the account, by the bank's clock so much later than now."""
        assert self.control("move", {"amount": "1000.00", "remark": LATER}) is not None
        at = stored(datetime.now(UTC) + timedelta(seconds=seconds))
        self.bank.rows("UPDATE movements SET at = ? WHERE id > (SELECT max(id) - 2 FROM movements)", at)

    def bank_has_ended_its_payments(self) -> None:
        """Waits until the bank knows of every payment how it ended."""
        until(lambda: not self.bank.rows("SELECT 1 FROM records WHERE state = 'asked'"), "its payments end")

    def until_quiet(self) -> None:
        """Waits until every callback was delivered."""
        until(self.quiet, "every callback is delivered")

    def quiet(self) -> bool:
        """Whether every callback was delivered."""
        return not self.gateway.rows("SELECT 1 FROM deliveries WHERE state <> 'delivered' LIMIT 1")

    def unknown(self) -> set[str]:
        """The ids of the payouts that `gerbang payouts list --unknown` shows."""
        listed = json.loads(self.command("payouts", "list", "--unknown", "--json"))
        return {each["id"].removeprefix("contract_").replace("-", "") for each in listed}

    def command(self, *arguments: str) -> str:
        """What a command of the gateway's prints."""
        log = self.folder / "command.log"
        log.unlink(missing_ok=True)
        pid = self.nurse.start(arguments, self.settings, log)
        assert is_gone(pid, ENDS_SECONDS_MAX), "it does not end"
        return log.read_text("utf-8")

    def close(self) -> None:
        self.shop.close()
        self.counter.close()
        self.gateway.close()
        killed(self.pids["bank"])
        killed(self.pids["gateway"])


def _answers(port: int) -> bool:
    """Whether a program answers HTTP there."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as there:
        there.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return there.recv(4).startswith(b"HTTP")
    time.sleep(0.005)
    return False


@contextmanager
def ground(folder: Path, url: str, more: tuple[str, str]) -> Generator[Ground]:
    """Both programs on an empty folder and an empty database."""
    with (
        held_ports(2) as (gateway_port, bank_port),
        nursery() as nurse,
        wired(gateway_port, bank_port) as (wire, to_gateway, to_bank),
    ):
        made = Ground(folder, url, nurse, wire, gateway_port, bank_port, to_gateway, to_bank, more)
        try:
            yield made
        finally:
            made.close()


def in_background(work: Any) -> threading.Thread:
    """A thread that does it."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread
