"""Reading lists page by page. Merchants ask for pages by number, while new payments come in at the front of the list.

Page 1 is always read anew. What was on it, and where each further page ended, is kept for ten minutes in the database: the
next page begins behind the last one, whichever process is asked for it, so nobody sees a payment twice or misses one,
and what lies before is not read again.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

import msgspec

from gerbang.db import Tx, page_positions
from gerbang.world import World

Item = TypeVar("Item")
LASTS = timedelta(minutes=10)
"""Who turns a page later than that begins anew: pages are found by counting."""
PAGES_MAX = 10
"""How many pages are remembered beside the first."""


class Page(msgspec.Struct, frozen=True):
    """A page of a merchant's list, numbered from 1."""

    merchant_id: UUID
    of: Sequence[object]
    """Which list: its name, and all that was asked of it."""
    number: int
    size: int

    @property
    def list(self) -> bytes:
        return hashlib.blake2b(msgspec.json.encode((self.of, self.size)), digest_size=16).digest()


class Place(msgspec.Struct, frozen=True):
    """Where a page begins: so many further than the start of the list, or than an id that was seen."""

    skip: int = 0
    seen: UUID | None = None
    with_it: bool = False
    """Whether what was seen is counted too."""

    def edge(self, newest_first: bool) -> UUID | None:
        """The id behind which to look."""
        if self.seen is None or not self.with_it:
            return self.seen
        return UUID(int=self.seen.int + (1 if newest_first else -1))


async def read_page(
    world: World, tx: Tx, page: Page, read: Callable[[Place], Awaitable[list[Item]]], id_of: Callable[[Item], UUID]
) -> list[Item]:
    """Reads a page from its place on, and keeps where the next one begins."""
    now = world.clock.now()
    begins = await page_positions.find(tx, page.merchant_id, page.list, now - LASTS) if page.number > 1 else {}
    found = await read(_place(begins, page))
    if len(found) == page.size:  # else there is no page after it
        begins = _turned(begins, page, id_of(found[0]), id_of(found[-1]))
        await page_positions.keep(tx, page.merchant_id, page.list, begins, now)
    return found


def _place(begins: Mapping[int, UUID], page: Page) -> Place:
    """Counted from the nearest page that was seen."""
    nearest = max((number for number in begins if number <= page.number), default=1)
    return Place((page.number - nearest) * page.size, begins.get(nearest), with_it=nearest == 1)


def _turned(begins: Mapping[int, UUID], page: Page, first: UUID, last: UUID) -> dict[int, UUID]:
    """What is known after a page: page 1 begins with what was its first, another behind the last of the one before."""
    if page.number == 1:
        return {1: first, 2: last}
    later = {number: id_ for number, id_ in begins.items() if number not in (1, page.number + 1)}
    later[page.number + 1] = last
    kept = dict(list(later.items())[-PAGES_MAX:])
    return ({1: begins[1]} if 1 in begins else {}) | kept


async def forget(world: World, most: int) -> int:
    """Forgets what nobody has gone on with, up to `most` of them, and returns how many."""
    async with world.db.transaction() as tx:
        return await page_positions.forget(tx, world.clock.now() - LASTS, most)
