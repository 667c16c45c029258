"""A bank to try the gateway with: a program of its own that plays an Indonesian bank or acquirer by SNAP BI over HTTP.

It shares no code with `gerbang/connections`: it signs, pads, reads and keeps accounts by itself, so that the gateway and the
bank cannot be wrong together. `prepare` makes what both sides need; `run` is `gerbang bank`.
"""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from email.utils import format_datetime
from typing import BinaryIO

import click
import msgspec

from gerbang.bank_simulator import control, serving
from gerbang.bank_simulator.bank import Bank, opened
from gerbang.bank_simulator.companion import beside
from gerbang.bank_simulator.profiles import PROFILES
from gerbang.bank_simulator.signing import stamp_of
from gerbang.bank_simulator.sockets import Reply, Request
from gerbang.bank_simulator.sockets import listen as answer_on
from gerbang.bank_simulator.wiring import Wiring, prepare
from gerbang.clock import Clock, SystemClock
from gerbang.listening import Listener, listen, stop_on_signals
from gerbang.logs import set_up as set_up_logs
from gerbang.network import Network
from gerbang.settings import Settings

__all__ = ["PROFILES", "Bank", "Wiring", "beside", "prepare", "run", "serving_bank"]


@asynccontextmanager
async def serving_bank(wiring: Wiring, listener: Listener, clock: Clock | None = None) -> AsyncGenerator[Bank]:
    """A bank that answers on the listening sockets until the end of the `async with` statement."""
    network = Network(allow_private=True)
    bank = opened(wiring, network, clock or SystemClock())

    async def answer(request: Request) -> Reply:
        own = request.path == "/" or request.path.startswith(control.PREFIX)
        reply = await (control.answer(bank, request) if own else serving.answer(bank, request))
        now = bank.clock.now()
        said = {"Date": format_datetime(now, usegmt=True), **({} if own else {"X-TIMESTAMP": stamp_of(now, "local")})}
        return msgspec.structs.replace(reply, headers=said | reply.headers)

    servers = await answer_on(listener, answer)
    going_on = asyncio.create_task(bank.payers.go_on())
    try:
        yield bank
    finally:
        going_on.cancel()
        for server in servers:
            server.close()
        await bank.notices.stop()
        await network.aclose()
        bank.ledger.close()


def run(
    settings: Settings, profile: str, gateway_url: str, *, payouts: bool = False, while_read: BinaryIO | None = None
) -> int:
    """`gerbang bank`: prepares the bank in the settings' data folder and answers until a signal stops it.

    With `while_read` it also ends when that can be read no more, as standard input where its starter has gone.

    Raises SettingsWrong.
    """
    set_up_logs(settings.log_level)
    with listen(settings) as listener:
        url = f"http://{listener.host}:{listener.port}"
        wiring = prepare(settings.data, profile, url, gateway_url, payouts=payouts)
        asyncio.run(_until_stopped(wiring, listener, while_read))
    return 0


async def _until_stopped(wiring: Wiring, listener: Listener, while_read: BinaryIO | None) -> None:
    stop = stop_on_signals(click.echo)
    if while_read is not None:

        def ended() -> None:
            if not os.read(while_read.fileno(), 1024):
                stop.set()

        asyncio.get_running_loop().add_reader(while_read, ended)
    async with serving_bank(wiring, listener):
        click.echo(
            f"A bank that plays {PROFILES[wiring.profile].title} is at {wiring.bank_url}\n"
            f"It calls the gateway at         {wiring.partner_url}\n"
            f"Start the gateway with          GERBANG_CONNECTIONS={wiring.connections_file}"
        )
        await stop.wait()
