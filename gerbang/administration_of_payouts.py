"""What an operator does from the command line about payouts that do not end by themselves.

Each function opens the gateway, does one thing, closes the gateway and returns what the command prints.
"""

from datetime import datetime
from uuid import UUID

import msgspec

from gerbang.administration import within
from gerbang.domain.money import readable
from gerbang.services import bulk_waiting, payout_unknowns
from gerbang.services.payout_unknowns import Outcome, UnknownPayout, WaitingPayout
from gerbang.settings import Settings, SettingsWrong
from gerbang.world import World


class ListedPayout(msgspec.Struct, frozen=True, rename="camel"):
    """A payout as `gerbang payouts list --unknown` prints it."""

    id: UUID
    merchant_id: UUID
    reference: str
    connection: str
    amount: str
    bank: str
    account: str
    given_to_the_bank_at: datetime
    state: str
    """"unknown", or "under way" where the bank says so for long."""
    not_found: int
    code_in_the_remark: str

    def as_row(self) -> dict[str, str]:
        """The payout as a row of a table: column name to text."""
        return _row(self)


def unknown_payouts(settings: Settings) -> list[ListedPayout]:
    """Payouts whose bank has not said what became of them, or is at work on them for long; the oldest first."""

    async def task(world: World) -> list[ListedPayout]:
        return [_shown(each) for each in await payout_unknowns.every(world)]

    return within(settings, task)


def _shown(unknown: UnknownPayout) -> ListedPayout:
    payout = unknown.payout
    return ListedPayout(
        payout.id,
        payout.merchant_id,
        payout.reference,
        payout.connection,
        readable(payout.amount),
        payout.destination.bank_code,
        payout.destination.account_number,
        unknown.sending_at,
        "under way" if unknown.is_under_way else "unknown",
        unknown.not_found,
        payout_unknowns.code_of(payout.id),
    )


class ListedWaiting(msgspec.Struct, frozen=True, rename="camel"):
    """A payout as `gerbang payouts list --waiting` prints it."""

    id: UUID
    merchant_id: UUID
    reference: str
    connection: str
    amount: str
    bank: str
    account: str
    made_at: datetime
    tries: int
    next_try_at: datetime | None
    why: str

    def as_row(self) -> dict[str, str]:
        """The payout as a row of a table: column name to text."""
        return _row(self)


def waiting_payouts(settings: Settings) -> list[ListedWaiting]:
    """Payouts that no bank was given yet, the oldest first."""

    async def task(world: World) -> list[ListedWaiting]:
        return [_shown_waiting(each) for each in await payout_unknowns.waiting(world)]

    return within(settings, task)


def _shown_waiting(waiting: WaitingPayout) -> ListedWaiting:
    payout = waiting.payout
    return ListedWaiting(
        payout.id,
        payout.merchant_id,
        payout.reference,
        payout.connection,
        readable(payout.amount),
        payout.destination.bank_code,
        payout.destination.account_number,
        payout.created_at,
        waiting.tries,
        waiting.next_at,
        waiting.why,
    )


def _row(shown: msgspec.Struct) -> dict[str, str]:
    """A table's row of something: column name to text."""
    return {name.replace("_", " "): _text(value) for name, value in msgspec.structs.asdict(shown).items()}


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    return "" if value is None else str(value)


def resolve_payout(
    settings: Settings, payout_id: str, *, sent: bool, statement_seen: bool
) -> tuple[Outcome, dict[str, str]]:
    """Ends a payout by an operator's word; what came of it, and what a sentence about it says. Raises SettingsWrong."""
    try:
        id_ = UUID(payout_id)
    except ValueError:
        raise SettingsWrong(f"{payout_id} is not a payout's id; `gerbang payouts list --unknown` shows them.") from None

    async def task(world: World) -> tuple[Outcome, dict[str, str]]:
        outcome, payout = await payout_unknowns.resolve(world, id_, sent=sent, statement_seen=statement_seen)
        state = payout.state if payout is not None else ""
        return outcome, {"id": str(id_), "state": state, "code": payout_unknowns.code_of(id_)}

    return within(settings, task)


def cancel_bulk_payout(settings: Settings, merchant_id: str, bulk_id: str) -> bulk_waiting.Outcome:
    """Cancels a bulk payout that waits for its merchant's balance. Raises SettingsWrong."""
    try:
        owner, id_ = UUID(merchant_id), UUID(bulk_id)
    except ValueError:
        raise SettingsWrong(f"{bulk_id} and {merchant_id} must be the ids of a bulk payout and its merchant.") from None

    async def task(world: World) -> bulk_waiting.Outcome:
        return await bulk_waiting.cancel(world, owner, id_)

    return within(settings, task)
