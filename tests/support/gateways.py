"""A gateway to test against: the whole gateway in a thread of its own, on a real database, answering over a socket."""

import asyncio
import itertools
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

import asyncpg
import httpx
import uvloop

from gerbang import app, listening
from gerbang.db import Database, migrate
from gerbang.domain.merchants import Agreement, Merchant
from gerbang.http_connections import PATIENCE, Patience
from gerbang.services import merchants, sandbox_merchant
from gerbang.settings import Settings
from tests.support.plain_http import TRUSTS_NOBODY

T = TypeVar("T")
DOCUMENTS_DAY = datetime(2025, 3, 30, 5, 48, 17, tzinfo=UTC)
"""The day on which the vendor's documents were written; their printed expiries lie ahead of it."""
LIVE_KEY = "a key of the tests, 32 characters"
_serial = itertools.count(1)


class Databases:
    """Makes empty databases on one server, each a copy of a migrated one."""

    def __init__(self, server_url: str, *, in_memory: bool = False) -> None:
        self._server_url = server_url
        # In memory, files are copied in no time; on a disk, a checkpoint before and after takes longer than a log of pages.
        self._strategy = "FILE_COPY" if in_memory else "WAL_LOG"
        self._template = ""
        # Tests that pull the plug start a server of their own; this one need not wait for the disk.
        self._execute("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")

    def fresh(self) -> str:
        """The URL of a new database with all tables and no rows."""
        if not self._template:
            self._template = f"gerbang_template_{next(_serial)}"
            self._execute(f"CREATE DATABASE {self._template}")
            _aside(partial(_migrated, self._url(self._template)))
        name = f"gerbang_test_{next(_serial)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {self._template} STRATEGY {self._strategy}")
        return self._url(name)

    def _url(self, name: str) -> str:
        head, _, query = self._server_url.partition("?")
        return f"{head.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")

    def _execute(self, *statements: str) -> None:
        async def run() -> None:
            connection = await asyncpg.connect(self._server_url)
            for statement in statements:
                await connection.execute(statement)
            await connection.close()

        _aside(run)


def _aside(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs it on a loop in a thread of its own: this thread may have a loop, a test's or that of a browser's library."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(work())).result()


async def _migrated(url: str) -> None:
    """Makes the tables in a database that is nobody's installation yet."""
    database = Database(url, 1)
    await database.open()
    await migrate(database)
    await database.close()


class Gateway(AbstractContextManager["Gateway"]):
    """`gerbang run` inside this process: HTTP on a free port, workers, the sandbox merchant with its inbox.

    A live one has no sandbox merchant, no bank to pay out by, and the machine's own clock.
    """

    def __init__(
        self,
        database_url: str,
        data: Path,
        *,
        clock: datetime | None = DOCUMENTS_DAY,
        work: bool = True,
        live: bool = False,
        patience: Patience = PATIENCE,
        public_url: str | None = None,
        connections: Path | None = None,
    ) -> None:
        self.settings = Settings(
            database_url=database_url, data=data, port=0, public_url=public_url, connections=connections
        )
        if live:
            self.settings = replace(self.settings, mode="live", secret_key=LIVE_KEY, public_url="https://pay.example")
        self._clock = clock
        self._work = work
        self._patience = patience
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._live_to_its_end, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(30), "the gateway did not start within 30 s"
        if self._failure is not None:
            raise self._failure
        self.client = httpx.Client(base_url=self.base_url, timeout=30, verify=TRUSTS_NOBODY)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)
        assert not self._thread.is_alive(), "the gateway did not stop within 20 s"

    def _live_to_its_end(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # the loop that `gerbang run` has
            runner.run(self._live())

    async def _live(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        try:
            self.settings.data.mkdir(parents=True, exist_ok=True)
            app.secret_key(self.settings, make=True)
            listener = listening.listen(self.settings)
            self.base_url = listening.base_url(replace(self.settings, public_url=None), listener.port)
            address = listening.base_url(self.settings, listener.port)
            async with app.gateway(self.settings, base_url=address, clock_start=self._clock) as self.services:
                if not self.services.world.live:
                    self.sandbox = await sandbox_merchant.ready(self.services.world, self.base_url, None)
                self._started.set()
                jobs = [self.services.serve(listener, self._patience)]
                if self._work:
                    jobs.append(self.services.workers.run())
                await listening.until_stopped(jobs, self._stop)
        except BaseException as failure:
            self._failure = failure
            self._started.set()
            raise

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine inside the gateway."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    @property
    def shop(self) -> "Shop":
        """The sandbox merchant, as the documents' examples know it."""
        keys, v4 = self.sandbox.v2, self.sandbox.v4
        return Shop(self, UUID(keys.merchant_id), keys.merchant_secret, (v4.api_key, v4.secret_key))

    def new_shop(self, *, short_name: str = "TOKO BARU", agreement: Agreement | None = None) -> "Shop":
        """Another merchant, with its callbacks going to the inbox."""
        world = self.services.world

        async def made() -> tuple[Merchant, merchants.Keys]:
            merchant, keys = await merchants.create(
                world, name="Toko Baru", short_name=short_name, email="baru@toko.example", agreement=agreement
            )
            if not world.live:
                inbox = f"{self.base_url}/sandbox/inbox/{merchant.id}"
                await merchants.set_callbacks(world, merchant.id, dict.fromkeys(world.products, inbox))
            return merchant, keys

        merchant, keys = self.do(made())
        return Shop(self, merchant.id, keys.v2_secret, (keys.v4_key, keys.v4_secret))

    def rows(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        """What the database holds, asked directly."""

        async def ask() -> list[dict[str, Any]]:
            async with self.services.world.db.reading() as connection:
                return [dict(row) for row in await connection.fetch(query, *arguments)]

        return self.do(ask())


class Shop:
    """A merchant's own program: it signs in, calls the API over HTTP and reads its inbox."""

    def __init__(self, gateway: Gateway, merchant_id: UUID, secret: str, v4_keys: tuple[str, str] = ("", "")) -> None:
        self.gateway = gateway
        self.merchant_id = merchant_id
        self.secret = secret
        self.v4_keys = v4_keys
        self.client = gateway.client
        self._token = ""
        self._token_until = datetime.min.replace(tzinfo=UTC)

    @property
    def token(self) -> str:
        now = self.gateway.services.world.clock.now()
        if now >= self._token_until:
            headers = {"X-MERCHANT-ID": str(self.merchant_id), "X-MERCHANT-SECRET": self.secret}
            answered = self.client.post("/v1/access-token", json={"grantType": "client_credentials"}, headers=headers)
            assert answered.status_code == 200, answered.text
            self._token = answered.json()["data"]["accessToken"]
            self._token_until = now + timedelta(seconds=800)
        return self._token

    def call(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        """One request with the merchant's token; `body` is sent as JSON, bytes as they are."""
        sent: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {} if body is None else {"json": body}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, bytes):
            named.setdefault("Content-Type", "application/json")
        return self.client.request(method, path, headers={"Authorization": f"Bearer {self.token}", **named}, **sent)

    def post(self, path: str, body: object = None, **headers: str) -> dict[str, Any]:
        """A POST that must succeed; its answer."""
        answered = self.call("POST", path, body, **headers)
        assert answered.status_code == 200, answered.text
        return answered.json()

    def get(self, path: str) -> dict[str, Any]:
        """A GET that must succeed; its answer."""
        answered = self.call("GET", path)
        assert answered.status_code == 200, answered.text
        return answered.json()

    def create(self, **changes: object) -> dict[str, Any]:
        """A new payment: a virtual account of BRI over Rp 20.000 in API mode, unless said otherwise; the session."""
        body: dict[str, object] = {
            "clientReferenceId": f"order-{next(_serial)}",
            "amount": {"value": 20000, "currency": "IDR"},
            "mode": "API",
            "paymentMethod": {"type": "VIRTUAL_ACCOUNT"},
            "paymentMethodOptions": {"virtualAccount": {"channel": "BRI", "virtualAccountName": "Budi"}},
        } | changes
        return self.post("/v2/payments", {name: value for name, value in body.items() if value is not None})["data"]

    def simulate(self, payment_id: str, status: str = "SUCCESS", **more: object) -> str:
        """The simulator bank pays; "true" or "false" for whether that changed the payment."""
        body = {"paymentSessionId": payment_id, "chargeStatus": status, **more}
        return self.post("/v2/payments/simulations", body)["data"]["updated"]

    def advance(self, **how: object) -> dict[str, Any]:
        """Moves the clock: seconds=… or to=…."""
        return self.post("/sandbox/clock/advance", how)

    def inbox(self) -> list[dict[str, Any]]:
        """What the inbox holds once everything that is due has been sent, in the order of the events.

        Callbacks are sent side by side, so two of one moment may arrive in any order; their sequence is what counts.
        """
        self.advance(seconds=0)
        items = self.get("/sandbox/inbox?limit=500")["items"][::-1]
        return sorted(items, key=lambda item: int(item["headers"].get("x-gerbang-sequence", "0")))

    def received_events(self) -> list[str]:
        """The names of the callbacks in the inbox, oldest first."""
        return [item["body"]["event"] for item in self.inbox()]


class V4Shop:
    """The same merchant's program in the words of the one-time-payment API: HTTP Basic, documents in and out."""

    def __init__(self, shop: Shop) -> None:
        self.gateway = shop.gateway
        self.merchant_id = shop.merchant_id
        self.keys = shop.v4_keys
        self.client = shop.client
        self.v2 = shop
        """The merchant as the other dialect and the sandbox know it."""

    def call(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        """One request with the merchant's keys; `body` is sent as JSON, bytes as they are."""
        sent: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {} if body is None else {"json": body}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            named.setdefault("Content-Type", "application/vnd.api+json")
        return self.client.request(method, path, auth=self.keys, headers=named, **sent)

    def post(self, path: str, **attributes: object) -> dict[str, Any]:
        """A POST below /api/v4 that must succeed; the data of its answer."""
        answered = self.call("POST", f"/api/v4/{path}", {"data": {"attributes": attributes}})
        assert answered.is_success, answered.text
        return answered.json()["data"]

    def get(self, path: str) -> Any:
        """A GET below /api/v4 that must succeed; the data of its answer."""
        answered = self.call("GET", f"/api/v4/{path}")
        assert answered.status_code == 200, answered.text
        return answered.json()["data"]

    def create(self, type_: str = "virtual_bank_account", **changes: object) -> dict[str, Any]:
        """A new one-time payment over Rp 20.000, at BCA unless said otherwise."""
        options: dict[str, dict[str, object]] = {
            "virtual_bank_account": {"bankShortCode": "BCA", "displayName": "Budi"},
            "retail_outlet": {"retailOutletName": "ALFAMART", "displayName": "Budi"},
            "qris": {"displayName": "Budi"},
            "e-wallet": {"providerCode": "SHOPEEPAY", "afterSettlementReturnUrl": "https://shop.example/return"},
        }
        asked: dict[str, object] = {
            "paymentMethodType": type_,
            "amount": 20_000,
            "referenceId": f"order-{next(_serial)}",
            "paymentMethodOptions": options[type_],
        } | changes
        return self.post("payments", **{name: value for name, value in asked.items() if value is not ...})

    def do(self, data: dict[str, Any], action: str) -> dict[str, Any]:
        """A task on a payment, a link or a disbursement."""
        folder = {"payment": "payments", "payment_links": "payment_links", "disbursement": "disbursements"}
        return self.post(f"{folder[data['type']]}/{data['id']}/tasks", action=action)

    def advance(self, **how: object) -> dict[str, Any]:
        """Moves the clock: seconds=… or to=…."""
        return self.v2.advance(**how)

    def inbox(self) -> list[dict[str, Any]]:
        """What the inbox holds once everything that is due has been sent, in the order of the events."""
        return self.v2.inbox()
