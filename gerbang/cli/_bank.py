"""`gerbang bank`: a bank to try the gateway with, which calls it and is called by it as an Indonesian bank is."""

import sys
from pathlib import Path

import click

from gerbang.cli._terminal import DATA, HOST, PORT
from gerbang.settings import Settings

PORT_DEFAULT = 9100


@click.command()
@click.option("--data", type=DATA, metavar="FOLDER", help="The folder of its keys and ledger.  [default: ./var/bank]")
@click.option(
    "--profile", default="bca", metavar="NAME", help="Whose habits it has, such as bca or bri.  [default: bca]"
)
@click.option("--host", type=HOST, metavar="HOST", help="The address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=PORT, metavar="PORT", help="The port.  [default: 9100; 0: any]")
@click.option(
    "--gateway",
    default="http://127.0.0.1:8000",
    metavar="URL",
    help="Where the gateway is.  [default: http://127.0.0.1:8000]",
)
@click.option("--payouts", is_flag=True, help="Let the gateway's payouts go by this bank, too.")
@click.option("--beside", is_flag=True, hidden=True, help="End when standard input ends.")
def bank(
    data: Path | None,
    profile: str,
    host: str | None,
    port: int | None,
    gateway: str,
    *,
    payouts: bool,
    beside: bool,
) -> int:
    """Play an Indonesian bank by SNAP BI, with a ledger of its own; it moves no money.

    The first start makes keys and ids of both sides and a connections file for the gateway (GERBANG_CONNECTIONS). The
    page at its address pays; see docs/bank-simulator.md.
    """
    settings = Settings(
        host=host or "127.0.0.1",
        port=PORT_DEFAULT if port is None else port,
        data=data or Path("var", "bank"),
    )
    from gerbang import bank_simulator

    while_read = sys.stdin.buffer if beside else None
    return bank_simulator.run(settings, profile, gateway, payouts=payouts, while_read=while_read)
