"""The keys that cards are read and stored with, sealed with the installation's secret key."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from gerbang.db import Tx

Purpose = Literal["read", "store"]


class KeptKey(msgspec.Struct, frozen=True):
    number: int
    purpose: Purpose
    sealed: bytes


async def every(tx: Tx) -> list[KeptKey]:
    """All keys, the newest first."""
    rows = await tx.fetch("SELECT number, purpose, sealed FROM vault_keys ORDER BY number DESC")
    return [KeptKey(*row) for row in rows]


async def hold(tx: Tx) -> None:
    """Lets one process at a time make keys, until the end of the transaction."""
    await tx.execute("LOCK TABLE vault_keys IN SHARE ROW EXCLUSIVE MODE")


async def add(tx: Tx, purpose: Purpose, sealed: bytes, now: datetime) -> None:
    await tx.execute("INSERT INTO vault_keys (purpose, sealed, created_at) VALUES ($1, $2, $3)", purpose, sealed, now)


async def forget(tx: Tx, numbers: Sequence[int]) -> None:
    """Deletes keys that nothing is sealed with any more."""
    await tx.execute("DELETE FROM vault_keys WHERE number = ANY($1::integer[])", list(numbers))
