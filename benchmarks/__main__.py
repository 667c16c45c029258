"""`python -m benchmarks`: measures, prints the table, writes last.md; exit code 1 when a floor is broken."""

import sys

from benchmarks.bench import main

sys.exit(main())
