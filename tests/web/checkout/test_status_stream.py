"""Changes reach an open page by server-sent events within a second, also from another process, within limits."""

import asyncio
import http.client
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from structlog.testing import capture_logs

from gerbang import app
from gerbang.web.checkout.status_stream import Watcher
from tests.support.gateways import Gateway, Shop
from tests.support.plain_http import TRUSTS_NOBODY
from tests.web.checkout.buyers import send
from tests.web.checkout.test_trust import form_of

EVENTS = "/detail/events?"


def awaiting(shop: Shop, way: str = "virtual_account/BRI") -> dict[str, str]:
    """A payment whose buyer has chosen a method."""
    session = send(shop)
    path = session["paymentUrl"].replace("/detail?", "/detail/choose?")
    shop.client.post(path, data={"form": form_of(shop.client.get(session["paymentUrl"]).text), "way": way})
    return session


class Listener:
    """Reads an event stream in a thread: the versions sent, and when."""

    def __init__(self, url: str) -> None:
        self.versions: list[tuple[float, str]] = []
        self._changed = threading.Condition()
        self._client = httpx.Client(timeout=httpx.Timeout(5, read=60), verify=TRUSTS_NOBODY)
        self._thread = threading.Thread(target=self._listen, args=(url,), daemon=True)
        self._thread.start()

    def _listen(self, url: str) -> None:
        try:
            with self._client, self._client.stream("GET", url) as stream:
                self.headers = stream.headers
                for line in stream.iter_lines():
                    if line.startswith("data: "):
                        with self._changed:
                            self.versions.append((time.perf_counter(), line.removeprefix("data: ")))
                            self._changed.notify_all()
        except httpx.HTTPError:
            pass

    def close(self) -> None:
        self._client.close()

    def waits_for(self, state: str, seconds: float = 20) -> float:
        """When the stream first sent a version of this state."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: any(version.startswith(state) for _, version in self.versions), seconds
            ), self.versions
        return next(at for at, version in self.versions if version.startswith(state))


def test_a_stream_sends_the_present_version_and_then_only_changes(shop: Shop) -> None:
    session = awaiting(shop)
    listener = Listener(session["paymentUrl"].replace("/detail?", EVENTS))
    listener.waits_for("awaiting")
    assert listener.headers["content-type"] == "text/event-stream"
    assert listener.headers["cache-control"] == "no-store"
    time.sleep(1.2)
    assert len(listener.versions) == 1
    shop.simulate(session["id"])
    listener.waits_for("paid")
    assert [version.partition("-")[0] for _, version in listener.versions] == ["awaiting", "paid"]


def test_a_head_request_for_the_stream_leaves_the_connection_usable(shop: Shop) -> None:
    """A proxy reuses connections: a stream that does not end would block the next request for minutes."""
    url = urlsplit(awaiting(shop)["paymentUrl"].replace("/detail?", EVENTS))
    connection = http.client.HTTPConnection(url.netloc, timeout=5)
    connection.request("HEAD", f"{url.path}?{url.query}")
    with connection.getresponse() as answer:
        assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream")
    connection.request("GET", "/livez")
    with connection.getresponse() as answer:
        assert (answer.status, answer.read()) == (200, b'{"status":"ok"}')
    connection.close()


def test_the_stream_and_the_page_agree_on_the_version(shop: Shop) -> None:
    session = awaiting(shop)
    for step in range(3):
        if step:
            shop.post("/sandbox/bank/reports", {"paymentId": session["id"], "amount": 7})
        page = shop.client.get(session["paymentUrl"]).text
        status = shop.client.get(session["paymentUrl"].replace("/detail?", "/detail/status?")).json()
        assert f'data-version="{status["version"]}"' in page
        assert status["version"].endswith(f"-{step}")
        assert status["state"] == "awaiting"


@contextmanager
def another_process(site: Gateway) -> Generator[str]:
    """`gerbang serve` on the same database; yields its URL."""
    environment = os.environ | {
        "GERBANG_DATABASE_URL": str(site.settings.database_url),
        "GERBANG_SECRET_KEY": app.secret_key(site.settings),
        "GERBANG_PORT": "0",
    }
    command = [sys.executable, "-m", "gerbang", "serve"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=Path.cwd()) as process:
        try:
            assert process.stdout is not None
            lines = (re.search(r"http://[\d.]+:\d+", line) for line in process.stdout)
            yield next(found[0] for found in lines if found)
        finally:
            process.terminate()


def test_a_stream_of_another_process_sends_a_payment_within_a_second(site: Gateway, shop: Shop) -> None:
    with another_process(site) as elsewhere:
        late: list[float] = []
        for _ in range(5):
            session = awaiting(shop)
            listener = Listener(session["paymentUrl"].replace(site.base_url, elsewhere).replace("/detail?", EVENTS))
            listener.waits_for("awaiting")
            started = time.perf_counter()  # a little before the booking
            shop.simulate(session["id"])
            late.append(listener.waits_for("paid") - started)
    assert statistics.median(late) < 1, late  # the machine may be busy with something else, but not most of the time


def test_a_stream_sends_an_expiry_before_a_worker_has_recorded_it(gateway: Gateway) -> None:
    shop = gateway.shop
    session = awaiting(shop)
    listener = Listener(session["paymentUrl"].replace("/detail?", EVENTS))
    listener.waits_for("awaiting")
    shop.advance(seconds=15 * 60)
    listener.waits_for("expired")


def test_one_payment_cannot_fill_the_process_with_streams(shop: Shop) -> None:
    session = awaiting(shop)
    url = session["paymentUrl"].replace("/detail?", EVENTS)
    listeners = [Listener(url) for _ in range(20)]
    for listener in listeners:
        listener.waits_for("awaiting")
    answered = httpx.get(url, verify=TRUSTS_NOBODY)
    assert answered.status_code == 503
    assert shop.client.get(session["paymentUrl"].replace("/detail?", "/detail/status?")).status_code == 200
    for listener in listeners:
        listener.close()


def test_a_process_limits_its_open_streams_and_logs_a_warning() -> None:
    async def unchanged(_: Sequence[UUID]) -> Mapping[UUID, str]:
        return {}

    async def story() -> list[bool]:
        watcher = Watcher(unchanged, most=2)
        pages = [(payment, watcher.enter(payment, "1")) for payment in (uuid4() for _ in range(4))]
        for payment, stream in pages:
            if stream is not None:
                watcher.leave(payment, stream)
        return [stream is not None for _, stream in pages]

    # In another thread: Playwright's event loop runs in this one.
    with capture_logs() as logged, ThreadPoolExecutor(1) as thread:
        assert thread.submit(lambda: asyncio.run(story())).result() == [True, True, False, False]
    assert [(line["log_level"], line["most"]) for line in logged] == [("warning", 2)]


@pytest.mark.parametrize("seconds", [0.6])
def test_a_closed_stream_frees_its_place(shop: Shop, seconds: float) -> None:
    session = awaiting(shop)
    url = session["paymentUrl"].replace("/detail?", EVENTS)
    for _ in range(25):  # more than one payment may have at once
        with httpx.stream("GET", url, verify=TRUSTS_NOBODY) as stream:
            assert stream.status_code in (200, 429)
            if stream.status_code == 200:
                next(stream.iter_lines())
        time.sleep(0.02)
    time.sleep(seconds)
    listener = Listener(url)
    listener.waits_for("awaiting")
