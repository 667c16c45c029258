"""Comparing a month of one connection: `python -m benchmarks.reconciliation [PAYMENTS]` plants errors in it, and prints
how long it takes to find them and what it takes of memory; exit code 1 above 30 seconds or 200 MB, or if a finding is
wrong.
"""

import os
import sys
import time
from collections import Counter

from benchmarks.meters import memory, resident
from gerbang.domain.statements import keyed
from gerbang.statement_files import planted

PAYMENTS = 125_000
"""With what else a month has, they make more than 100,000 lines."""
SECONDS_MAX = 30
MB_MAX = 200


def main() -> int:
    month = planted.month(1, int(sys.argv[1]) if len(sys.argv) > 1 else PAYMENTS)
    started = time.perf_counter()
    keys = sum(1 for _ in keyed(month.lines.values()))
    keying = time.perf_counter() - started
    before, started = resident(os.getpid()), time.perf_counter()
    found = month.compared()
    seconds = time.perf_counter() - started
    peak, _ = memory(os.getpid())
    right = Counter((each.kind, each.about) for each in found.findings) == Counter(month.findings)
    sys.stdout.write(
        f"{len(month.expected):,} movements of ours, {keys:,} lines, {len(month.listed):,} rows of a list\n"
        f"keys {keying:.1f} s, comparing {seconds:.1f} s, {peak - before:.0f} MB more memory, {peak:.0f} MB in all\n"
        f"{len(found.findings)} findings, {'all as planted' if right else 'NOT as planted'}\n"
    )
    return 0 if right and seconds < SECONDS_MAX and peak - before < MB_MAX else 1


if __name__ == "__main__":
    sys.exit(main())
