"""The gateway against itself: the same request under two conditions, in turns."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

from benchmarks import gateways
from benchmarks.bench import FIRST_STORED, Bench, say
from benchmarks.crowd import WITHOUT_AUTOVACUUM
from benchmarks.dialects import V2
from benchmarks.gateways import Gateway
from benchmarks.meters import Load, Measured
from benchmarks.sides import HOT

MINTED = """
[connections.simulator]
provider = "simulator"
serves = ["payments"]
settings.channels.virtual_account = {{ codes = "minted", delay_seconds = {seconds} }}

[[routes]]
connections = ["simulator"]
"""
PATIENT_CONNECTIONS = 128
"""Of wrk where a partner is asked: each waits for the partner, so few of them would measure nothing but that."""
REPEATS_EVERY = 10
NEVER_ANALYSED = f"""
{WITHOUT_AUTOVACUUM};
DELETE FROM pg_statistic WHERE starelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
"""
READ_ONCE = """
DO $$ DECLARE t text; BEGIN
    FOR t IN SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
        EXECUTE format('SELECT count(*) FROM %s', t);
    END LOOP;
END $$
"""
"""The first reader of a row notes in its page that it is committed, so one who analyses would save that to others."""


@dataclass(frozen=True)
class Case:
    """What is sent, and to which gateway, under one condition."""

    gateway: Gateway
    load: Load
    first: int = 0
    """The serial number of the first payment; 0: new payments."""


async def in_turns(bench: Bench, cases: Mapping[str, Case]) -> None:
    """Measures each case once in every round; the order is reversed from round to round."""
    for case in cases.values():  # a first run of each is not measured
        await _measured(bench, replace(case, load=replace(case.load, seconds=1)))
    for number in range(bench.options.rounds):
        await bench.db.execute("CHECKPOINT")
        for name in list(cases)[:: -1 if number % 2 else 1]:
            bench.results.add(name, await _measured(bench, cases[name]))


async def _measured(bench: Bench, case: Case) -> Measured:
    first = case.first or bench.next_serial()
    measured = bench.meter.wrk(case.gateway, case.load, first)
    if case.load.repeats_every:
        await _check_repeats(bench, case.load, first, measured.done)
    return measured


async def minted(bench: Bench) -> None:
    """Creates whose code a partner makes: one that answers at once, and one that takes 50 ms."""
    cases: dict[str, Case] = {}
    with ExitStack() as running:
        for name, seconds in (("minted at once", 0), ("minted in 50 ms", 0.05)):
            file = bench.folder / f"{name.replace(' ', '-')}.toml"
            file.write_text(MINTED.format(seconds=seconds))
            file.chmod(0o600)
            gateway = running.enter_context(
                gateways.serving(bench.url, bench.log, file, processes=bench.options.processes)
            )
            load = replace(bench.load(gateway, V2, "create"), connections=PATIENT_CONNECTIONS)
            cases[name] = Case(gateway, load)
        await in_turns(bench, cases)


# -- merchants and references that are not all alike ------------------------------------------------------------------


async def uneven(bench: Bench, gateway: Gateway) -> None:
    """Creates of which half belong to one merchant, creates of which some repeat another, and creates without either."""
    load = bench.load(gateway, V2, "create")
    (keys,) = bench.shops[HOT]
    hot = V2.authorization(gateway, keys)
    _check_answer(bench, gateway)
    await in_turns(
        bench,
        {
            "create hot": Case(gateway, replace(load, signed=[each for other in load.signed for each in (hot, other)])),
            "create evenly": Case(gateway, load),
            "create repeats": Case(gateway, replace(load, repeats_every=REPEATS_EVERY)),
        },
    )


def _check_answer(bench: Bench, gateway: Gateway) -> None:
    """Ends the program unless a repeated create is answered with the kept answer."""
    request, (keys,) = V2.requests["create"].about(str(bench.next_serial())), bench.shops[HOT]
    answer, repeated = (V2.ask(gateway, keys, request) for _ in range(2))
    if repeated != answer:
        raise SystemExit(f"A repeated create was answered with {repeated} instead of {answer}.")


async def _check_repeats(bench: Bench, load: Load, first: int, done: int) -> None:
    """Ends the program unless a run has created as many payments as it sent requests that were no repeats."""
    created = await bench.db.fetchval(
        "SELECT count(*) FROM payments WHERE reference BETWEEN $1 AND $2", f"order-{first}", f"order-{first + 2 * done}"
    )
    expected = done - max(0, done - load.repeats_back) // load.repeats_every
    if abs(created - expected) > 2 * bench.options.connections:  # wrk does not count what is under way at the end
        raise SystemExit(f"{done:,} requests with repeats have created {created:,} payments instead of {expected:,}.")


# -- with many payments stored ----------------------------------------------------------------------------------------


async def stored(bench: Bench) -> None:
    """Creates with many payments stored, and with a thousand."""
    with ExitStack() as running:
        cases: dict[str, Case] = {}
        for name, count in (("few", 1000), ("many", bench.options.stored)):
            started = time.monotonic()
            whole = bench.whole(count)
            await bench.fill(name, bench.models[V2.label].created, "ours create", FIRST_STORED, whole)
            say(f"stored {whole:,} payments in {time.monotonic() - started:.0f} s")
            gateway = running.enter_context(
                gateways.serving(gateways.database(bench.url, name), bench.log, processes=bench.options.processes)
            )
            cases[f"create {name}"] = Case(gateway, bench.load(gateway, V2, "create"))
        await in_turns(bench, cases)


async def unanalysed(bench: Bench) -> None:
    """Creates and gets in tables that were filled and never analysed, and in a copy of them that was."""
    started, whole = time.monotonic(), bench.whole(bench.options.unanalysed)
    model = bench.models[V2.label].created
    await bench.fill("unanalysed", model, "ours create", FIRST_STORED, whole, after=NEVER_ANALYSED)
    await _run(gateways.database(bench.url, "unanalysed"), READ_ONCE)
    await bench.db.execute("CREATE DATABASE analysed TEMPLATE unanalysed")
    await _run(gateways.database(bench.url, "analysed"), "ANALYZE")
    say(f"stored {whole:,} payments in tables without statistics in {time.monotonic() - started:.0f} s")
    cases: dict[str, Case] = {}
    names = ("unanalysed", "analysed")
    with ExitStack() as running:
        urls = [gateways.database(bench.url, name) for name in names]
        serving = [
            running.enter_context(gateways.serving(url, bench.log, processes=bench.options.processes)) for url in urls
        ]
        for name, gateway in zip(names, serving, strict=True):
            cases[f"create {name}"] = Case(gateway, bench.load(gateway, V2, "create"))
        for name, gateway in zip(names, serving, strict=True):
            signed = cases[f"create {name}"].load.signed
            load = replace(bench.load(gateway, V2, "get"), signed=signed, again=whole)
            cases[f"get {name}"] = Case(gateway, load, FIRST_STORED)
        await in_turns(bench, cases)


async def _run(url: str, sql: str) -> None:
    db = await gateways.connect(url)
    await db.execute(sql)
    await db.close()
