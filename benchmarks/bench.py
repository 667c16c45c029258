"""`make bench`: creates, gets and pays over HTTP against pgbench writing the same rows, interleaved on one PostgreSQL."""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks import gateways, rows, table
from benchmarks.gateways import Gateway, Shop
from benchmarks.meters import Meter, instruments, memory, parent
from benchmarks.rows import Connection, Table, Template
from benchmarks.table import Results
from gerbang.db.embedded import postgres

FIRST = 200_000_000_000
"""Serial numbers have twelve digits. Each use begins where none has been."""
FIRST_KNOWN = 300_000_000_000
FIRST_STORED = 400_000_000_000
DEFAULTS = {"rounds": 5, "seconds": 4, "clients": 32, "connections": 32, "stored": 1_000_000}
UNLIKE_BYTES = 0.02
"""How much the mean sizes of a table's rows may differ between the two sides."""


@dataclass(frozen=True)
class Options:
    rounds: int
    seconds: int
    clients: int
    connections: int
    stored: int
    output: Path


def main() -> int:
    """Runs everything; 1 when a floor is broken."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="gerbang-bench-"))
    folder.chmod(0o711)
    try:
        with postgres(folder / "data", keep=False) as url:
            results = asyncio.run(_measure(options, url, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write(table.printed(results))
    conditions = (
        f"{options.rounds} rounds of {options.seconds} s each; {options.clients} merchants; pgbench with "
        f"{options.clients} clients, wrk with {options.connections} connections."
    )
    asked = " ".join(
        f"--{name} {given}" for name, given in vars(options).items() if name != "output" and given != DEFAULTS[name]
    )
    command = f'make bench ARGS="{asked}"' if asked else "make bench"
    table.write(results, options.output, command, conditions)
    wrong = table.broken(results)
    sys.stdout.write("".join(f"BROKEN  {sentence}\n" for sentence in wrong) or "All floors hold.\n")
    return 1 if wrong else 0


def _options() -> Options:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    for name, says in (
        ("rounds", "how often everything is measured"),
        ("seconds", "how long each measurement of a round takes"),
        ("clients", "clients of pgbench; as many merchants on each side"),
        ("connections", "connections of wrk"),
        ("stored", "payments stored beforehand; 0 leaves it out"),
    ):
        parser.add_argument(f"--{name}", type=int, default=DEFAULTS[name], help=f"{says} (default: {DEFAULTS[name]:,})")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("last.md"))
    given = parser.parse_args()
    return Options(given.rounds, given.seconds, given.clients, given.connections, given.stored, given.output)


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


class Bench:
    """One run: the database, both sides, and where each side's serial numbers have got to."""

    def __init__(self, options: Options, url: str, folder: Path, db: Connection, shops: dict[str, list[Shop]]) -> None:
        self.options = options
        self.url = url
        self.folder = folder
        self.db = db
        self.shops = shops
        self.results = Results()
        self.schema: dict[str, Table] = {}
        self.expires = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
        self.next_create = FIRST
        self.next_pay = {"ours pay": FIRST_KNOWN, "pgbench pay": FIRST_KNOWN + 50_000_000_000}
        self.stored_to = dict(self.next_pay)
        self.fastest = {"ours pay": 3000.0, "pgbench pay": 3000.0}
        self.pay_prefix = ""

    def create_body(self, serial: str) -> str:
        return json.dumps(
            {
                "clientReferenceId": f"order-{serial}",
                "amount": {"value": 150000, "currency": "IDR"},
                "paymentType": "SINGLE",
                "mode": "API",
                "paymentMethod": {"type": "VIRTUAL_ACCOUNT"},
                "paymentMethodOptions": {"virtualAccount": {"channel": "BRI", "virtualAccountName": "Budi Santoso"}},
                "expiryAt": self.expires,
                "metadata": {"cart": f"cart-{serial}", "source": "shop"},
            },
            separators=(",", ":"),
        )

    # -- deriving the rows ---------------------------------------------------------------------------------------------

    async def derive(self, gateway: Gateway) -> tuple[Template, Template]:
        """Creates and pays one payment through the gateway, and makes templates of the rows that it wrote."""
        model = self.shops["model"][0]
        token = {"Authorization": f"Bearer {gateway.token(model)}"}
        self.schema = {name: each for name, each in (await rows.tables(self.db)).items() if name != "bench_merchants"}
        taken: list[rows.Snapshot] = []
        for serial in ("999999999999", rows.SERIAL):  # the first opens the merchant's accounts
            taken = [await rows.snapshot(self.db, self.schema)]
            made = gateway.ask(
                "POST", "/v2/payments", self.create_body(serial), X_REQUEST_ID=f"request-{serial[::-1]}", **token
            )
            taken.append(await rows.snapshot(self.db, self.schema))
            payment_id = made["data"]["id"]
            pay = {"paymentSessionId": payment_id, "chargeStatus": "SUCCESS", "bankReference": f"BANK-{serial}"}
            paid = gateway.ask("POST", "/v2/payments/simulations", pay, **token)
            assert paid["data"]["updated"] == "true", paid
            taken.append(await rows.snapshot(self.db, self.schema))
        created, booked = rows.difference(taken[0], taken[1]), rows.difference(taken[1], taken[2])
        endpoint = next(r for r in taken[0]["endpoints"].values() if r["merchant_id"] == model.merchant_id)
        words = rows.Words({model.merchant_id: "{merchant}", str(endpoint["id"]): "{endpoint}"})
        words.learn(created)
        self.pay_prefix = rows.id_prefix(words.ids.index(payment_id) + 1)
        words.learn(booked)
        accounts = await self._accounts(booked, model.merchant_id)
        return Template(self.schema, words, created, accounts), Template(self.schema, words, booked, accounts)

    async def _accounts(self, booked: rows.Changes, model: str) -> dict[str, str]:
        """How pgbench says the accounts of a payment: the house's by number, its merchants' own by a computed one."""
        said: dict[str, str] = {}
        for _, row in booked.changed["accounts"]:
            name, number = row["name"] or "", row["id"] or ""
            said[number] = number
            if model in name:
                block = (len(said) + 1) * 1_000_000
                said[number] = f"{block} + :client_id"
                await self.db.execute(
                    "INSERT INTO accounts (id, name, currency) OVERRIDING SYSTEM VALUE SELECT $1 + place, "
                    "replace($2, $3, merchant_id::text), $4 FROM bench_merchants WHERE side = 'pgbench pay'",
                    block,
                    name,
                    model,
                    row["currency"],
                )
        return said

    def scripts(self, created: Template, booked: Template) -> None:
        """Writes the scripts of pgbench."""
        for name, template in (("create", created), ("pay", booked)):
            side = f"pgbench {name}"
            names = {
                "merchant": f"'{gateways.merchant_prefix(side)}' || :merchant",
                "endpoint": f"'{gateways.endpoint_prefix(side)}' || :merchant",
            }
            text = rows.pgbench_script(template, self.options.clients, names)
            (self.folder / f"{name}.sql").write_text(text)
        self.folder.joinpath("get.sql").write_text(
            "\\set serial random(:first, :last)\n"
            f"SELECT * FROM payments WHERE id = ('{self.pay_prefix}' || :serial)::uuid;\n"
            f"SELECT * FROM charges WHERE payment_id = ('{self.pay_prefix}' || :serial)::uuid ORDER BY id DESC LIMIT 10;\n"
        )

    @property
    def known(self) -> int:
        """How many payments are read again and again: all that were stored at first, or 10,000 of them."""
        return min(10_000, self.stored_to["ours pay"] - FIRST_KNOWN)

    # -- the rounds ----------------------------------------------------------------------------------------------------

    def side_file(self, gateway: Gateway, side: str) -> Path:
        """What requests.lua is told: fresh tokens, ids, the body of a create."""
        tokens = ", ".join(f'"{gateway.token(shop)}"' for shop in self.shops[side])
        path = self.folder / "side.lua"
        path.write_text(
            f"return {{tokens = {{{tokens}}}, ids = '{self.pay_prefix}', known = {self.known}, "
            f"create = '{self.create_body('SERIAL')}'}}\n"
        )
        return path

    async def ready_to_pay(self, template: Template, side: str) -> int:
        """Sees to it that enough unpaid payments are stored, and returns the first one's serial number."""
        clients = self.options.clients
        needed = int(self.fastest[side] * self.options.seconds * 1.6) // clients * clients + 4 * clients
        missing = self.next_pay[side] + needed - self.stored_to[side]
        if missing > 0:
            await rows.store(self.db, template, side, self.stored_to[side], missing, clients)
            self.stored_to[side] += missing
        return self.next_pay[side]

    async def after_paying(self, side: str, rate: float) -> None:
        """Notes how far the payments have been paid, and that no round has run out of them."""
        paid = await self.db.fetchval(
            "SELECT max(right(reference, 12)::bigint) FROM reports WHERE outcome = 'booked' AND merchant_id IN "
            "(SELECT merchant_id FROM bench_merchants WHERE side = $1)",
            side,
        )
        clients = self.options.clients
        self.next_pay[side] = (paid // clients + 1) * clients
        if self.next_pay[side] >= self.stored_to[side]:
            raise SystemExit(f"{side}: the stored payments ran out. Run again with fewer --seconds.")
        self.fastest[side] = max(self.fastest[side], rate)

    def next_serial(self) -> int:
        self.next_create += 10_000_000
        return self.next_create // self.options.clients * self.options.clients

    async def round(self, number: int, meter: Meter, gateway: Gateway, created: Template) -> None:
        """Everything once, ours and pgbench in turn; which of the two begins alternates."""
        clients, place = self.options.clients, gateways.pgbench_place(self.url)
        for kind in ("create", "get", "pay"):
            first = {"ours pay": self.next_serial(), "pgbench pay": self.next_serial()}
            if kind == "pay":
                first = {side: await self.ready_to_pay(created, side) for side in first}
            if kind == "get":
                first = dict.fromkeys(first, FIRST_KNOWN)
            side_file = self.side_file(gateway, "ours create" if kind == "create" else "ours pay")
            await self.db.execute("CHECKPOINT")
            for side in sorted(first, reverse=bool(number % 2)):
                if side.startswith("ours"):
                    measured = meter.wrk(gateway.url, gateway.pid, kind, first[side], side_file)
                else:
                    script = self.folder / f"{kind}.sql"
                    measured = meter.pgbench(place, clients, first[side], script, last=first[side] + self.known - 1)
                self.results.add(f"{kind} {side.split()[0]}", measured)
                if kind == "pay":
                    await self.after_paying(side, measured.rate)
        shown = {name: runs[-1].rate for name, runs in self.results.rounds.items()}
        told = ", ".join(
            f"{kind} {shown[f'{kind} ours'] / shown[f'{kind} pgbench']:.2f}" for kind in ("create", "get", "pay")
        )
        _say(f"round {number + 1}: of pgbench's, {told}; get {shown['get ours'] / shown['create ours']:.2f} of create")

    # -- with many payments stored -------------------------------------------------------------------------------------

    async def stored(self, meter: Meter, created: Template, again: Callable[[], int]) -> None:
        """Creates with many payments stored against creates with a thousand, interleaved."""
        for name, count in (("few", 1000), ("many", self.options.stored)):
            started = time.monotonic()
            db = await gateways.connect(gateways.database(self.url, name))
            whole = -(-count // self.options.clients) * self.options.clients
            await rows.store(db, created, "ours create", FIRST_STORED, whole, self.options.clients)
            await db.execute("VACUUM ANALYZE")
            await db.close()
            _say(f"stored {whole:,} payments in {time.monotonic() - started:.0f} s")
        log = self.folder / "gateway.log"
        few_url, many_url = (gateways.database(self.url, name) for name in ("few", "many"))
        with gateways.serving(few_url, log) as few, gateways.serving(many_url, log) as many:
            by_name = {"create few": few, "create many": many}
            for number in range(self.options.rounds):
                await self.db.execute("CHECKPOINT")
                for name in sorted(by_name, reverse=bool(number % 2)):
                    gateway = by_name[name]
                    side = self.side_file(gateway, "ours create")
                    if not number:  # both have done as much before they are measured
                        meter.wrk(gateway.url, gateway.pid, "create", again(), side)
                    self.results.add(name, meter.wrk(gateway.url, gateway.pid, "create", again(), side))
        self.results.stored = self.options.stored

    # -- the same rows -------------------------------------------------------------------------------------------------

    async def compare(self) -> None:
        """Counts and weighs the rows of both sides, per payment and table."""
        for kind, counted in (("create", "payments"), ("pay", "reports")):
            sides = {side: await rows.sizes(self.db, f"{side} {kind}", self.schema) for side in ("ours", "pgbench")}
            for name in sorted({*sides["ours"], *sides["pgbench"]}):
                if kind == "pay" and name in {"paycodes", "idempotency_keys"}:
                    continue  # no row of these is new: a paycode's update has the same size
                (count, size), (count_theirs, size_theirs) = (
                    sides[side].get(name, (0, 0.0)) for side in ("ours", "pgbench")
                )
                each = count / sides["ours"][counted][0]
                each_theirs = count_theirs / sides["pgbench"][counted][0]
                self.results.checks.append(
                    f"{kind}: {name} {each:.3g} rows of {size:.0f} bytes each, pgbench {each_theirs:.3g} of "
                    f"{size_theirs:.0f}"
                )
                if each != each_theirs or abs(size - size_theirs) > UNLIKE_BYTES * size + 1:
                    self.results.unlike.append(f"the rows are not alike: {self.results.checks[-1]}")


async def _measure(options: Options, url: str, folder: Path) -> Results:
    shops = await gateways.take_in(url, options.clients)
    db = await gateways.connect(url)
    await gateways.line_up(db, shops, options.clients)
    bench = Bench(options, url, folder, db, shops)
    backend = await db.fetchval("SELECT pg_backend_pid()")
    tools = instruments(parent(backend))
    meter = Meter(tools, parent(backend), folder, seconds=options.seconds, connections=options.connections)
    bench.results.postgres = " ".join(str(await db.fetchval("SELECT version()")).split()[:2])
    durable = {name: await db.fetchval(f"SHOW {name}") for name in ("fsync", "synchronous_commit", "full_page_writes")}
    assert set(durable.values()) == {"on"}, durable
    bench.results.durability = ", ".join(f"{name} on" for name in durable)
    await db.close()
    if options.stored:
        await _copies(url)
    bench.db = await gateways.connect(url)
    with gateways.serving(url, folder / "gateway.log") as gateway:
        created, booked = await bench.derive(gateway)
        bench.scripts(created, booked)
        for side in ("ours pay", "pgbench pay"):
            await bench.ready_to_pay(created, side)
        await bench.db.execute("VACUUM ANALYZE")
        for number in range(options.rounds):
            await bench.round(number, meter, gateway, created)
        bench.results.peak_mb, bench.results.share_mb = memory(gateway.pid)
    await bench.compare()
    if options.stored:
        await bench.stored(meter, created, bench.next_serial)
    await bench.db.close()
    return bench.results


async def _copies(url: str) -> None:
    """Two more databases with the same merchants, for few and for many payments."""
    db = await gateways.connect(gateways.database(url, "postgres"))
    for name in ("few", "many"):
        await db.execute(f"CREATE DATABASE {name} TEMPLATE gerbang")
    await db.close()
