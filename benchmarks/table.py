"""The results as a table and as last.md, and whether the floors are reached."""

import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.meters import Measured
from benchmarks.settlements import Settled

FLOORS = {
    "create": (0.7, "0.9"),
    "v4 create": (0.7, "0.9"),
    "whole create": (0.6, "0.9"),
    "get": (1.2, "2"),
    "get alone": (0.3, "0.5"),
    "pay": (1.1, "2"),
    "inbound": (0.6, "0.8"),
    "stored": (0.9, "1.0"),
    "minted": (0.85, "1.0"),
    "hot": (0.7, "1.0"),
    "repeats": (0.9, "1.0"),
    "unanalysed": (0.8, "1.0"),
    "get unanalysed": (0.8, "1.0"),
}
"""For each ratio its floor, below which the exit code is 1, and its aim. What is below a floor has become slower,
or was measured while something else ran; an aim is what is wanted.
"""
EFFORT_MAX = 1.0
MEMORY_MAX_MB = 120.0
SETTLING_MAX_SECONDS = 30.0
SETTLING_MAX_MB = 20.0
LIST_MAX_MS = 20.0
INBOUND_MAX_MS = 50.0


@dataclass
class Results:
    """Everything of one run. Rounds are in order; `checks` are sentences about the two sides' rows."""

    rounds: dict[str, list[Measured]] = field(default_factory=dict[str, list[Measured]])
    peak_mb: float = 0.0
    share_mb: float = 0.0
    stored: int = 0
    unanalysed: int = 0
    settled: Settled | None = None
    lists: list[str] = field(default_factory=list[str])
    """The names of rounds that are lists with a limit, and those that are jumps without one."""
    jumps: list[str] = field(default_factory=list[str])
    checks: list[str] = field(default_factory=list[str])
    unlike: list[str] = field(default_factory=list[str])
    postgres: str = ""
    durability: str = ""
    loads: list[float] = field(default_factory=list[float])

    def add(self, name: str, measured: Measured) -> None:
        self.rounds.setdefault(name, []).append(measured)
        self.loads.append(os.getloadavg()[0])

    def ratios(self, ours: str, theirs: str) -> list[float]:
        return [a.rate / b.rate for a, b in zip(self.rounds[ours], self.rounds[theirs], strict=True)]

    def effort(self, name: str) -> float:
        """The processor time of a request including that of the measuring tool: other programs disturb it least."""
        return median(run.app_us + run.postgres_us + run.instrument_us for run in self.rounds[name])


@dataclass(frozen=True)
class Ratio:
    name: str
    label: str
    values: Sequence[float]

    @property
    def holds(self) -> bool:
        return self.name not in FLOORS or median(self.values) >= FLOORS[self.name][0]


@dataclass(frozen=True)
class Figure:
    """A number that is not a ratio, with its upper limit; None: it is only reported."""

    label: str
    value: float
    limit: float | None = None
    digits: int = 0

    @property
    def holds(self) -> bool:
        return self.limit is None or self.value < self.limit

    @property
    def text(self) -> str:
        return f"{self.value:,.{self.digits}f}"


def ratios(results: Results) -> list[Ratio]:
    """The ratios of what was measured."""
    without = f"with {results.unanalysed:,} stored without statistics / with statistics"
    named = (
        ("create", "creates / pgbench's", "create ours", "create pgbench"),
        ("get", "gets / creates", "get ours", "create ours"),
        ("pay", "pays / pgbench's", "pay ours", "pay pgbench"),
        ("get alone", "gets / pgbench's two reads", "get ours", "get pgbench"),
        ("v4 create", "v4 creates / pgbench's", "v4 create ours", "v4 create pgbench"),
        ("whole create", "whole creates / pgbench's", "whole create ours", "whole create pgbench"),
        ("v4 pay", "v4 pays / pgbench's", "v4 pay ours", "v4 pay pgbench"),
        ("inbound", "a bank's payment flags / pgbench's pays", "inbound 25", "pgbench pay beside inbound"),
        ("minted", "creates whose code a partner makes in 50 ms / at once", "minted in 50 ms", "minted at once"),
        ("hot", "creates with one hot merchant / spread evenly", "create hot", "create evenly"),
        ("repeats", "creates of which one in ten is a repeat / none", "create repeats", "create evenly"),
        ("unanalysed", f"creates {without}", "create unanalysed", "create analysed"),
        ("get unanalysed", f"gets {without}", "get unanalysed", "get analysed"),
        ("stored", f"creates with {results.stored:,} stored / with 1,000", "create many", "create few"),
    )
    return [
        Ratio(name, label, results.ratios(ours, theirs))
        for name, label, ours, theirs in named
        if {ours, theirs} <= results.rounds.keys()
    ]


def figures(results: Results) -> list[Figure]:
    found: list[Figure] = []
    for kind in ("create", "pay", "v4 create", "v4 pay", "whole create"):
        if f"{kind} ours" not in results.rounds:
            continue
        share = results.effort(f"{kind} ours") / results.effort(f"{kind} pgbench")
        label, limit = f"processor time of a {kind}, everything together / pgbench's", EFFORT_MAX
        found.append(Figure(label, share, limit if kind == "create" else None, digits=2))
    if "inbound 25" in results.rounds:
        p99 = median(run.p99 for run in results.rounds["inbound 25 at half the rate"])
        found.append(Figure("payment flags at half of their rate, p99 in ms", p99, INBOUND_MAX_MS, digits=1))
        for name, whose in (("pay", "the gateway's"), ("pgbench pay", "pgbench's")):
            share = results.effort("inbound 25") / results.effort(f"{name} beside inbound")
            found.append(Figure(f"processor time of a payment flag / {whose} pay", share, digits=2))
    if results.peak_mb:
        found += [
            Figure("memory of the gateway at its peak, MB (RSS)", results.peak_mb, MEMORY_MAX_MB),
            Figure("the same at the end, shared pages divided (PSS)", results.share_mb),
        ]
    if results.settled is not None:
        settled = results.settled
        label = f"settling {settled.count:,} payments in one process"
        found += [
            Figure(f"{label}, seconds", settled.seconds, SETTLING_MAX_SECONDS, digits=1),
            Figure(f"{label}, growth of its peak memory, MB", settled.growth_mb, SETTLING_MAX_MB, digits=1),
        ]
    if results.lists:
        slowest = max(results.lists, key=lambda name: results.rounds[name][0].p99)
        label = f"slowest page of a list of {results.stored:,}, p99 in ms ({slowest.removeprefix('list: ')})"
        found.append(Figure(label, results.rounds[slowest][0].p99, LIST_MAX_MS, digits=1))
    for name in results.jumps:
        found.append(
            Figure(f"{name.removeprefix('list: ')} of that list, p50 in ms", results.rounds[name][0].p50, digits=1)
        )
    return found


def _rows(results: Results, *, absolute: bool) -> list[list[str]]:
    head = ["", *(["per second"] if absolute else []), "p50 ms", "p99 ms", "app µs", "PostgreSQL µs", "instrument µs"]
    rows = [head]
    for name, runs in results.rounds.items():
        pick: Mapping[str, float] = {
            name: median(getattr(run, name) for run in runs)
            for name in ("rate", "p50", "p99", "app_us", "postgres_us", "instrument_us")
        }
        rate = [f"{pick['rate']:,.0f}"] if absolute else []
        times = [f"{pick['p50']:.1f}", f"{pick['p99']:.1f}"]
        rows.append([name, *rate, *times, *(f"{pick[w]:,.0f}" for w in ("app_us", "postgres_us", "instrument_us"))])
    return rows


def _ratio_rows(results: Results) -> list[list[str]]:
    rows = [["ratio", "median", "min", "max", "floor", "aim", ""]]
    for ratio in ratios(results):
        floor, aim = FLOORS.get(ratio.name, (None, ""))
        verdict = "" if floor is None else "holds" if ratio.holds else "BROKEN"
        low, high = min(ratio.values), max(ratio.values)
        rows.append(
            [ratio.label, f"{median(ratio.values):.2f}", f"{low:.2f}", f"{high:.2f}", str(floor or ""), aim, verdict]
        )
    for figure in figures(results):
        verdict = "" if figure.limit is None else "holds" if figure.holds else "BROKEN"
        limit = "" if figure.limit is None else f"< {figure.limit:.0f}"
        rows.append([figure.label, figure.text, "", "", limit, "", verdict])
    return rows


def broken(results: Results) -> list[str]:
    """What makes the run a failure: floors not reached, and rows that differ between the sides."""
    wrong = [f"{ratio.label}: {median(ratio.values):.2f}" for ratio in ratios(results) if not ratio.holds]
    wrong += [f"{figure.label}: {figure.text}" for figure in figures(results) if not figure.holds]
    return wrong + results.unlike


def aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines: list[str] = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|---|" + "---:|" * (len(rows[0]) - 1), *body])


def printed(results: Results) -> str:
    """The tables as they are printed at the end of a run."""
    checks = "\n".join(results.checks)
    return (
        f"\n{aligned(_rows(results, absolute=True))}\n\nMedians of the rounds; µs are processor time per request.\n\n"
        f"{aligned(_ratio_rows(results))}\n\n{checks}\n"
    )


def machine() -> str:
    """A description of the machine."""
    kilobytes = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    memory = f"{int(kilobytes[1]) / 1024**2:.0f} GB of memory" if kilobytes else "memory unknown"
    return f"{os.cpu_count()} cores, {memory}, {platform.system()}, Python {platform.python_version()}"


def write(results: Results, path: Path, command: str, conditions: str) -> None:
    """Writes last.md. Only ratios are claims: the rates of one machine say little about another."""
    checks = "\n".join(f"- {check}" for check in results.checks)
    path.write_text(
        f"""# The last numbers

Written by `{command}`; do not edit. What is measured, and why so, is in [README.md](README.md).

Machine: {machine()}, {results.postgres} ({results.durability}).
{conditions} Load average while measuring: {min(results.loads):.1f} to {max(results.loads):.1f}.

{markdown(_ratio_rows(results))}

Ratios are taken within each round, and the median of the rounds counts. Latencies and the processor time per request
(medians of the rounds; on this machine, while gateway, PostgreSQL and instrument shared its cores):

{markdown(_rows(results, absolute=False))}

The rows of both sides, counted and weighed after the run:

{checks}
"""
    )
