"""The rounds: creates, gets and pays over HTTP, and pgbench writing the same rows, in turns on one PostgreSQL."""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import gateways, lists, models, rows, settlements, sides
from benchmarks.dialects import DIALECTS, V2, V4, Dialect
from benchmarks.gateways import Gateway
from benchmarks.meters import Load, Measured, Meter
from benchmarks.models import Model
from benchmarks.rows import Connection, Table
from benchmarks.sides import WHO
from benchmarks.table import Results
from gerbang.services.merchants import Keys

FIRST = 200_000_000_000
"""The first serial number of each use. Serial numbers have twelve digits, and no two uses share one."""
FIRST_KNOWN = 300_000_000_000
FIRST_STORED = 400_000_000_000
FIRST_DUE = 500_000_000_000
UNLIKE_BYTES = 0.02
"""How much the mean row size of a table may differ between the two sides, as a fraction."""


@dataclass(frozen=True)
class Options:
    rounds: int
    seconds: int
    clients: int
    connections: int
    stored: int
    due: int
    output: Path
    unanalysed: int = 0
    processes: int = 1
    """In how many the gateway answers."""
    only: str = ""

    def wants(self, case: str) -> bool:
        """Whether a case is measured: each is, or only one; none whose number is 0."""
        return self.only in ("", case) and getattr(self, case, 1) != 0


def say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


class Bench:
    """One run: the database, both sides, and the next serial number of each."""

    def __init__(
        self,
        options: Options,
        url: str,
        folder: Path,
        db: Connection,
        shops: Mapping[str, Sequence[Keys]],
        meter: Meter,
    ) -> None:
        self.options = options
        self.url = url
        self.folder = folder
        self.db = db
        self.shops = shops
        self.meter = meter
        self.log = folder / "gateway.log"
        self.results = Results(stored=options.stored, unanalysed=options.unanalysed)
        self.schema: dict[str, Table] = {}
        self.models: dict[str, Model] = {}
        self.next_create = FIRST
        self.payers = {
            f"{who} {dialect.named('pay')}": dialect for dialect in DIALECTS if "pay" in dialect.kinds for who in WHO
        }
        self.next_pay = {side: FIRST_KNOWN + i * 10_000_000_000 for i, side in enumerate(self.payers)}
        self.first_stored = dict(self.next_pay)
        self.stored_to = dict(self.next_pay)
        self.fastest = dict.fromkeys(self.payers, 3000.0)

    async def derive(self) -> None:
        """Makes the model of each dialect through a gateway, and the pgbench scripts from it."""
        self.schema = {name: each for name, each in (await rows.tables(self.db)).items() if name != "bench_merchants"}
        await sides.open_platform(self.db)
        with gateways.serving(self.url, self.log, processes=self.options.processes) as gateway:
            for dialect in DIALECTS:
                keys = self.shops[dialect.named("model")][0]
                self.models[dialect.label] = await models.derive(self.db, self.schema, gateway, dialect, keys)
        for dialect in DIALECTS:
            model = self.models[dialect.label]
            templates = {"create": model.created, "pay": model.booked}
            for kind in dialect.written_kinds:
                side = f"pgbench {dialect.named(kind)}"
                if kind == "pay":
                    await sides.open_accounts(self.db, templates[kind], side)
                script = sides.pgbench_script(templates[kind], side, self.options.clients)
                self.script(dialect, kind).write_text(script)
            if "get" in dialect.kinds:
                side = f"pgbench {dialect.named('pay')}"
                script = sides.reading_script(model.id, side, self.options.clients)
                self.script(dialect, "get").write_text(script)

    def script(self, dialect: Dialect, kind: str) -> Path:
        return self.folder / f"{dialect.named(kind).replace(' ', '_')}.sql"

    @property
    def known(self) -> int:
        """How many payments are read in turn: those stored at first, 10,000 at most."""
        return min(10_000, self.stored_to["ours pay"] - FIRST_KNOWN)

    def load(self, gateway: Gateway, dialect: Dialect, kind: str) -> Load:
        """What wrk sends, with new tokens."""
        shops = self.shops[f"ours {dialect.named('create' if kind == 'create' else 'pay')}"]
        request = dialect.requests[kind]
        if kind != "create":  # its ID is a country
            request = request.filled(ID=dialect.written(f"{self.models[dialect.label].id}SERIAL"))
        signed = [dialect.authorization(gateway, keys) for keys in shops]
        return Load(request, signed, again=self.known if kind == "get" else 0)

    # -- the rounds ----------------------------------------------------------------------------------------------------

    async def ready_to_pay(self, side: str) -> int:
        """Stores unpaid payments where too few are left, and returns the serial number of the first."""
        clients = self.options.clients
        needed = int(self.fastest[side] * self.options.seconds * 1.6) // clients * clients + 4 * clients
        missing = self.next_pay[side] + needed - self.stored_to[side]
        if missing > 0:
            await sides.store(
                self.db, self.models[self.payers[side].label].created, side, self.stored_to[side], missing
            )
            self.stored_to[side] += missing
        return self.next_pay[side]

    async def after_paying(self, side: str, rate: float) -> None:
        """Records how many payments were paid. Ends the program if a round had too few."""
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

    async def round(self, number: int, gateway: Gateway) -> None:
        """One round: everything once."""
        results_of_round: list[str] = []
        for dialect in DIALECTS:
            for kind in dialect.kinds:
                await self.turn(number, gateway, dialect, kind)
                named, done = dialect.named(kind), self.results.rounds
                ratio = done[f"{named} ours"][-1].rate / done[f"{named} pgbench"][-1].rate
                results_of_round.append(f"{named} {ratio:.2f}")
        say(f"round {number + 1}: of pgbench's, {', '.join(results_of_round)}")

    async def turn(self, number: int, gateway: Gateway, dialect: Dialect, kind: str) -> None:
        """One kind of request, by the gateway and by pgbench; which of them is first alternates."""
        named = dialect.named(kind)
        first = {who: self.next_serial() for who in WHO}
        if kind == "get":
            first = {who: self.first_stored[f"{who} {dialect.named('pay')}"] for who in WHO}
        if kind == "pay":
            first = {who: await self.ready_to_pay(f"{who} {named}") for who in WHO}
        load = self.load(gateway, dialect, kind)
        await self.db.execute("CHECKPOINT")
        for who in sorted(WHO, reverse=bool(number % 2)):
            if who == "ours":
                measured = self.meter.wrk(gateway, load, first[who])
            else:
                place, script = gateways.pgbench_place(self.url), self.script(dialect, kind)
                last = first[who] + self.known - 1
                measured = self.meter.pgbench(place, self.options.clients, first[who], script, last)
            self.results.add(f"{named} {who}", measured)
            if kind == "pay":
                await self.after_paying(f"{who} {named}", measured.rate)

    async def pays(self, gateway: Gateway, who: str) -> Measured:
        """A turn of pays by one side only."""
        side = f"{who} {V2.named('pay')}"
        first = await self.ready_to_pay(side)
        if who == "ours":
            measured = self.meter.wrk(gateway, self.load(gateway, V2, "pay"), first)
        else:
            place = gateways.pgbench_place(self.url)
            measured = self.meter.pgbench(place, self.options.clients, first, self.script(V2, "pay"))
        await self.after_paying(side, measured.rate)
        return measured

    # -- with many payments stored -------------------------------------------------------------------------------------

    def whole(self, count: int) -> int:
        """So many payments, or a few more, so that each merchant has as many."""
        return -(-count // self.options.clients) * self.options.clients

    async def fill(
        self, name: str, template: rows.Template, side: str, first: int, count: int, after: str = "VACUUM ANALYZE"
    ) -> None:
        """Stores payments in another database, and runs SQL there afterwards."""
        db = await gateways.connect(gateways.database(self.url, name))
        if template.moves:
            await sides.open_accounts(db, template, side)
        await sides.store(db, template, side, first, count)
        await db.execute(after)
        await db.close()

    async def settled(self) -> None:
        """Settles the due payments in one process until none is left."""
        whole = self.whole(self.options.due)
        await self.fill("due", self.models[V4.label].paid, f"ours {V4.named('pay')}", FIRST_DUE, whole)
        await self.db.execute("CHECKPOINT")
        self.results.settled = settlements.run(gateways.database(self.url, "due"), whole)
        say(f"settled {whole:,} payments in {self.results.settled.seconds:.1f} s")

    async def listed(self) -> None:
        """Lists of one merchant with many payments."""
        url, (keys,), count = gateways.database(self.url, "lists"), self.shops[sides.LISTED], self.options.stored
        with gateways.serving(url, self.log, processes=self.options.processes) as gateway:
            started, db = time.monotonic(), await gateways.connect(url)
            arrivals = await models.derive_arrivals(db, self.schema, gateway, V4, keys)
            middle = await lists.store(db, self.models[V4.label], arrivals, count)
            await db.close()
            say(f"stored {count:,} payments of one merchant in {time.monotonic() - started:.0f} s")
            await self.db.execute("CHECKPOINT")
            for question, measured in lists.measure(self.meter, gateway, keys, lists.questions(middle, count)):
                self.results.add(question.name, measured)
                (self.results.lists if question.limited else self.results.jumps).append(question.name)

    # -- the same rows -------------------------------------------------------------------------------------------------

    async def compare(self) -> None:
        """Compares the number and size of the rows of both sides, per payment and table."""
        for dialect in DIALECTS:
            for kind in dialect.written_kinds:
                named, counted = dialect.named(kind), "payments" if kind == "create" else "reports"
                ours, theirs = [await sides.sizes(self.db, f"{who} {named}", self.schema) for who in WHO]
                for name in sorted({*ours, *theirs}):
                    if kind == "pay" and name in {"paycodes", "idempotency_keys"}:
                        continue  # no row of it is new: an update of a paycode does not change its size
                    (count, size), (count_theirs, size_theirs) = (side.get(name, (0, 0.0)) for side in (ours, theirs))
                    each, each_theirs = count / ours[counted][0], count_theirs / theirs[counted][0]
                    self.results.checks.append(
                        f"{named}: {name} {each:.3g} rows of {size:.0f} bytes each, pgbench {each_theirs:.3g} of "
                        f"{size_theirs:.0f}"
                    )
                    if each != each_theirs or abs(size - size_theirs) > UNLIKE_BYTES * size + 1:
                        self.results.unlike.append(f"the rows are not alike: {self.results.checks[-1]}")
