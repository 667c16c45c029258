"""Several processes that answer on one port. The kernel divides new connections among them (SO_REUSEPORT)."""

import os
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress

import structlog

from gerbang.listening import STOP_SIGNALS, Listener, ignore_signals, listen
from gerbang.settings import Settings

log = structlog.get_logger()


def together(settings: Settings, answer: Callable[[Listener, bool], int]) -> int:
    """Runs `answer` in as many processes as the settings say, each with a listener of its own, and waits for all of them.

    It returns in each of these with the exit code of `answer`, and in the process that waits with the first one that is
    not 0. Each signal to the process that waits is passed on. When one process ends by itself, the others are stopped, and so
    they are when the process that waits is gone. `answer` gets True in one of them. Raises SettingsWrong.
    """
    alive, gone = os.pipe()
    with ExitStack() as held:
        listeners = [held.enter_context(one) for one in _listeners(settings)]
        children: list[int] = []
        for listener in listeners:
            pid = os.fork()
            if pid == 0:
                os.setpgrp()  # a Ctrl-C in the terminal goes to the process that waits, which passes it on once
                os.close(gone)
                threading.Thread(target=_stop_with, args=(alive,), daemon=True).start()
                for other in listeners:
                    if other is not listener:
                        other.close()
                return answer(listener, not children)
            children.append(pid)
    os.close(alive)
    return _wait_for(children)


def _listeners(settings: Settings) -> list[Listener]:
    # Whoever has the port already is seen by binding it alone.
    with listen(settings) as alone:
        port = alone.port
    return [listen(settings, port, shared=True) for _ in range(settings.processes)]


def _stop_with(alive: int) -> None:
    """Stops this process when the other end of a pipe is closed."""
    os.read(alive, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def _wait_for(children: Sequence[int]) -> int:
    left, passed_on, code = set(children), set[int](), 0

    def pass_on(number: int, frame: object) -> None:
        passed_on.add(number)
        for pid in left:
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(pid, number)

    for each in STOP_SIGNALS:
        signal.signal(each, pass_on)
    while left:
        pid, status = os.wait()
        left.discard(pid)
        ended = os.waitstatus_to_exitcode(status)
        if -ended not in passed_on:  # one that ends by the signal was stopped before it could listen for it
            code = code or abs(ended)
        if not passed_on:
            how = {"signal": signal.Signals(-ended).name} if ended < 0 else {"exit_code": ended}
            log.error("one process has ended, so the others are stopped", pid=pid, processes=len(children), **how)
            code = code or 1
            pass_on(signal.SIGTERM, None)
    ignore_signals()
    return code
