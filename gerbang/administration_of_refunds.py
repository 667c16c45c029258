"""What an operator does from the command line about refunds that wait: for an account that they can go to, or for their end.

Each function opens the gateway, does one thing, closes the gateway and returns what the command prints.
"""

from datetime import datetime
from uuid import UUID

import msgspec

from gerbang.administration import within
from gerbang.domain.bank_directory import named
from gerbang.domain.money import readable
from gerbang.domain.refunds import Destination, Refund
from gerbang.services import refund_requests, refunds
from gerbang.settings import Settings, SettingsWrong
from gerbang.world import World

LISTED_MAX = 1_000


class ListedRefund(msgspec.Struct, frozen=True, rename="camel"):
    """A refund as `gerbang refunds list` prints it."""

    id: UUID
    merchant_id: UUID
    reference: str
    payment_id: UUID
    amount: str
    state: str
    way: str
    """"channel", "account", or "account not known"."""
    made_at: datetime
    bank: str
    account: str
    why: str
    """Why it has failed."""

    def as_row(self) -> dict[str, str]:
        """The refund as a row of a table: column name to text."""
        return {name.replace("_", " "): _text(value) for name, value in msgspec.structs.asdict(self).items()}


def _text(value: object) -> str:
    return f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else str(value)


def _shown(refund: Refund) -> ListedRefund:
    account = refund.destination
    waits = refund.state == "waiting_transfer" and refund.way is None
    return ListedRefund(
        refund.id,
        refund.merchant_id,
        refund.reference,
        refund.payment_id,
        readable(refund.amount),
        refund.state.replace("_", " "),
        "account not known" if waits else refund.way or "channel",
        refund.created_at,
        account.bank_code if account is not None else "",
        account.account_number if account is not None else "",
        refund.failure_reason or "",
    )


def listed(settings: Settings) -> list[ListedRefund]:
    """Refunds that have not ended, the oldest first."""

    async def task(world: World) -> list[ListedRefund]:
        return [_shown(each) for each in await refunds.under_way(world, LISTED_MAX)]

    return within(settings, task)


def shown(settings: Settings, refund_id: str) -> ListedRefund:
    """One refund. Raises SettingsWrong or RefundUnknown."""
    id_ = _id(refund_id)

    async def task(world: World) -> ListedRefund:
        return _shown(await refunds.of_any_merchant(world, id_))

    return within(settings, task)


def pay(settings: Settings, refund_id: str, bank: str, account: str, name: str) -> ListedRefund:
    """Has a refund go to an account. Raises SettingsWrong, RefundUnknown, WrongState or BankNotConnected."""
    id_, found = _id(refund_id), named(bank)
    if found is None:
        raise SettingsWrong(
            f"{bank} is no bank: name it as in `gerbang refunds pay ID --bank BCA`, or by its code, 014."
        )
    if not (account.isascii() and account.isdigit() and len(account) <= refunds.ACCOUNT_LENGTH_MAX):
        raise SettingsWrong(f"An account's number has 1 to {refunds.ACCOUNT_LENGTH_MAX} digits.")
    if not name.strip() or not name.isprintable() or len(name) > refunds.NAME_LENGTH_MAX:
        raise SettingsWrong(f"An account's name has 1 to {refunds.NAME_LENGTH_MAX} characters that can be printed.")
    destination = Destination(found.code, account, name.strip(), bank)

    async def task(world: World) -> ListedRefund:
        return _shown(await refund_requests.pay(world, id_, destination))

    return within(settings, task)


def cancel(settings: Settings, refund_id: str) -> ListedRefund:
    """Ends a refund that waits for an account. Raises SettingsWrong, RefundUnknown or WrongState."""
    id_ = _id(refund_id)

    async def task(world: World) -> ListedRefund:
        return _shown(await refund_requests.cancel(world, id_))

    return within(settings, task)


def _id(refund_id: str) -> UUID:
    try:
        return UUID(refund_id)
    except ValueError:
        raise SettingsWrong(f"{refund_id} is not a refund's id; `gerbang refunds list` shows them.") from None
