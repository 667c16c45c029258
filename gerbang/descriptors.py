"""File descriptors: how many this process may have, and what of them peers may take. Each connection is one."""

import contextlib
import os
import resource

RESERVED_MAX = 1_000
"""What is kept for the database, for callbacks and for files; of few descriptors a quarter."""
ENOUGH = 65_536
"""As many are asked for where the system names no most."""
STREAMS_MAX = 10_000
"""More open pages than this cost too much memory, whatever the descriptors allow."""


def hold_standard_ones() -> None:
    """Opens those three that whoever started us has closed, on nothing: else the next file or peer would get the number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free is taken, and that is this one.
            os.open(os.devnull, os.O_RDWR)


def raise_limit() -> None:
    """Takes as many as the system lets this process have: most begin with 1,024, for the sake of very old programs."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if most == resource.RLIM_INFINITY else most
    with contextlib.suppress(ValueError, OSError):  # macOS has another limit behind this one
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def allowed() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return ENOUGH if soft == resource.RLIM_INFINITY else soft


def connections_max() -> int:
    """How many connections of peers may be open at once."""
    return allowed() - min(allowed() // 4, RESERVED_MAX)


def streams_max() -> int:
    """How many of them may be pages that wait for news: half, so that there is always room for requests."""
    return min(connections_max() // 2, STREAMS_MAX)
