"""Builds the parts of a gateway, connects them and runs them: `gerbang run`, `serve` and `work`.

Only gerbang.cli and gerbang.administration import it.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import uvloop
from starlette.applications import Starlette

from gerbang import api, channels, connections_file, descriptors, ids
from gerbang.api import Context, Dialect
from gerbang.clock import Clock, MovableClock, SystemClock
from gerbang.connections import providers
from gerbang.db import Database, migrate
from gerbang.db.embedded import Postgres, watched_postgres
from gerbang.db.paycodes import NumberAllocator
from gerbang.db.sandbox import CLOCK_CHANNEL
from gerbang.domain import calendars
from gerbang.domain.calendars import BankCalendar
from gerbang.domain.deliveries import CallbackFormat
from gerbang.errors import Unavailable
from gerbang.folders import data_folder, write_private
from gerbang.http_connections import PATIENCE, Patience
from gerbang.keyring import Keyring
from gerbang.listening import Listener, base_url, ignore_signals, listen, serve_http, stop_on_signals, until_stopped
from gerbang.logs import set_up as set_up_logs
from gerbang.network import Network
from gerbang.output import never_wait
from gerbang.partners import Partners, calls_at_once
from gerbang.processes import together
from gerbang.router import Router
from gerbang.services import installation, merchants, sandbox, sandbox_merchant
from gerbang.services.batches import Batches
from gerbang.services.sandbox_merchant import Sandbox
from gerbang.settings import Settings, SettingsWrong
from gerbang.vault import Vault
from gerbang.web.health import Health
from gerbang.workers import Workers
from gerbang.workers.deliveries import AT_ONCE_MAX
from gerbang.world import AnswerFormat, World

SECRET_KEY_LENGTH_MIN = 32
WARNINGS_MAX = 20
FOLLOWING_ENDS_SECONDS_MAX = 3.0
"""How long closing waits for the task that follows the shared clock."""
INSTANT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Gateway:
    """All parts of one process."""

    world: World
    batches: Batches
    workers: Workers
    router: Router

    async def serve(self, listener: Listener, patience: Patience = PATIENCE) -> None:
        """Answers HTTP until cancelled."""
        await serve_http(self.router, listener, patience, self.router.refusal, self.router.when_stopping)


@asynccontextmanager
async def gateway(
    settings: Settings,
    *,
    base_url: str,
    clock_start: datetime | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> AsyncGenerator[Gateway]:
    """Opens a gateway on the settings' database and closes it at the end. Raises SettingsWrong.

    `clock_start` sets the sandbox's clock. `say` is called with a sentence on the result if the clock was set before.
    """
    assert settings.database_url is not None, "a database was chosen"
    live = settings.mode == "live"
    connections = connections_file.read(settings).connections
    keyring = Keyring(secret_key(settings))
    vault = Vault(keyring.card_key)
    dialects = [dialect for dialect in api.found() if not (live and dialect.sandbox_only)]
    clock = SystemClock() if live else MovableClock()
    database = Database(settings.database_url, settings.database_connections)
    ports = frozenset(settings.callback_ports.split(",")) if live else None
    network = Network(allow_private=not live, ports=ports, connections_max=AT_ONCE_MAX)
    # Of their own, so that neither shops nor other banks that hang take a bank's places: money would wait for one, and be unknown.
    to_partners = Network(allow_private=not live, ports=ports, connections_max=calls_at_once(connections))
    world = World(
        db=database,
        clock=clock,
        network=network,
        keyring=keyring,
        vault=vault,
        channels=channels.found(),
        partners=Partners(connections, providers(), to_partners, token_key=keyring.partner_key, public_url=base_url),
        products=_callback_formats(dialects, base_url, keyring),
        answer_formats=_answer_formats(dialects, base_url, keyring, vault),
        allocator=NumberAllocator(),
        calendar=_calendar(settings),
        live=live,
    )
    following: asyncio.Task[None] | None = None
    stop = asyncio.Event()
    try:
        await database.open()
        await migrate(database, then=lambda tx: installation.recognise(tx, settings.mode, keyring))
        database.recognise = lambda tx: installation.demand_the_same(tx, settings.mode, keyring)
        if isinstance(clock, MovableClock):
            await _set_clock(world, clock, clock_start, say)
            following = asyncio.create_task(_follow(world, clock, stop))
        batches = Batches(world, size_max=settings.batch_size_max, lanes=settings.batch_lanes)
        workers = Workers(world, batches)
        context = Context(world=world, batches=batches, advance=workers.advance, base_url=base_url, when_stopping=[])
        yield Gateway(world, batches, workers, Router(world, dialects, context, settings.proxies))
    finally:
        if following is not None:
            stop.set()
            await asyncio.wait([following], timeout=FOLLOWING_ENDS_SECONDS_MAX)
            following.cancel()
        await network.aclose()
        await to_partners.aclose()
        await database.close()


def _calendar(settings: Settings) -> BankCalendar:
    try:
        return calendars.parse(settings.bank_holidays)
    except ValueError as wrong:
        raise SettingsWrong(f"GERBANG_BANK_HOLIDAYS: {wrong}") from None


def _callback_formats(dialects: list[Dialect], base_url: str, keyring: Keyring) -> Mapping[str, CallbackFormat]:
    return {
        callback_format.product.name: callback_format
        for dialect in dialects
        for callback_format in dialect.callback_formats(base_url, keyring.page_key)
    }


def _answer_formats(
    dialects: list[Dialect], base_url: str, keyring: Keyring, vault: Vault
) -> Mapping[str, AnswerFormat]:
    return {
        answer_format.product: answer_format
        for dialect in dialects
        for answer_format in dialect.answer_formats(base_url, keyring.page_key, vault)
    }


async def _set_clock(world: World, clock: MovableClock, start: datetime | None, say: Callable[[str], None]) -> None:
    """Continues the stored clock of the sandbox.

    `start` sets a clock that was never stored, and moves a stored one forward only.
    """
    kept = await sandbox.kept_offset(world)
    if kept is not None:
        clock.set_offset(timedelta(seconds=kept))
    was = clock.now()
    if start is not None and (kept is None or start > was):
        clock.set_offset(start - SystemClock().now())
    if start is not None and kept is not None:
        if start > was:
            say(f"The clock was moved on from {was:{INSTANT}} to {start:{INSTANT}}, as --clock says.")
        else:
            say(
                f"The clock shows {was:{INSTANT}} already and never goes back: --clock {start:{INSTANT}} changed nothing."
            )
    if start is not None or kept is None:
        await sandbox.keep_clock(world)


async def _follow(world: World, clock: MovableClock, stop: asyncio.Event) -> None:
    """Moves this process's clock when another process moves the shared one, also after a lost connection."""

    def move_to(offset: str) -> None:
        ahead = timedelta(seconds=float(offset)) - clock.offset
        if ahead > timedelta(milliseconds=1):
            clock.advance(ahead)

    async def compare() -> None:
        kept, ours = await sandbox.kept_offset(world), clock.offset.total_seconds()
        if kept is None or kept < ours - 0.001:
            await sandbox.keep_clock(world)  # a failover lost a move, and the clock never goes back
        else:
            move_to(str(kept))

    await world.db.listen(CLOCK_CHANNEL, move_to, compare, stop)


# -- keys and files ---------------------------------------------------------------------------------------------------


def secret_key(settings: Settings, *, make: bool = False) -> str:
    """The installation's secret key: the setting, else the one in the sandbox's data folder. Raises SettingsWrong.

    `make` creates the one in the data folder if there is none.
    """
    if settings.secret_key is not None:
        return settings.secret_key
    path = settings.data / "secret.key"
    if make and not path.exists():
        write_private(path, ids.secret())
    try:
        key = path.read_text("ascii")
        if len(key) < SECRET_KEY_LENGTH_MIN:
            raise SettingsWrong(f"{path} is too short to be a secret key: put back the one that was there.")
        return key
    except UnicodeDecodeError:
        raise SettingsWrong(f"{path} is not a secret key: put back the one that was there.") from None
    except PermissionError:
        raise SettingsWrong(f"{path} belongs to another user: start as that user, or set GERBANG_SECRET_KEY.") from None
    except OSError:
        raise SettingsWrong(
            "There is no secret key: set GERBANG_SECRET_KEY to 32 characters or more, the same for every process, or "
            "give --data with the folder of a `gerbang run`."
        ) from None


def _known_sandbox(path: Path) -> Sandbox | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Sandbox)
    except (OSError, msgspec.DecodeError):
        return None


# -- the commands -----------------------------------------------------------------------------------------------------


def run(settings: Settings, *, clock_start: datetime | None) -> int:
    """Everything in one process, on the embedded database unless the settings name one. Returns the exit code."""

    def work() -> None:
        if settings.database_url is not None:
            data_folder(settings.data)
            with listen(settings) as listener:
                uvloop.run(_run(settings, listener, clock_start, None))
            return
        with contextlib.ExitStack() as held:
            listeners: list[Listener] = []
            # The folder is locked before the port is bound: a second start on it reports the folder, not the port.
            own = held.enter_context(
                watched_postgres(
                    settings.data, say=_say, first=lambda: listeners.append(held.enter_context(listen(settings)))
                )
            )
            uvloop.run(_run(replace(settings, database_url=own.url), listeners[0], clock_start, own))

    return _process(settings, work)


def _process(settings: Settings, work: Callable[[], None], say: Callable[[str], None] | None = None) -> int:
    """Runs `work` until a signal stops it; the exit code is 0 also for a stop during the start."""
    say = say or _say
    never_wait()
    set_up_logs(settings.log_level)
    descriptors.raise_limit()
    descriptors.no_core_dumps()
    for remark in connections_file.read(settings).remarks:
        say(f"Warning: {remark}")
    # A signal during the start must still stop the database that was started, as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    try:
        work()
        ignore_signals()
    except (KeyboardInterrupt, asyncio.CancelledError):
        ignore_signals()
        say("Gerbang has stopped at once.")
        return 0
    say("Gerbang has stopped.")
    return 0


def _say_nothing(sentence: str) -> None:
    """Another process says it."""


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


async def _run(settings: Settings, listener: Listener, clock_start: datetime | None, own: Postgres | None) -> None:
    stop = stop_on_signals(_say)
    secret_key(settings, make=True)
    url = base_url(settings, listener.port)
    async with gateway(settings, base_url=url, clock_start=clock_start, say=_say) as built:
        path = settings.data / "sandbox.json"
        keys = await sandbox_merchant.ready(built.world, url, _known_sandbox(path))
        write_private(path, msgspec.json.format(msgspec.json.encode(keys).decode(), indent=2) + "\n")
        if not stop.is_set():
            _say(_welcome(keys, path, built.world.clock))
        watching = [own.watch()] if own else []
        await until_stopped([built.serve(listener), built.workers.run(), *watching], stop)


def _welcome(keys: Sandbox, path: Path, clock: Clock) -> str:
    url = keys.base_url
    return f"""
Gerbang is open at {url}   (the contract: {url}/docs, the clock: {clock.now():{INSTANT}})

  merchant id      {keys.v2.merchant_id}
  merchant secret  {keys.v2.merchant_secret}
  all keys         {path}

Create a payment:

  TOKEN=$(curl -sS {url}/v1/access-token -H 'X-MERCHANT-ID: {keys.v2.merchant_id}' \\
    -H 'X-MERCHANT-SECRET: {keys.v2.merchant_secret}' -H 'Content-Type: application/json' \\
    -d '{{"grantType":"client_credentials"}}' | sed 's/.*"accessToken":"\\([^"]*\\)".*/\\1/')
  MADE=$(curl -sS {url}/v2/payments -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
    -d '{{"clientReferenceId":"order-'$(date +%s)'","amount":{{"value":20000,"currency":"IDR"}},"mode":"API",
         "paymentMethod":{{"type":"VIRTUAL_ACCOUNT"}},
         "paymentMethodOptions":{{"virtualAccount":{{"channel":"PERMATA","virtualAccountName":"Budi"}}}}}}')
  printf '%s\\n' "$MADE"; ID=$(printf '%s' "$MADE" | sed 's/.*"data":{{"id":"\\([^"]*\\)".*/\\1/')

Pay it, and see the callback arrive:

  curl -sS {url}/v2/payments/simulations -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
    -d '{{"paymentSessionId":"'$ID'","chargeStatus":"SUCCESS"}}'; sleep 1; echo
  curl -sS '{url}/sandbox/inbox?limit=1' -H "Authorization: Bearer $TOKEN"; echo

Or in the other dialect, to be paid at a retail outlet:

  curl -sS {url}/api/v4/payments -u {keys.v4.api_key}:{keys.v4.secret_key} -H 'Content-Type: application/json' \\
    -d '{{"data":{{"attributes":{{"paymentMethodType":"retail_outlet","amount":100000,"referenceId":"shop-'$(date +%s)'",
         "paymentMethodOptions":{{"retailOutletName":"ALFAMART","displayName":"Budi"}}}}}}}}'; echo
"""


def serve(settings: Settings) -> int:
    """Answers HTTP and does no background work. Any number of these may run on one database. Returns the exit code."""

    def answer(listener: Listener, speaks: bool) -> int:
        say = _say if speaks else _say_nothing
        return _process(settings, lambda: uvloop.run(_serve(settings, listener, say)), say)

    if settings.processes > 1:
        set_up_logs(settings.log_level)
        return together(settings, answer)

    def work() -> None:
        with listen(settings) as listener:
            uvloop.run(_serve(settings, listener, _say))

    return _process(settings, work)


async def _serve(settings: Settings, listener: Listener, say: Callable[[str], None]) -> None:
    stop = stop_on_signals(say)
    url = base_url(settings, listener.port)
    async with gateway(settings, base_url=url) as built:
        where = f" (listening on {listener.host} port {listener.port})" if settings.public_url else ""
        say(f"Gerbang answers at {url}{where}")
        say(
            f"It can have {descriptors.allowed()} file descriptors: up to {descriptors.connections_max()} connections at "
            f"once, {descriptors.streams_max()} of them pages that wait for a change"
            f"{f', in each of {settings.processes} processes' if settings.processes > 1 else ''}."
        )
        if built.world.live and not built.world.partners:
            say("No bank is connected, since this version has no connection to one: nobody's payment can arrive yet.")
        await until_stopped([built.serve(listener)], stop)


def work(settings: Settings, health_at: Settings | None = None) -> int:
    """Does background work: expiries, callbacks. Any number of these may run on one database. Returns the exit code.

    With `health_at` it answers /livez and /readyz at the address of those settings.
    """

    def work() -> None:
        if health_at is None:
            uvloop.run(_work(settings, None, ""))
            return
        with listen(health_at) as listener:
            uvloop.run(_work(settings, listener, base_url(replace(health_at, public_url=None), listener.port)))

    return _process(settings, work)


async def _work(settings: Settings, listener: Listener | None, health_url: str) -> None:
    stop = stop_on_signals(_say)
    async with gateway(settings, base_url=base_url(settings, settings.port)) as built:
        jobs = [built.workers.run()]
        if listener is not None:
            jobs.append(serve_http(Starlette(routes=Health(built.world).routes()), listener))
        _say(
            f"Gerbang is working, and says at {health_url}/readyz whether it can."
            if health_url
            else "Gerbang is working."
        )
        warning = asyncio.create_task(_warn_of_agreements(built.world)) if built.world.live else None
        try:
            await until_stopped(jobs, stop)
        finally:
            if warning is not None:
                warning.cancel()


async def _warn_of_agreements(world: World) -> None:
    """Says by which agreements nobody could pay with the connections that there are: a changed file does not stop the others."""
    with contextlib.suppress(Unavailable):
        for merchant, wrong in (await merchants.unusable(world))[:WARNINGS_MAX]:
            _say(
                f"Warning: the agreement of {merchant.name} ({merchant.id}) cannot be used: {wrong} See gerbang merchant check."
            )
