"""`python -m gerbang` is `gerbang`."""

import sys

from gerbang.cli import main

sys.exit(main())
