"""`python -m benchmarks` (`make bench`): compares creates, gets and pays over HTTP with pgbench writing the same rows, in
turns on one PostgreSQL, prints the table and writes last.md; exit code 1 if a floor is not reached.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks import cases, gateways, inbound, sides, table
from benchmarks.bench import Bench, Options
from benchmarks.gateways import Gateway
from benchmarks.meters import Meter, instruments, memory, parent
from benchmarks.table import Results
from gerbang.db.embedded import postgres

DEFAULTS = {
    "rounds": 5,
    "seconds": 4,
    "clients": 32,
    "connections": 32,
    "stored": 1_000_000,
    "due": 100_000,
    "unanalysed": 100_000,
    "processes": 1,
}
CASES = ("rounds", "inbound", "uneven", "minted", "unanalysed", "stored", "due")


def main() -> int:
    """Runs everything; returns 1 if a floor is not reached."""
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
        f"{options.clients} clients, wrk with {options.connections} connections, the gateway in {options.processes} processes."
    )
    options_given = " ".join(
        f"--{name} {given}" for name, given in vars(options).items() if name in DEFAULTS and given != DEFAULTS[name]
    )
    command = f'make bench ARGS="{options_given}"' if options_given else "make bench"
    if not options.only:
        table.write(results, options.output, command, conditions)
    wrong = table.broken(results)
    sys.stdout.write("".join(f"BROKEN  {sentence}\n" for sentence in wrong) or "All floors hold.\n")
    return 1 if wrong else 0


def _options() -> Options:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    for name, help_text in (
        ("rounds", "how often everything is measured"),
        ("seconds", "how long each measurement of a round takes"),
        ("clients", "clients of pgbench; as many merchants on each side"),
        ("connections", "connections of wrk"),
        ("stored", "payments stored beforehand, and payments in a list; 0 leaves both out"),
        ("due", "paid payments that are settled; 0 leaves it out"),
        ("unanalysed", "payments in tables without statistics; 0 leaves it out"),
        ("processes", "in how many the gateway answers"),
    ):
        parser.add_argument(
            f"--{name}", type=int, default=DEFAULTS[name], help=f"{help_text} (default: {DEFAULTS[name]:,})"
        )
    parser.add_argument(
        "--only", choices=CASES, default="", help="the one case to measure; last.md is not written then"
    )
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("last.md"))
    given = parser.parse_args()
    return Options(**vars(given))


async def _measure(options: Options, url: str, folder: Path) -> Results:
    shops = await gateways.take_in(url, sides.wanted(options.clients))
    db = await gateways.connect(url)
    await sides.line_up(db, shops, options.clients)
    postmaster = parent(await db.fetchval("SELECT pg_backend_pid()"))
    tools = instruments(postmaster)
    meter = Meter(tools, postmaster, folder, seconds=options.seconds, connections=options.connections)
    bench = Bench(options, url, folder, db, shops, meter)
    bench.results.postgres = " ".join(str(await db.fetchval("SELECT version()")).split()[:2])
    durable = {name: await db.fetchval(f"SHOW {name}") for name in ("fsync", "synchronous_commit", "full_page_writes")}
    assert set(durable.values()) == {"on"}, durable
    bench.results.durability = ", ".join(f"{name} on" for name in durable)
    await bench.derive()
    await db.close()
    await _copies(url, options)
    bench.db = await gateways.connect(url)
    with gateways.serving(url, bench.log, processes=options.processes) as gateway:
        if options.wants("rounds"):
            await _rounds(bench, gateway)
        if options.wants("uneven"):
            await cases.uneven(bench, gateway)
    if options.wants("inbound"):
        await inbound.measured(bench)
    if options.wants("minted"):
        await cases.minted(bench)
    if options.wants("unanalysed"):
        await cases.unanalysed(bench)
    if options.wants("stored"):
        await cases.stored(bench)
        await bench.listed()
    if options.wants("due"):
        await bench.settled()
    await bench.db.close()
    return bench.results


async def _rounds(bench: Bench, gateway: Gateway) -> None:
    for side in bench.next_pay:
        await bench.ready_to_pay(side)
    await bench.db.execute("VACUUM ANALYZE")
    for number in range(bench.options.rounds):
        await bench.round(number, gateway)
    bench.results.peak_mb, bench.results.share_mb = memory(gateway.pid)
    await bench.compare()


async def _copies(url: str, options: Options) -> None:
    """Further databases with the same merchants and models, one for each purpose."""
    names = {"stored": ("few", "many", "lists"), "due": ("due",), "unanalysed": ("unanalysed",)}
    db = await gateways.connect(gateways.database(url, "postgres"))
    for name in [name for case in names if options.wants(case) for name in names[case]]:
        await db.execute(f"CREATE DATABASE {name} TEMPLATE gerbang")
    await db.close()


if __name__ == "__main__":
    sys.exit(main())
