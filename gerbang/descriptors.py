"""What a process may have of the system: file descriptors, how many of them HTTP connections may use (one each), and no core dumps."""

import contextlib
import os
import resource

RESERVED_MAX = 1_000
"""Descriptors kept free for the database, callbacks and files; at most a quarter of those allowed."""
ENOUGH = 65_536
"""The limit that is set where the system has no maximum."""
STREAMS_MAX = 10_000
"""The most status streams of payment pages, whatever the descriptors allow: each costs memory."""


def hold_standard_ones() -> None:
    """Opens /dev/null as standard input, output or error where it is closed, or the next file or socket would get its
    number.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The system takes the lowest free number, which is this one.
            os.open(os.devnull, os.O_RDWR)


def raise_limit() -> None:
    """Raises the soft limit of descriptors to the hard limit. The usual soft limit is 1,024, which is too few."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if most == resource.RLIM_INFINITY else most
    with contextlib.suppress(ValueError, OSError):  # macOS has a lower limit of its own
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def no_core_dumps() -> None:
    """Has the system write no memory of this process to a file when it crashes: card numbers may be in it."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, most))


def allowed() -> int:
    """How many descriptors this process may have open (the soft limit)."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return ENOUGH if soft == resource.RLIM_INFINITY else soft


def connections_max() -> int:
    """How many HTTP connections may be open at once."""
    return allowed() - min(allowed() // 4, RESERVED_MAX)


def streams_max() -> int:
    """How many of them may be status streams of payment pages: half, so that there is always room for requests."""
    return min(connections_max() // 2, STREAMS_MAX)
