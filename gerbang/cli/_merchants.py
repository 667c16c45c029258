"""`gerbang merchant`: merchants, their secrets and their agreements."""

from pathlib import Path

import click

from gerbang.cli._terminal import of_merchant, print_fields, print_table, settings_of, show, with_database
from gerbang.settings import SettingsWrong


@click.group()
def merchant() -> None:
    """Merchants and their secrets."""


@merchant.command("create")
@click.option("--name", required=True, help="The merchant's full name, up to 100 characters.")
@click.option("--short-name", required=True, help="What payers see beside a payment's name, up to 20 characters.")
@click.option("--email", required=True, help="The merchant's e-mail address.")
@click.option("--again", is_flag=True, help="Also if a merchant of this name exists: create another one.")
@with_database
def merchant_create(name: str, short_name: str, email: str, again: bool, data: Path | None) -> None:
    """Create a merchant, and show its secrets this one time."""
    settings = settings_of(data)
    from gerbang import administration

    print_fields(administration.create_merchant(settings, name, short_name, email, again=again))


@merchant.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_database
def merchant_list(as_json: bool, data: Path | None) -> None:
    """List all merchants."""
    settings = settings_of(data)
    from gerbang import administration

    found = administration.every_merchant(settings)
    if as_json:
        show(administration.as_json(found))
    else:
        print_table([each.as_row() for each in found], none="There are no merchants yet.")


@merchant.command("check")
@with_database
def merchant_check(data: Path | None) -> int:
    """Check every merchant's stored agreement. Exit code 0: all can be used; 1: some cannot.

    An agreement is checked before it is stored; this finds those stored by an older version, or by hand.
    """
    settings = settings_of(data)
    from gerbang import administration

    wrong = administration.check_agreements(settings)
    if not wrong:
        click.echo("All agreements can be used.")
        return 0
    print_table(wrong)
    return 1


@merchant.command("rotate-secret")
@of_merchant
@with_database
def merchant_rotate_secret(merchant_id: str, data: Path | None) -> None:
    """Give a merchant a new secret, and show it this one time."""
    settings = settings_of(data)
    from gerbang import administration

    print_fields(administration.rotate_secret(settings, merchant_id))


@merchant.command("offer")
@of_merchant
@click.argument("channel")
@click.option(
    "--product", default="payment", show_default=True, help="In which product: payment is that of payment sessions."
)
@click.option("--stop", is_flag=True, help="Stop offering it.")
@with_database
def merchant_offer(merchant_id: str, channel: str, product: str, stop: bool, data: Path | None) -> None:
    """Offer a channel, such as retail_outlet, in a product that does not have it for everybody."""
    settings = settings_of(data)
    from gerbang import administration

    print_fields(administration.offer(settings, merchant_id, channel, product, stop=stop))


@merchant.command("agreement")
@of_merchant
@click.option("--set", "file", type=Path, help="Change the members that this JSON file has.")
@with_database
def merchant_agreement(merchant_id: str, file: Path | None, data: Path | None) -> None:
    """Show a merchant's agreement as JSON: fees, limits, expiries, numbers, settlement.

    With --set it is changed, and the differences are shown.
    """
    settings = settings_of(data)
    from gerbang import administration

    try:
        given = None if file is None else file.read_bytes()
    except OSError as wrong:
        raise SettingsWrong(f"{file} cannot be read: {wrong.strerror}.") from None
    show(administration.agreement(settings, merchant_id, given))
