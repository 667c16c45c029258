"""A server that stops answers every request that was sent before, also of those whom it has not accepted yet."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from gerbang.listening import listen, serve_http
from gerbang.settings import Settings
from tests.support.gateways import Databases
from tests.support.peers import Echo, answers, line_to, until_hung_up
from tests.support.programs import program
from tests.test_processes import children

LIVE = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
KEY = "a secret key of more than 32 characters"
NEW = 60
KEPT = 5

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.mark.parametrize("run", [uvloop.run, asyncio.run], ids=["uvloop", "asyncio"])
def test_who_has_sent_a_request_before_a_server_stops_is_answered(run: Run) -> None:
    """While this test opens connections the loop stands still, so that none of them is accepted before the stop."""

    async def story() -> None:
        with listen(Settings(port=0, host="127.0.0.1")) as listener, ExitStack() as held:
            serving = asyncio.ensure_future(serve_http(Echo(), listener))
            await asyncio.sleep(0.05)
            kept = [held.enter_context(line_to(listener.port)) for _ in range(KEPT)]
            silent = held.enter_context(line_to(listener.port))
            await asyncio.sleep(0.05)
            lines = [held.enter_context(line_to(listener.port)) for _ in range(NEW)]
            for line in (*kept, *lines):
                line.sendall(LIVE)
            serving.cancel()
            await asyncio.wait([serving], timeout=5)
            check([*kept, *lines], silent)

    def check(lines: list[socket.socket], silent: socket.socket) -> None:
        for line in lines:
            line.settimeout(2)
            [answer] = answers(until_hung_up(line))
            assert answer.status == 200
        assert until_hung_up(silent) == b""

    run(story())


@contextmanager
def stood_still(pids: Sequence[int]) -> Generator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("command", ["serve", "serve --processes 2", "work", "run --data {data}"])
def test_every_command_answers_who_came_before_it_was_stopped(
    databases: Databases, tmp_path: Path, command: str
) -> None:
    settings = {"GERBANG_DATABASE_URL": databases.fresh(), "GERBANG_SECRET_KEY": KEY}
    with program(*command.format(data=tmp_path).split(), "--port", "0", **settings) as running, ExitStack() as held:
        port = int(running.printed(r"http://127\.0\.0\.1:([0-9]+)"))
        pids = children(running) if "--processes" in command else [running.process.pid]
        with stood_still(pids):
            lines = [held.enter_context(line_to(port)) for _ in range(NEW)]
            for line in lines:
                line.sendall(LIVE)
            running.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)  # so that the process that waits has passed it on
        got = [answer.status for line in lines for answer in answers(until_hung_up(line))]
        assert got == [200] * NEW
        assert running.ended() == 0
