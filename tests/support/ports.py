"""Ports that nobody takes while a test needs them free."""

import socket
from collections.abc import Generator
from contextlib import ExitStack, contextmanager


@contextmanager
def held_ports(count: int = 1) -> Generator[list[int]]:
    """Ports of 127.0.0.1 where calls are refused until a server of this test listens there.

    They are bound without listening: the system gives them to nobody who asks for any port, and who names one may still have it.
    """
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            each.bind(("127.0.0.1", 0))
        yield [each.getsockname()[1] for each in sockets]
