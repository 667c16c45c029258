"""The measuring tools: wrk and pgbench, and the processor time and memory of processes."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.dialects import Request
from benchmarks.gateways import Gateway

TICKS = os.sysconf("SC_CLK_TCK")
SAMPLED = 0.25
"""The fraction of transactions that pgbench logs, from which percentiles are computed."""


@dataclass(frozen=True)
class Measured:
    """One run: requests per second, latencies in milliseconds, processor time per request in microseconds."""

    rate: float
    done: int
    p50: float
    p99: float
    app_us: float
    postgres_us: float
    instrument_us: float


@dataclass(frozen=True)
class Instruments:
    wrk: str
    pgbench: str


def instruments(postmaster: int) -> Instruments:
    """Finds the two programs. Ends with a message on what to install if one is missing."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("wrk is missing. On Debian and Ubuntu: apt-get install wrk; with Homebrew: brew install wrk.")
    beside = Path(f"/proc/{postmaster}/exe").resolve().parent / "pgbench"
    found = [str(beside)] if os.access(beside, os.X_OK) else []
    found += [str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"), reverse=True)]
    pgbench = shutil.which("pgbench") or (found[0] if found else None)
    if pgbench is None:
        raise SystemExit(
            "pgbench is missing. On Debian and Ubuntu: apt-get install postgresql-contrib; with Homebrew: "
            "brew install postgresql."
        )
    return Instruments(wrk, found[0] if found else pgbench)


# -- processor time and memory ----------------------------------------------------------------------------------------


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat after the name: state is 0, the parent 1, times 11 to 14."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()


def parent(pid: int) -> int:
    return int(_stat(pid)[1])


def seconds_of_family(pid: int) -> float:
    """Processor time of a process, its living children, and those that have ended."""
    total = sum(map(int, _stat(pid)[11:15]))
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = _stat(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[1]) == pid:
                total += sum(map(int, fields[11:15]))
    return total / TICKS


def memory(pid: int) -> tuple[float, float]:
    """The peak of resident memory and the current proportional memory (shared pages divided), in MB.

    Of a process with children, that of the largest child.
    """
    pids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split() or [str(pid)]
    return max(
        (_megabytes(int(each), "status", "VmHWM"), _megabytes(int(each), "smaps_rollup", "Pss")) for each in pids
    )


def resident(pid: int) -> float:
    """The current resident memory, in MB."""
    return _megabytes(pid, "status", "VmRSS")


def _megabytes(pid: int, file: str, name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/{file}").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) * 1024 / 1e6


@dataclass(frozen=True)
class Load:
    """What wrk sends: one request for each payment in turn, of the merchants in turn."""

    request: Request
    signed: Sequence[str]
    """The Authorization headers of the merchants."""
    again: int = 0
    """After how many requests the serial numbers start again; 0: never."""
    repeats_every: int = 0
    """One in so many requests repeats an earlier one; 0: none."""
    connections: int = 0
    seconds: int = 0
    """0: the number that is used for everything."""

    @property
    def repeats_back(self) -> int:
        """How many requests before a repeat the repeated one was sent: it is no repeat, and is answered by then."""
        return 10 * self.repeats_every + 1

    def lua(self) -> str:
        """The table that is passed to requests.lua."""
        request = self.request
        named = ", ".join(f"[{_lua(name)}] = {_lua(text)}" for name, text in request.headers.items())
        return (
            f"return {{method = {_lua(request.method)}, path = {_lua(request.path)}, "
            f"body = {_lua(request.body) if request.body else 'nil'}, headers = {{{named}}}, "
            f"signed = {{{', '.join(map(_lua, self.signed))}}}, again = {self.again}, "
            f"every = {self.repeats_every}, back = {self.repeats_back}}}\n"
        )


def _lua(text: str) -> str:
    """A Lua string literal: Lua escapes what JSON escapes in our requests (quotes) in the same way."""
    return json.dumps(text, ensure_ascii=False)


class Meter:
    """Runs wrk and pgbench, and measures the processor time of the gateway and PostgreSQL."""

    def __init__(self, tools: Instruments, postmaster: int, folder: Path, *, seconds: int, connections: int) -> None:
        self._tools = tools
        self._postmaster = postmaster
        self._folder = folder
        self._seconds = seconds
        self._connections = connections

    def wrk(self, gateway: Gateway, load: Load, first: int) -> Measured:
        """Sends a load to a gateway, from one serial number on. Ends the program if a request was refused or lost."""
        script, side = Path(__file__).with_name("requests.lua"), self._folder / "side.lua"
        side.write_text(load.lua())
        command = self._wrk_with(script, load.connections or self._connections, load.seconds or self._seconds)
        about = f"{load.request.method} {load.request.path}"
        return self._sent(gateway, [*command, gateway.url, "--", str(first), str(side)], about)

    def signed(self, gateway: Gateway, file: Path, *, rate: float = 0, seconds: int) -> Measured:
        """Sends the requests of a file: as many as are answered, or at a rate. Ends the program as `wrk` does."""
        if rate:
            paced = [str(gateway.port), str(file), str(rate), str(seconds), str(self._connections)]
            return self._sent(gateway, [sys.executable, "-m", "benchmarks.paced", *paced], "that were signed")
        command = self._wrk_with(Path(__file__).with_name("signed.lua"), self._connections, seconds)
        return self._sent(gateway, [*command, gateway.url, "--", str(file)], "that were signed")

    def _wrk_with(self, script: Path, connections: int, seconds: int) -> list[str]:
        return [self._tools.wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script)]

    def _sent(self, gateway: Gateway, command: Sequence[str], about: str) -> Measured:
        """Runs what sends requests to a gateway, and prints what it has measured."""
        pid = gateway.pid
        before, app_before, own_before = seconds_of_family(self._postmaster), seconds_of_family(pid), _children()
        ran = _run(command)
        time.sleep(0.3)  # so that requests under way at the end are written
        app, postgres = seconds_of_family(pid) - app_before, seconds_of_family(self._postmaster) - before
        measured = re.search(r"^MEASURED (.*)$", ran, re.MULTILINE)
        if measured is None:
            raise SystemExit(f"{Path(command[0]).name} did not say what it measured:\n{ran}")
        numbers: dict[str, int] = json.loads(measured[1])
        if numbers["refused"] or numbers["lost"] or not numbers["requests"]:
            raise SystemExit(f"Of the requests {about}, some were refused or lost: {numbers}")
        done = numbers["requests"]
        return Measured(
            done / numbers["microseconds"] * 1e6,
            done,
            numbers["p50"] / 1e3,
            numbers["p99"] / 1e3,
            app / done * 1e6,
            postgres / done * 1e6,
            (_children() - own_before) / done * 1e6,
        )

    def pgbench(self, place: Sequence[str], clients: int, first: int, script: Path, last: int = 0) -> Measured:
        """Runs a script with prepared statements. Ends the program if a transaction failed."""
        for old in self._folder.glob("pgbench_log*"):
            old.unlink()
        load = ["-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", str(self._seconds), "-f", str(script)]
        variables = ["-D", f"first={first}", "-D", "n=0", "-D", f"last={last}"]
        log = ["--log", "--log-prefix", str(self._folder / "pgbench_log"), "--sampling-rate", str(SAMPLED)]
        before, own_before = seconds_of_family(self._postmaster), _children()
        ran = _run([self._tools.pgbench, *load, *variables, *log, *place])
        postgres = seconds_of_family(self._postmaster) - before
        rate = re.search(r"^tps = ([\d.]+)", ran, re.MULTILINE)
        count = re.search(r"actually processed: (\d+)", ran)
        failed = re.search(r"number of failed transactions: (\d+)", ran)
        if rate is None or count is None or (failed and int(failed[1])):
            raise SystemExit(f"pgbench has failed:\n{ran}")
        done = int(count[1])
        lines = [line for each in self._folder.glob("pgbench_log*") for line in each.read_text().splitlines()]
        times = sorted(int(line.split()[2]) for line in lines) or [0]
        return Measured(
            float(rate[1]),
            done,
            times[len(times) // 2] / 1e3,
            times[int(len(times) * 0.99)] / 1e3,
            0,
            postgres / done * 1e6,
            (_children() - own_before) / done * 1e6,
        )


def _children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _run(command: Sequence[str]) -> str:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"{Path(command[0]).name} has failed:\n{ran.stdout[-2000:]}\n{ran.stderr[-2000:]}")
    return ran.stdout
