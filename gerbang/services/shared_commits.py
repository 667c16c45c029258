"""Doing many things that are due in one commit, within bounds of rows and bytes, though one of them may be broken."""

from collections.abc import Awaitable, Callable

from gerbang.errors import Unavailable

BYTES_MAX = 2_000_000
"""Details of payments that one commit takes into memory: what is written from them takes several times as much."""


async def take(
    most: int, step: Callable[[int], Awaitable[int]], leave_out: Callable[[Exception], Awaitable[bool]]
) -> int:
    """Does up to `most` of what is due, and returns how many there were.

    `step(n)` does the next n at most in one commit and says how many it did. When it fails, half as many are tried, down
    to one. What fails alone goes to `leave_out`, after which it must not be the next again; it says whether there was
    one. Raises Unavailable.
    """
    done, size = 0, most
    while done < most:
        try:
            taken = await step(min(size, most - done))
        except Unavailable:
            raise
        except Exception as failure:  # noqa: BLE001  whatever it was, the half that it is not in must go on
            if size > 1:
                size //= 2
                continue
            taken = int(await leave_out(failure))
        done += taken
        if not taken or size == most:
            break
        size = min(size * 2, most)
    return done
