"""The gateway as people start it: a program of its own, with what it prints, its keys, and its end."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.memory import new_folder
from tests.support.plain_http import TRUSTS_NOBODY

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def short_folder(*, on_disk: bool = False) -> Generator[Path]:
    """A folder whose path is short, and which the account that PostgreSQL runs as can reach; gone afterwards."""
    folder = new_folder("gerbang-test-", on_disk=on_disk)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


class Program:
    """One `python -m gerbang …`. What it prints is collected while it runs."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        before: Sequence[str] = (),
        folder: Path = ROOT,
    ) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [*before, sys.executable, "-m", "gerbang", *arguments],
            cwd=folder,
            env={**clean_environment(), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.out, self.err = "", ""
        self._readers = [threading.Thread(target=read) for read in (self._read_out, self._read_err)]
        for reader in self._readers:
            reader.start()

    def _read_out(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.out += line

    def _read_err(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.err += line

    def printed(self, pattern: str, seconds: float = 60) -> str:
        """Waits until something is printed that matches, and gives its first group."""
        end = time.monotonic() + seconds
        while (found := re.search(pattern, self.out)) is None:
            assert self.process.poll() is None, f"it ended: {self.out}{self.err}"
            assert time.monotonic() < end, f"not printed: {pattern}\n{self.out}{self.err}"
            time.sleep(0.01)
        return found[1]

    def url(self) -> str:
        """The address that it prints, once it answers there."""
        url = self.printed(r"(http://127\.0\.0\.1:[0-9]+)\b")
        assert httpx.get(f"{url}/healthz", timeout=10, verify=TRUSTS_NOBODY).status_code == 200
        return url

    def ended(self, seconds: float = 30) -> int:
        """Waits for its end and gives its exit code."""
        code = self.process.wait(seconds)
        for reader in self._readers:
            reader.join()
        return code

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Asks it to stop and gives its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(by)
        return self.ended()


@contextmanager
def program(*arguments: str, **environment: str) -> Generator[Program]:
    """A program that is ended at the end, whatever happens."""
    with _ended(Program(arguments, environment)) as running:
        yield running


@contextmanager
def program_in(folder: Path, *arguments: str, **environment: str) -> Generator[Program]:
    """The same, of the package that lies in this folder."""
    with _ended(Program(arguments, environment, folder=folder)) as running:
        yield running


@contextmanager
def program_with_descriptors(soft: int, hard: int, /, *arguments: str, **environment: str) -> Generator[Program]:
    """The same, with so many file descriptors at first, and so many at most."""
    limited = ["bash", "-c", f'ulimit -Sn {soft} && ulimit -Hn {hard} && exec "$0" "$@"']
    with _ended(Program(arguments, environment, limited)) as running:
        yield running


@contextmanager
def _ended(running: Program) -> Generator[Program]:
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGTERM)
            try:
                running.process.wait(20)
            except subprocess.TimeoutExpired:
                running.process.kill()
        running.ended()
        for stream in (running.process.stdout, running.process.stderr):
            assert stream is not None
            stream.close()


def clean_environment() -> dict[str, str]:
    """The environment of whoever runs the tests, without settings of a gateway."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GERBANG_")}


def keys_of(data: Path) -> dict[str, Any]:
    """What a gateway wrote down for programs."""
    return json.loads((data / "sandbox.json").read_text())


def postgres_of(data: Path) -> int:
    """The process id of the embedded PostgreSQL that runs for a data folder."""
    home = data / json.loads((data / "postgres.json").read_text())["home"]
    return int((home / "cluster" / "postmaster.pid").read_text().split()[0])


def is_gone(pid: int, seconds: float = 2) -> bool:
    """Whether a process has ended, or ends within that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


class Caller:
    """A merchant's program at any gateway: it signs in with an id and a secret and speaks HTTP."""

    def __init__(self, url: str, merchant_id: str, secret: str) -> None:
        self.url = url
        self.merchant_id = merchant_id
        self._secret = secret

    def at(self, url: str) -> "Caller":
        """The same merchant at another address."""
        return Caller(url, self.merchant_id, self._secret)

    def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        """One request with a token of its own, or at the sandbox with the id and secret."""
        headers = {"X-MERCHANT-ID": self.merchant_id, "X-MERCHANT-SECRET": self._secret}
        if not path.startswith("/sandbox"):
            signed_in = httpx.post(
                f"{self.url}/v1/access-token",
                headers=headers,
                json={"grantType": "client_credentials"},
                timeout=10,
                verify=TRUSTS_NOBODY,
            )
            assert signed_in.status_code == 200, signed_in.text
            headers = {"Authorization": f"Bearer {signed_in.json()['data']['accessToken']}"}
        return httpx.request(method, self.url + path, headers=headers, json=body, timeout=30, verify=TRUSTS_NOBODY)

    def done(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """A request that must succeed; its answer."""
        answered = self.ask(method, path, body)
        assert answered.status_code == 200, answered.text
        return answered.json()

    def create(self, reference: str) -> dict[str, Any]:
        """A payment of Rp 20.000 into a virtual account."""
        body = {
            "clientReferenceId": reference,
            "amount": {"value": 20_000, "currency": "IDR"},
            "mode": "API",
            "paymentMethod": {"type": "VIRTUAL_ACCOUNT"},
            "paymentMethodOptions": {"virtualAccount": {"channel": "BRI", "virtualAccountName": "Budi"}},
        }
        return self.done("POST", "/v2/payments", body)["data"]

    def pay(self, payment: str) -> httpx.Response:
        return self.ask("POST", "/v2/payments/simulations", {"paymentSessionId": payment, "chargeStatus": "SUCCESS"})

    def status(self, payment: str) -> str:
        return self.done("GET", f"/v2/payments/{payment}")["data"]["status"]

    def received_events(self, count: int, seconds: float = 10) -> list[str]:
        """The callbacks in the inbox, oldest first, once there are that many."""
        end = time.monotonic() + seconds
        while len(items := self.done("GET", "/sandbox/inbox")["items"]) < count:
            assert time.monotonic() < end, items
            time.sleep(0.05)
        return [item["body"]["event"] for item in items[::-1]]


def typed(*arguments: str, **environment: str) -> dict[str, str]:
    """Runs a command that must succeed, and returns the names and values that it printed."""
    with program(*arguments, **environment) as command:
        assert command.ended() == 0, command.err
    lines = [line.partition("  ") for line in command.out.splitlines()]
    return {name.strip(): value.strip() for name, _, value in lines}
