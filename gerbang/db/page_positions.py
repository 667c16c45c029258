"""How far merchants have come in the pages of their lists, where every process finds it."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from gerbang.db import Tx
from gerbang.db._rows import text

_begins = msgspec.json.Decoder(dict[int, UUID])


async def find(tx: Tx, merchant_id: UUID, list_: bytes, since: datetime) -> dict[int, UUID]:
    """Behind which id each page of a list begins, as far as that was seen since this instant."""
    begins = await tx.fetchval(
        "SELECT begins FROM page_positions WHERE merchant_id = $1 AND list = $2 AND read_at > $3",
        merchant_id,
        list_,
        since,
    )
    return {} if begins is None else _begins.decode(begins)


async def keep(tx: Tx, merchant_id: UUID, list_: bytes, begins: Mapping[int, UUID], now: datetime) -> None:
    """Keeps where pages begin. A database that only reads does not, and lists are read from it all the same."""
    try:
        await tx.execute(
            """
            INSERT INTO page_positions (merchant_id, list, begins, read_at) VALUES ($1, $2, $3, $4)
            ON CONFLICT (merchant_id, list) DO UPDATE SET begins = excluded.begins, read_at = excluded.read_at
            """,
            merchant_id,
            list_,
            text(begins),
            now,
        )
    except asyncpg.ReadOnlySQLTransactionError:
        return


async def forget(tx: Tx, before: datetime, most: int) -> int:
    """Deletes up to `most` of what nobody has gone on with since, and returns how much."""
    done = await tx.execute(
        """
        DELETE FROM page_positions
        WHERE ctid = ANY(ARRAY(SELECT ctid FROM page_positions WHERE read_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))
        """,
        before,
        most,
    )
    return int(done.split()[-1])
