"""`python -m benchmarks`: measures, prints the table and writes last.md; exit code 1 if a floor is not reached."""

import sys

from benchmarks.bench import main

sys.exit(main())
