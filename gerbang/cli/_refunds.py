"""`gerbang refunds`: refunds that have not ended, and how an operator ends those that wait for an account."""

from pathlib import Path

import click

from gerbang.cli._terminal import print_fields, print_table, settings_of, show, with_database


@click.group()
def refunds() -> None:
    """Refunds that wait for an account to be known, or for their end."""


@refunds.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_database
def refunds_list(as_json: bool, data: Path | None) -> None:
    """List refunds that have not ended, the oldest first."""
    settings = settings_of(data)
    from gerbang import administration, administration_of_refunds

    found = administration_of_refunds.listed(settings)
    if as_json:
        show(administration.as_json(found))
    else:
        print_table([each.as_row() for each in found], none="All refunds have ended.")


@refunds.command("show")
@click.argument("refund_id", metavar="ID")
@with_database
def refunds_show(refund_id: str, data: Path | None) -> None:
    """Show a refund."""
    settings = settings_of(data)
    from gerbang import administration_of_refunds

    print_fields(administration_of_refunds.shown(settings, refund_id).as_row())


@refunds.command("pay")
@click.argument("refund_id", metavar="ID")
@click.option("--bank", required=True, help="The buyer's bank, by its name (BCA) or its code (014).")
@click.option("--account", required=True, help="The number of the buyer's account.")
@click.option("--name", required=True, help="The name of its holder.")
@with_database
def refunds_pay(refund_id: str, bank: str, account: str, name: str, data: Path | None) -> None:
    """Send a refund to an account, where it waits for one to be known."""
    settings = settings_of(data)
    from gerbang import administration_of_refunds

    paid = administration_of_refunds.pay(settings, refund_id, bank, account, name)
    show(f"{paid.id} is sent to account {paid.account} at {paid.bank}: {paid.amount}.")


@refunds.command("cancel")
@click.argument("refund_id", metavar="ID")
@with_database
def refunds_cancel(refund_id: str, data: Path | None) -> None:
    """End a refund that waits for an account. The merchant has its money again and is notified; the buyer gets nothing."""
    settings = settings_of(data)
    from gerbang import administration_of_refunds

    ended = administration_of_refunds.cancel(settings, refund_id)
    show(f"{ended.id} is cancelled: {ended.amount} is available to its merchant again, which is notified.")
