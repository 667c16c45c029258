"""Payments whose codes a partner must know of or makes: a process with such a partner, and what became of a payment."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from gerbang.clock import MovableClock
from gerbang.connections import CodeKind, Declined, Link, Opened, Silence
from gerbang.connections.simulator import Simulator
from gerbang.domain.merchants import Merchant
from gerbang.domain.partner_requests import OpenCode
from gerbang.domain.payments import Details, Method
from gerbang.errors import NotOpenYet
from gerbang.services.payments.confirm import Confirmation
from tests.support.partners import Recording, asking
from tests.support.services import BRI, START, Services, forget_power_cuts, order, services

KINDS: list[CodeKind] = ["registered", "minted"]
STATIC = {"kind": "static", "amount": None}
PAGE = Details(redirect=True, auto_confirm=False)
CHOSEN = replace(BRI, left_to_buyer="method")
QRIS_CHOSEN = Method("qris", left_to_buyer="method")


@asynccontextmanager
async def process(url: str, kind: CodeKind, simulator: Simulator | None = None) -> AsyncGenerator[Services]:
    """A process in whose database nothing of an earlier test is due; at the end all that must be true of it is."""
    await forget_power_cuts(url)
    async with services(url, clock=MovableClock(START, ticking=False)) as here:
        async with here.world.db.transaction() as tx:
            await tx.execute(
                "UPDATE partner_requests SET next_at = $1 WHERE next_at IS NOT NULL", START + timedelta(999)
            )
        yield asking(here, kind, simulator)
        assert await here.faults() == []


async def states(here: Services, payment: UUID) -> tuple[str, list[str]]:
    """The state of a payment and of its charges."""
    (row,) = await here.rows("SELECT state FROM payments WHERE id = $1", payment)
    listed = await here.rows("SELECT state FROM charges WHERE payment_id = $1 ORDER BY id", payment)
    return row["state"], [each["state"] for each in listed]


async def the_only_payment(here: Services, merchant: UUID) -> UUID:
    (row,) = await here.rows("SELECT id FROM payments WHERE merchant_id = $1", merchant)
    return row["id"]


async def settle_openings(here: Services) -> None:
    """Lets some minutes pass in which workers ask again."""
    for _ in range(6):
        here.pass_time(minutes=2)
        await here.workers.catch_up()


class Scripted(Recording):
    """A partner that does what `says` holds for the next codes, one after the other, and then opens them."""

    def __init__(self, *says: str, number: str = "", content: str = "") -> None:
        super().__init__()
        self.says = list(says)
        self.made = set[UUID]()
        """References of codes that it made and was silent about."""
        self.number = number
        """The number that it gives, to whatever it is asked for."""
        self.content = content

    async def open(self, link: Link, reference: UUID, asked: OpenCode, now: datetime) -> Opened:
        self.asked.append(("open", reference))
        said = self.says.pop(0) if self.says else "open"
        if said == "made":
            self.made.add(reference)
        if said in ("silent", "made"):
            raise Silence("for a test")
        if said == "declined":
            raise Declined("for a test")
        return await self._opened(link, reference, asked, now)

    async def _opened(self, link: Link, reference: UUID, asked: OpenCode, now: datetime) -> Opened:
        opened = await Simulator.open(self, link, reference, asked, now)
        return replace(opened, number=self.number or opened.number, content=self.content)

    async def status(self, link: Link, reference: UUID, asked: OpenCode, now: datetime) -> Opened | None:
        self.asked.append(("status", reference))
        return await self._opened(link, reference, asked, now) if reference in self.made else None


async def silent_create(here: Services, merchant: Merchant, **changes: object) -> UUID:
    """A payment whose partner was silent: it is opening."""
    with pytest.raises(NotOpenYet):
        await here.batches.create(order(merchant.id, **changes))
    return await the_only_payment(here, merchant.id)


async def silent_choice(here: Services, merchant: Merchant, payment: UUID, method: Method) -> None:
    with pytest.raises(NotOpenYet):
        await here.batches.confirm(Confirmation(merchant.id, payment, method))


async def asked_number(here: Services, payment: UUID, place: int = 0) -> tuple[UUID, str]:
    """Our reference and the number of the payment's n-th request to open a code; a new number where a partner gives it."""
    rows = await here.rows(
        "SELECT id, asked ->> 'number' AS number FROM partner_requests WHERE asked ->> 'payment_id' = $1 ORDER BY id",
        str(payment),
    )
    return rows[place]["id"], rows[place]["number"] or str(uuid4().int)[:16]
