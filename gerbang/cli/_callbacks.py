"""`gerbang callbacks`: merchants' callback URLs, and the state of their callbacks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import click

from gerbang.cli._terminal import (
    SettingValue,
    instant,
    of_merchant,
    print_fields,
    print_table,
    settings_of,
    show,
    with_database,
)
from gerbang.settings import whole


@click.group()
def callbacks() -> None:
    """Merchants' callback URLs, and callbacks that were not delivered."""


@callbacks.command("set")
@click.option(
    "--merchant", "merchant_id", required=True, metavar="MERCHANT", help="Whose callbacks: the merchant's id or number."
)
@click.option("--product", required=True, help="Callbacks of which product, such as payment.")
@click.option("--url", required=True, help="Where it is posted to.")
@with_database
def callbacks_set(merchant_id: str, product: str, url: str, data: Path | None) -> None:
    """Set the URL that a merchant's callbacks are posted to."""
    settings = settings_of(data)
    from gerbang import administration

    print_fields(administration.set_callback(settings, merchant_id, product, url))


@callbacks.command("show")
@of_merchant
@with_database
def callbacks_show(merchant_id: str, data: Path | None) -> None:
    """Show a merchant's callback URL of each product."""
    settings = settings_of(data)
    from gerbang import administration

    print_table(administration.show_callbacks(settings, merchant_id))


LIMIT = SettingValue(whole(1, 10_000), "a whole number, 1 to 10000")
State = Literal["waiting", "delivered", "parked", "given_up"]
LEFT = {
    "delivered": "is delivered, and is not sent again",
    "due": "was due already",
    "being sent": "is being sent at this moment",
    "not chosen": "is none of those that the other options choose",
}
"""Why a callback that was given by id is not made due."""
UNDELIVERED: tuple[State, ...] = ("parked", "given_up")


def _with_choice(*states: str) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Adds the options that choose callbacks. Without a state, the undelivered ones are chosen."""
    options = (
        click.option(
            "--merchant", "merchant_id", metavar="MERCHANT", help="Whose callbacks: the merchant's id or number."
        ),
        click.option("--product", help="Of one product, such as payment."),
        click.option(
            "--from", "since", callback=instant, metavar="INSTANT", help="Of events since: 2025-03-30T05:48:17Z."
        ),
        click.option("--to", "until", callback=instant, metavar="INSTANT", help="Of events before."),
        click.option(
            "--state", "states", type=click.Choice(states), multiple=True, help="In this state; may be repeated."
        ),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
    )

    def add(command: Callable[..., object]) -> Callable[..., object]:
        for option in reversed(options):
            command = option(command)
        return with_database(command)

    return add


@callbacks.command("list")
@_with_choice(*UNDELIVERED, "waiting", "delivered")
@click.option("--limit", type=LIMIT, metavar="NUMBER", default=100, show_default=True, help="How many, newest first.")
def callbacks_list(as_json: bool, limit: int, data: Path | None, **chosen: Any) -> None:
    """List callbacks that were not delivered, or those in the states that are given."""
    states: tuple[State, ...] = chosen.pop("states") or UNDELIVERED
    if chosen["merchant_id"] is None and not set(states) <= set(UNDELIVERED):
        raise click.UsageError(
            "Say whose callbacks, with --merchant: those of all merchants are listed only if they were not delivered."
        )
    settings = settings_of(data)
    from gerbang import administration

    found = administration.list_callbacks(settings, administration.Chosen(states, **chosen), limit + 1)
    if len(found) > limit:
        click.echo(f"gerbang: there are more than the newest {limit}; see --limit, --from and --to.", err=True)
    if as_json:
        show(administration.as_json(found[:limit]))
    else:
        none = f"None is {' or '.join(states).replace('_', ' ')}."
        if states == UNDELIVERED:
            none += " Others are listed with --merchant and --state waiting or --state delivered."
        print_table([administration.as_row(each) for each in found[:limit]], none)


@callbacks.command("resend")
@_with_choice(*UNDELIVERED)
@click.option("--id", "ids", multiple=True, metavar="ID", help="This callback; may be repeated.")
@click.option("--everybody", is_flag=True, help="Those of all merchants.")
def callbacks_resend(as_json: bool, everybody: bool, data: Path | None, **chosen: Any) -> None:
    """Send callbacks again that were not delivered: parked ones, and those that were refused for good.

    They are due at once and start their retry schedule anew. Repeating this is safe: what is due already stays as it
    is. One that is given with --id is due at once also while it waits for its next try.
    """
    if chosen["merchant_id"] is None and not chosen["ids"] and not everybody:
        raise click.UsageError("Say whose callbacks: --merchant, --id or --everybody.")
    settings = settings_of(data)
    from gerbang import administration

    named: tuple[State, ...] = ("waiting",) if chosen["ids"] else ()
    states: tuple[State, ...] = chosen.pop("states") or (*UNDELIVERED, *named)
    sent = administration.resend_callbacks(settings, administration.Chosen(states, **chosen))
    if as_json:
        show(administration.as_json(sent))
        return
    show("1 callback is due again." if sent.resent == 1 else f"{sent.resent} callbacks are due again.")
    for id_, why in sent.left.items():
        show(f"{id_} {LEFT[why]}.")
