"""`python -m benchmarks.between OTHER`: compares the processor time of a create here and in another checkout, in turns.

OTHER is a folder with another commit and its own `.venv` (`git worktree add OTHER COMMIT; make -C OTHER test
ARGS=--co`). Each has a PostgreSQL and a gateway of its own; they are measured in short turns, so that other load on the
machine affects both. Processor time is that of the gateway and PostgreSQL together, for each request.
"""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks import bench, gateways, sides
from benchmarks.dialects import DIALECTS
from benchmarks.meters import Meter, instruments, parent
from gerbang.db.embedded import postgres

CLIENTS = 32


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.between", description=__doc__)
    parser.add_argument("other", type=Path, help="the folder of the other checkout")
    parser.add_argument("--turns", type=int, default=15, help="how often each is measured (default: 15)")
    parser.add_argument("--seconds", type=int, default=2, help="how long a turn takes (default: 2)")
    given = parser.parse_args()
    other, here = _Side(given.other.resolve(), given.seconds), _Side(Path.cwd(), given.seconds)
    for named in (name for name in here.names if name in other.names):
        for side in (other, here):
            side.measure(named)  # a first run of each is not measured
        ratios: list[float] = []
        for turn in range(given.turns):
            times = {side: side.measure(named) for side in sorted((other, here), key=id, reverse=bool(turn % 2))}
            ratios.append(times[here] / times[other])
        low, median, high = statistics.quantiles(ratios, n=4)
        sys.stdout.write(f"{named}: {median:.2f} of the other's processor time (quartiles {low:.2f} to {high:.2f})\n")
    other.end()
    here.end()


class _Side:
    """One checkout, with a gateway and a database that run under a process of its own."""

    def __init__(self, folder: Path, seconds: int) -> None:
        kept = {name: text for name, text in os.environ.items() if not name.startswith("GERBANG_")}
        self._process = subprocess.Popen(
            [folder / ".venv/bin/python", Path(__file__).resolve(), str(seconds)],
            cwd=folder,
            env={**kept, "PYTHONPATH": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.names: list[str] = json.loads(self._read())

    def measure(self, named: str) -> float:
        """Microseconds of processor time for each request of one turn."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{named}\n")
        self._process.stdin.flush()
        return float(self._read())

    def end(self) -> None:
        self._process.communicate()

    def _read(self) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("RESULT "):
                return line.removeprefix("RESULT ")
        raise SystemExit("A side has ended; what it printed is above.")


def _write(result: object) -> None:
    sys.stdout.write(f"RESULT {json.dumps(result)}\n")
    sys.stdout.flush()


async def _answer(url: str, folder: Path, seconds: int) -> None:
    """Measures what each line of standard input names, with the code of the current folder."""
    options = bench.Options(1, seconds, CLIENTS, CLIENTS, 0, 0, Path(os.devnull))
    shops = await gateways.take_in(url, sides.wanted(CLIENTS))
    db = await gateways.connect(url)
    await sides.line_up(db, shops, CLIENTS)
    postmaster = parent(await db.fetchval("SELECT pg_backend_pid()"))
    meter = Meter(instruments(postmaster), postmaster, folder, seconds=seconds, connections=CLIENTS)
    run = bench.Bench(options, url, folder, db, shops, meter)
    await run.derive()
    by_name = {dialect.named("create"): dialect for dialect in DIALECTS}
    with gateways.serving(url, folder / "gateway.log") as gateway:
        _write(list(by_name))
        for line in sys.stdin:
            load = replace(run.load(gateway, by_name[line.strip()], "create"), seconds=seconds)
            measured = meter.wrk(gateway, load, run.next_serial())
            _write(measured.app_us + measured.postgres_us)
    await db.close()


def _side(seconds: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="gerbang-bench-"))
    folder.chmod(0o711)
    try:
        with postgres(folder / "data", keep=False) as url:
            asyncio.run(_answer(url, folder, seconds))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    if __package__:
        main()
    else:
        _side(int(sys.argv[1]))
