"""`gerbang payouts`: money out of which the bank has not said whether it left, and how an operator ends it."""

from pathlib import Path

import click

from gerbang.cli._terminal import print_table, settings_of, show, with_database

OUTCOMES = {
    "sent": "{id} has been sent: it is completed, and its merchant is notified.",
    "not_sent": "{id} has not been sent: it has failed, its money is available again, and its merchant is notified.",
    "bank_said": "The bank was asked once more and has answered: {id} is {state} now.",
    "no_such_payout": "There is no payout {id}. Nothing was changed.",
    "ended_before": "{id} has ended before: it is {state}. Nothing was changed.",
    "never_given_to_the_bank": "{id} was never given to its bank, so it cannot have been sent. Nothing was changed; it is sent as soon as "
    "that can be done, and --not-sent ends it.",
    "still_under_way": "The bank says that it is at work on {id}, which it was given less than a day ago. Nothing was changed; do this "
    "again later.",
    "bank_gives_no_answer": "The bank gives no answer about {id} now, and may yet say that it was sent. Nothing was changed; do this "
    "again later.",
    "too_early": "{id} was given to its bank less than an hour ago, and may still come to be known there. Nothing was changed; do this "
    "again later.",
    "left_the_account": "The account's statement has a debit with the code of {id}: its money has left. Nothing was changed.",
    "did_not_leave_the_account": "The account's statement has no debit with the code of {id}: its money has not left. Nothing was changed.",
    "statement_must_be_seen": "The account's statement does not show here whether {id} was sent. Look at the account yourself (the code "
    "in the remark is {code}), then repeat this with --statement-seen. Nothing was changed.",
}
"""What is printed for each outcome."""
CANCELLATIONS = {
    "cancelled": "{id} is cancelled: none of its lines is sent, and its merchant is notified.",
    "no_such_bulk_payout": "This merchant has no bulk payout {id}. Nothing was changed.",
    "not_waiting": "{id} does not wait for a balance: its money is reserved, or it has ended. Nothing was changed.",
}
"""The same of a cancellation."""
NONE_WAITS = "None has waited for five minutes to be given to a bank."
NONE_IS_UNKNOWN = "None has been unknown for two minutes, or under way for a day."
CHANGED = frozenset({"sent", "not_sent", "bank_said"})


@click.group()
def payouts() -> None:
    """Payouts that do not end by themselves."""


@payouts.command("list")
@click.option(
    "--unknown",
    is_flag=True,
    help="Those that were given to a bank which has not said what became of them, or has been at work on them for a day.",
)
@click.option("--waiting", is_flag=True, help="Those that have waited for minutes to be given to a bank, and why.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_database
def payouts_list(unknown: bool, waiting: bool, as_json: bool, data: Path | None) -> None:
    """List payouts that may or may not have been sent, or that cannot be sent; the oldest first."""
    if unknown == waiting:
        raise click.UsageError("Say which: --unknown or --waiting. Merchants' other payouts are listed in their API.")
    settings = settings_of(data)
    from gerbang import administration, administration_of_payouts

    listed = administration_of_payouts.waiting_payouts if waiting else administration_of_payouts.unknown_payouts
    found = listed(settings)
    if as_json:
        show(administration.as_json(found))
    else:
        print_table([each.as_row() for each in found], none=NONE_WAITS if waiting else NONE_IS_UNKNOWN)


@payouts.command("cancel")
@click.argument("bulk_id", metavar="ID")
@click.option("--merchant", "merchant_id", required=True, help="The id of the merchant whose it is.")
@with_database
def payouts_cancel(bulk_id: str, merchant_id: str, data: Path | None) -> int:
    """Cancel a bulk payout that waits for its merchant's balance. Exit code 1: nothing was changed, and why is printed.

    None of its lines is sent any more, and the merchant is notified.
    """
    settings = settings_of(data)
    from gerbang import administration_of_payouts

    outcome = administration_of_payouts.cancel_bulk_payout(settings, merchant_id, bulk_id)
    show(CANCELLATIONS[outcome].format(id=bulk_id))
    return 0 if outcome == "cancelled" else 1


@payouts.command("resolve")
@click.argument("payout_id", metavar="ID")
@click.option("--sent/--not-sent", "sent", default=None, help="Whether the money has left the account.")
@click.option("--statement-seen", is_flag=True, help="You have looked at the account's statement yourself.")
@with_database
def payouts_resolve(payout_id: str, sent: bool | None, statement_seen: bool, data: Path | None) -> int:
    """End a payout that is unknown or waiting. Exit code 1: it has not ended, and why is printed.

    The bank is asked once more, and that it was carried out or not counts before your word. A payout is taken for not sent only an hour
    after it was given to the bank, or a day where the bank says that it is at work on it, and never against the account's statement. One that
    is still waiting is ended at once, and is not sent any more.
    """
    if sent is None:
        raise click.UsageError("Say what happened: --sent or --not-sent.")
    settings = settings_of(data)
    from gerbang import administration_of_payouts

    outcome, values = administration_of_payouts.resolve_payout(
        settings, payout_id, sent=sent, statement_seen=statement_seen
    )
    show(OUTCOMES[outcome].format(**values))
    return 0 if outcome in CHANGED else 1
