"""`python -m benchmarks.page`: size, speed, memory, accessibility and policy of the payment page, against its limits."""

import argparse
import asyncio
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import aiohttp
from playwright.sync_api import sync_playwright

from benchmarks.gateways import SECRET_KEY, Gateway, serving
from gerbang import app
from gerbang.db.embedded import postgres
from gerbang.services import merchants
from gerbang.services.merchants import Keys
from gerbang.settings import Settings
from tests.web.checkout import browsers

PAYMENTS = 200
WAYS = ("virtual_account/BCA", "qris", "virtual_account/MANDIRI", "")
"""Every fourth payment has no method chosen yet."""


@dataclass(frozen=True)
class Figure:
    name: str
    value: float
    limit: float
    unit: str

    @property
    def holds(self) -> bool:
        return self.value <= self.limit

    def __str__(self) -> str:
        verdict = "ok" if self.holds else "TOO MUCH"
        return f"{self.name:<58} {self.value:>10,.1f} {self.unit:<6} (at most {self.limit:,.0f})  {verdict}"


@dataclass(frozen=True)
class Page:
    payment_id: str
    url: str
    way: str


def main() -> int:
    """Measures and prints; returns 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=200, help="requests a second")
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--streams", type=int, default=1000)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="gerbang-page-"))
    folder.chmod(0o711)
    try:
        with postgres(folder / "data", keep=False) as url:
            keys = asyncio.run(_merchant(url))
            with serving(url, folder / "serve.log") as gateway:
                figures = _measure(gateway, keys, options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write("\n".join(map(str, figures)) + "\n")
    return 0 if all(figure.holds for figure in figures) else 1


def _measure(gateway: Gateway, keys: Keys, options: argparse.Namespace) -> list[Figure]:
    token = gateway.token(keys)
    pages = [_page(gateway, token, number) for number in range(PAYMENTS)]
    figures = _weights(pages)
    # One core for the gateway, the others for the database and this program.
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(gateway.pid, {cores[-1]})
    if len(cores) > 1:
        os.sched_setaffinity(0, set(cores[:-1]))
    figures += asyncio.run(_speed(pages, options.rate, options.seconds))
    figures += asyncio.run(_streams(gateway, token, pages, options.streams))
    return figures + _browser(pages)


async def _merchant(url: str) -> Keys:
    settings = Settings(database_url=url, secret_key=SECRET_KEY)
    async with app.gateway(settings, base_url="http://127.0.0.1") as built:
        _, keys = await merchants.create(
            built.world, name="PT Toko Maju", short_name="Toko Maju", email="toko@example.id"
        )
    return keys


def _page(gateway: Gateway, token: str, number: int) -> Page:
    """A payment with a method chosen, or without."""
    body = {
        "clientReferenceId": f"page-{number}",
        "amount": {"value": 100_000 + number, "currency": "IDR"},
        "mode": "REDIRECT",
        "orderInformation": {
            "productDetails": [
                {
                    "type": "PHYSICAL",
                    "name": f"Barang {n}",
                    "quantity": n,
                    "price": {"value": 10_000, "currency": "IDR"},
                }
                for n in range(1, 6)
            ]
        },
        "customer": {"givenName": "Budi", "surname": "Santoso", "email": f"budi{number}@example.id"},
    }
    data = gateway.ask("POST", "/v2/payments", body, Authorization=f"Bearer {token}")["data"]
    page = Page(data["id"], data["paymentUrl"], WAYS[number % len(WAYS)])
    if page.way:
        found = re.search(r'name="form" value="(\w+)"', _text(page.url))
        assert found is not None
        fields = urllib.parse.urlencode({"form": found[1], "way": page.way}).encode()
        _text(page.url.replace("/detail?", "/detail/choose?"), fields)
    return page


def _text(url: str, fields: bytes | None = None) -> str:
    with urllib.request.urlopen(urllib.request.Request(url, fields)) as answer:
        return str(answer.read().decode())


def _weights(pages: list[Page]) -> list[Figure]:
    heaviest: dict[str, int] = {}
    for page in pages[:8]:
        size = len(_text(page.url).encode())
        heaviest[page.way] = max(size, heaviest.get(page.way, 0))
    return [Figure(f"bytes of the page: {way or 'choosing'}", size / 1000, 50, "kB") for way, size in heaviest.items()]


async def _speed(pages: list[Page], rate: int, seconds: int) -> list[Figure]:
    """Sends requests at a fixed rate, whether or not earlier ones are answered; latency counts from the planned
    instant.
    """
    took: list[float] = []
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def load(page: Page, due: float) -> None:
            async with session.get(page.url) as answer:
                await answer.read()
                assert answer.status == 200, answer.status
            took.append(time.perf_counter() - due)

        async def beat(count: int) -> None:
            start = time.perf_counter()
            async with asyncio.TaskGroup() as group:
                for number in range(count):
                    due = start + number / rate
                    await asyncio.sleep(max(0, due - time.perf_counter()))
                    group.create_task(load(pages[number % len(pages)], due))

        await beat(PAYMENTS * 2)  # every picture is drawn once, as at the first visit of its buyer
        took.clear()
        await beat(rate * seconds)
    took.sort()
    milliseconds = [each * 1000 for each in took]
    return [
        Figure(f"p50 of a page at {rate} requests a second, one core", statistics.median(milliseconds), 30, "ms"),
        Figure(f"p99 of a page at {rate} requests a second, one core", milliseconds[int(len(took) * 0.99)], 30, "ms"),
    ]


async def _streams(gateway: Gateway, token: str, pages: list[Page], count: int) -> list[Figure]:
    """The memory that open pages cost, and how soon they show a payment while all of them are open."""
    before = _memory(gateway.pid)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:
        changed: dict[str, asyncio.Event] = {page.payment_id: asyncio.Event() for page in pages}
        opened = asyncio.Semaphore(0)

        async def listen(page: Page) -> None:
            async with session.get(page.url.replace("/detail?", "/detail/events?")) as answer:
                assert answer.status == 200, answer.status
                opened.release()
                async for line in answer.content:
                    if line.startswith(b"data: paid"):
                        changed[page.payment_id].set()

        tasks: list[asyncio.Task[Any]] = []
        for number in range(count):
            tasks.append(asyncio.create_task(listen(pages[number % len(pages)])))
            if number % 50 == 49:
                await asyncio.sleep(0.05)
        for _ in range(count):
            await opened.acquire()
        await asyncio.sleep(5)
        cost = _memory(gateway.pid) - before
        late: list[float] = []
        for page in [page for page in pages if page.way][:20]:
            body = {"paymentSessionId": page.payment_id, "chargeStatus": "SUCCESS"}
            start = time.perf_counter()
            await asyncio.to_thread(
                gateway.ask, "POST", "/v2/payments/simulations", body, Authorization=f"Bearer {token}"
            )
            await changed[page.payment_id].wait()
            late.append((time.perf_counter() - start) * 1000)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [
        Figure(f"memory of {count:,} open pages", cost / 1_000_000, 60, "MB"),
        Figure(f"slowest status change of 20, with {count:,} pages open", max(late), 1000, "ms"),
    ]


def _memory(pid: int) -> int:
    """The private memory of a process, in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _browser(pages: list[Page]) -> list[Figure]:
    """The findings of axe-core and of the browser, in light and dark, on one page of each kind."""
    axe = (resources.files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
    violations, complaints, strangers = 0, 0, 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browsers.chromium(), args=browsers.ARGUMENTS)
        for scheme in ("light", "dark"):
            context = browser.new_context(color_scheme=scheme)
            messages: list[str] = []
            requested: list[str] = []
            context.on("console", lambda message, messages=messages: messages.append(message.text))
            context.on("request", lambda request, requested=requested: requested.append(request.url))
            tab = context.new_page()
            for page in [*pages[-4:], pages[0]]:
                tab.goto(page.url)
                tab.evaluate(axe)
                found = tab.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
                violations += len(found["violations"])
            ours = urllib.parse.urlsplit(pages[0].url).netloc
            strangers += sum(urllib.parse.urlsplit(url).netloc not in (ours, "") for url in requested)
            complaints += len(messages)
            context.close()
        browser.close()
    return [
        Figure("axe-core violations, light and dark", violations, 0, ""),
        Figure("complaints of the browser (policy, console)", complaints, 0, ""),
        Figure("requests to anybody else", strangers, 0, ""),
        Figure(
            "policies with unsafe-inline or unsafe-eval", sum("unsafe" in _policy(page) for page in pages[:4]), 0, ""
        ),
    ]


def _policy(page: Page) -> str:
    with urllib.request.urlopen(page.url) as answer:
        return str(answer.headers["content-security-policy"])


if __name__ == "__main__":
    sys.exit(main())
