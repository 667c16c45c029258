"""Settling many payments that are due: `python -m benchmarks.settlements URL` does it in one process and prints the
result.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

import uvloop

from benchmarks.gateways import SECRET_KEY
from benchmarks.meters import memory, resident
from gerbang import app
from gerbang.db import audit
from gerbang.services import settlements
from gerbang.settings import Settings


@dataclass(frozen=True)
class Settled:
    """How many charges were settled, in how many seconds, and by how many MB the process's memory grew at its peak."""

    count: int
    seconds: float
    growth_mb: float


def run(url: str, due: int) -> Settled:
    """Settles everything that is due in a process of its own.

    Ends the program if some is left or the ledger is wrong.
    """
    command = [sys.executable, "-m", "benchmarks.settlements", url]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"Settling has failed:\n{ran.stdout}\n{ran.stderr}")
    settled = Settled(**json.loads(ran.stdout))
    if settled.count < due:  # the models' payments may be due too
        raise SystemExit(f"{settled.count:,} charges were settled instead of {due:,}.")
    return settled


async def _settle(url: str) -> Settled:
    async with app.gateway(Settings(database_url=url, secret_key=SECRET_KEY), base_url="http://127.0.0.1") as built:
        before, started, count = resident(os.getpid()), time.monotonic(), 0
        while done := await settlements.settle_due(built.world):
            count += done
        seconds = time.monotonic() - started
        peak, _ = memory(os.getpid())
        async with built.world.db.reading() as tx:
            found = await audit.findings(tx, built.world.clock.now(), audit.LEDGER)
        if wrong := [each.rule for each in found if each.count]:
            raise SystemExit(f"The ledger does not balance: {', '.join(wrong)}")
        return Settled(count, seconds, peak - before)


def main() -> int:
    sys.stdout.write(json.dumps(asdict(uvloop.run(_settle(sys.argv[1])))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
