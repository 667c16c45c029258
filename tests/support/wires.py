"""The network between a gateway and its bank, which can be held at a chosen message, in either direction.

A message is one request and its answer. It is held as `asked`, before it is passed on, or as `answered`, before its answer is.
"""

import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BufferedReader
from typing import Literal, NamedTuple

Side = Literal["gateway", "bank"]
Moment = Literal["asked", "answered"]
HELD_SECONDS_MAX = 60.0
BANK_WAITS_SECONDS = 30.0
"""A bank comes back with what it could not say, for so long; a gateway learns at once that nobody is there."""


class Message(NamedTuple):
    """One request."""

    caller: Side
    path: str


@dataclass
class Wire:
    """Both directions, and where they are to be held."""

    seen: list[Message] = field(default_factory=list[Message])
    """What was said since it was last emptied."""
    stop: tuple[int, Moment] | None = None
    """The number of the message, from 1, and when."""
    held: threading.Event = field(default_factory=threading.Event)
    _decided: threading.Event = field(default_factory=threading.Event)
    _goes_on: bool = True
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def arm(self, stop: tuple[int, Moment] | None) -> None:
        """From now on messages are counted from 1, and held there."""
        with self._lock:
            self.seen.clear()
            self.stop, self._goes_on = stop, True
            self.held.clear()
            self._decided.clear()

    def let_go(self, *, on: bool) -> None:
        """What is held goes on, or is lost with its connection."""
        self._goes_on = on
        self._decided.set()

    def begins(self, caller: Side, path: str) -> int:
        """Counts a message."""
        with self._lock:
            self.seen.append(Message(caller, path))
            return len(self.seen)

    def passes(self, number: int, moment: Moment) -> bool:
        """Waits here if it is to be held; whether it goes on."""
        with self._lock:
            is_here = self.stop == (number, moment) and not self.held.is_set()
        if not is_here:
            return True
        self.held.set()
        self._decided.wait(HELD_SECONDS_MAX)
        return self._goes_on


def _message(stream: BufferedReader) -> bytes | None:
    """One request or answer, whole; None where the connection has ended."""
    head, length = b"", 0
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return None
        head += line
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            length = int(value)
    body = stream.read(length)
    return head + body if len(body) == length else None


class _Direction:
    """A listening port whose requests are passed on to another one."""

    def __init__(self, wire: Wire, caller: Side, port: int) -> None:
        self._wire, self._port = wire, port
        self._caller: Side = caller
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.listening.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection, connection.makefile("rb") as stream:
            while (request := _message(stream)) is not None:
                path = request.split(b" ", 2)[1].decode("ascii")
                number = self._wire.begins(self._caller, path)
                if not self._wire.passes(number, "asked"):
                    return
                answer = self._answer(request)
                if answer is None or not self._wire.passes(number, "answered"):
                    return
                connection.sendall(answer)

    def _answer(self, request: bytes) -> bytes | None:
        """What the other side answers; None where it ends before that, or is not there."""
        end = time.monotonic() + (BANK_WAITS_SECONDS if self._caller == "bank" else 0)
        while True:
            try:
                with (
                    socket.create_connection(("127.0.0.1", self._port), timeout=HELD_SECONDS_MAX) as there,
                    there.makefile("rb") as stream,
                ):
                    there.sendall(request)
                    return _message(stream)
            except ConnectionRefusedError:
                if time.monotonic() > end:
                    return None
                time.sleep(0.02)
            except OSError:
                return None


@contextmanager
def wired(gateway_port: int, bank_port: int) -> Generator[tuple[Wire, int, int]]:
    """A wire between both, and the ports at which the bank finds the gateway and the gateway the bank."""
    wire = Wire()
    to_gateway, to_bank = _Direction(wire, "bank", gateway_port), _Direction(wire, "gateway", bank_port)
    try:
        yield wire, to_gateway.port, to_bank.port
    finally:
        for each in (to_gateway, to_bank):
            with suppress(OSError):
                each.listening.shutdown(socket.SHUT_RDWR)
            each.listening.close()
