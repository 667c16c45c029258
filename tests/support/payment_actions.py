"""What can happen to payments in the state machine: each thing as an awaitable, so that several can be under way at once."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import msgspec

from gerbang import ids
from gerbang.db.paycodes import Number
from gerbang.domain.inquiries import Acceptance, Inquiry, Reply
from gerbang.domain.merchants import Merchant
from gerbang.domain.payments import Method
from gerbang.domain.reports import Booked
from gerbang.domain.reversals import Reversal, Reversed
from gerbang.errors import NotOpenYet, PartnerDeclined
from gerbang.services import reversals, settlements
from gerbang.services.merchants import default_agreement, set_callback
from gerbang.services.payments import end
from gerbang.services.payments.confirm import Confirmation
from gerbang.services.payments.end import Cancellation, Decline, Reopening
from gerbang.workers.deliveries import Sender
from gerbang.workers.partner_requests import ask_due
from tests.support.invariants import Money
from tests.support.services import PRICE, Services, money, order, payment_id
from tests.support.two_processes import TwoProcesses
from tests.support.ways import WAYS

TABLES = (
    *("tries", "deliveries", "events", "transfers", "accounts", "reports", "report_names", "inquiries", "reversals"),
    *("paycodes", "charges", "partner_requests"),
)
"""What an earlier story may have left behind."""


@dataclass
class Known:
    """What the machine knows of one payment."""

    id: UUID
    amount: int
    """What is asked for, in minor units; for any amount, what is usually paid."""
    numbers: list[Number] = field(default_factory=list[Number])
    """Every (channel, number) that it was ever given."""


class Actions:
    """What the two processes, a bank and a buyer do. `second` says which of the two processes does it."""

    processes: TwoProcesses
    merchant: Merchant
    known: list[Known]
    money: set[Money]
    """All money that was ever reported of this merchant's numbers; a reference can come with several."""

    async def new_merchant(self) -> Merchant:
        # What an earlier story that failed has left behind is not this one's.
        async with self.processes.one.world.db.transaction() as tx:
            for table in TABLES:
                await tx.execute(f"DELETE FROM {table}")
            await tx.execute(
                "DELETE FROM settlements; DELETE FROM payments; UPDATE counters SET events = 0, payments = 0"
            )
        # Wallets are offered on the pages of the first dialect too.
        agreement = msgspec.structs.replace(default_agreement(1, "Toko"), also_offered={"payment": ["ewallet"]})
        merchant = await self.processes.one.merchant(agreement=agreement)
        for product in ("payment", "v4-payments"):
            await set_callback(self.processes.one.world, merchant.id, product, self.processes.url)
        return merchant

    def services(self, second: bool) -> Services:
        return self.processes.two if second else self.processes.one

    def pick(self, place: int) -> Known:
        return self.known[place % len(self.known)]

    async def _create(self, second: bool, way: str) -> bytes:
        said = dict(WAYS[way])
        ends_in = said.pop("expires_in", None)
        ends = None if ends_in is None else self.processes.one.clock.now() + timedelta(seconds=ends_in)
        wanted = order(self.merchant.id, expires_at=ends, **said)
        try:
            answer = await self.services(second).batches.create(wanted)
        except (NotOpenYet, PartnerDeclined):
            self.known.append(Known(await self._of_reference(wanted.reference), wanted.amount or PRICE))
            raise
        self.known.append(Known(payment_id(answer), wanted.amount or PRICE))
        return answer

    async def _of_reference(self, reference: str) -> UUID:
        asked = "SELECT id FROM payments WHERE merchant_id = $1 AND reference = $2"
        (row,) = await self.processes.one.rows(asked, self.merchant.id, reference)
        return row["id"]

    async def _ask(self, second: bool) -> None:
        here = self.services(second)
        await ask_due(here.world, here.batches)

    async def _confirm(self, second: bool, place: int, method: Method | None) -> None:
        request = Confirmation(self.merchant.id, self.pick(place).id, method)
        await self.services(second).batches.confirm(request)

    async def _cancel(self, second: bool, place: int) -> None:
        request = Cancellation(self.merchant.id, self.pick(place).id, "REQUESTED_BY_CUSTOMER")
        await end.cancel(self.services(second).world, request)

    async def _end(self, second: bool, place: int) -> None:
        await end.expire_now(self.services(second).world, self.merchant.id, self.pick(place).id)

    async def _reopen(self, second: bool, place: int) -> None:
        here = self.services(second)
        found = await here.read(self.merchant, self.pick(place).id)
        if found.charges:
            await end.reopen(here.world, Reopening(self.merchant.id, found.payment.id, found.charges[0].id))

    async def _withdraw(self, second: bool, place: int) -> None:
        request = Cancellation(self.merchant.id, self.pick(place).id, "OUT_OF_STOCK")
        await end.withdraw(self.services(second).world, request)

    async def _decline(self, second: bool, place: int) -> None:
        here = self.services(second)
        found = await here.read(self.merchant, self.pick(place).id)
        if found.charges:
            await end.decline(here.world, Decline(self.merchant.id, found.payment.id, found.charges[0].id))

    async def _settle_now(self, second: bool, place: int) -> None:
        here = self.services(second)
        found = await here.read(self.merchant, self.pick(place).id)
        if found.charges:
            await settlements.settle_now(here.world, self.merchant.id, found.charges[0].id)

    async def _settle_due(self, second: bool) -> None:
        await settlements.settle_due(self.services(second).world)

    def said(self, place: int, which_number: int, reference: int, differs: int) -> Money | None:
        """What a bank says when this much comes in for one of the payment's numbers, if it has any."""
        numbers = self.pick(place).numbers
        if not numbers:
            return None
        amount = self.pick(place).amount + differs
        return f"{self.merchant.id}-{reference}", *numbers[which_number % len(numbers)], amount

    async def _pay(self, second: bool, said: Money | None, ago: int = 0) -> Booked | None:
        """A bank says that money came in, so many seconds after it was paid."""
        if said is None:
            return None
        self.money.add(said)
        reference, connection, channel, number, amount = said
        report = money(number, amount=amount, reference=reference, channel=channel, connection=connection)
        if ago:
            report = msgspec.structs.replace(report, paid_at=self.processes.one.clock.now() - timedelta(seconds=ago))
        return await self.services(second).batches.report(report)

    async def _inquire(self, second: bool, said: Money | None) -> None:
        if said is not None:
            _, connection, channel, number, amount = said
            question = Inquiry(connection, ids.hex_id(8), channel, number, amount)
            await self.services(second).batches.answer(question)

    async def _accept(self, second: bool, said: Money | None) -> Reply | None:
        """A bank asks for money to be taken; repeated, it is the same question."""
        if said is None:
            return None
        reference, connection, channel, number, amount = said
        report = money(number, amount=amount, reference=reference, channel=channel, connection=connection)
        question = Acceptance(f"{reference} {channel} {number} {amount}", report)
        reply = await self.services(second).batches.answer(question)
        if reply.verdict == "accepted":
            self.money.add(said)
        return reply

    async def _reverse(self, second: bool, reference: int, differs: int) -> Reversed:
        original = f"{self.merchant.id}-{reference}"
        connection, amount = next(
            ((said[1], said[-1]) for said in sorted(self.money) if said[0] == original), ("simulator", PRICE)
        )
        reversal = Reversal(connection, f"back {original}", original, amount + differs)
        return await reversals.reverse(self.services(second).world, reversal)

    async def _expire_due(self, second: bool) -> None:
        await end.expire_due(self.services(second).world)

    async def _release(self, second: bool) -> None:
        await end.release_numbers(self.services(second).world)

    async def _deliver(self, second: bool) -> None:
        here = self.services(second)
        sender = Sender(here.world, here.batches)
        await sender.step()
        await sender.idle()
