"""What one database is the memory of: a sandbox or a live house, and the secret key that it is sealed with."""

import msgspec

from gerbang.db import Tx


class Installation(msgspec.Struct, frozen=True):
    """`mode` is sandbox or live, `fingerprint` that of the secret key."""

    mode: str
    fingerprint: str


class Traces(msgspec.Struct, frozen=True):
    """What a house leaves behind by which it can be told, where it was never written down."""

    merchants: bool
    live_keys: int
    test_keys: int
    """Keys say in which mode they were given out."""
    clock: bool
    """A sandbox keeps its clock."""
    sealed: list[bytes]
    """Secrets that are sealed."""


async def kept(tx: Tx) -> Installation | None:
    """What was written down; None where nobody has opened this database yet."""
    row = await tx.fetchrow("SELECT mode, fingerprint FROM installation")
    return None if row is None else Installation(row["mode"], row["fingerprint"])


async def keep(tx: Tx, installation: Installation) -> None:
    """Writes it down, once and for all."""
    await tx.execute(
        "INSERT INTO installation (mode, fingerprint) VALUES ($1, $2)", installation.mode, installation.fingerprint
    )


async def traces(tx: Tx) -> Traces:
    """What is there of a house that was open before such things were written down."""
    row = await tx.fetchrow(
        """
        SELECT EXISTS (SELECT FROM merchants) AS merchants,
               (SELECT count(*) FROM credentials WHERE starts_with(key, 'live_')) AS live_keys,
               (SELECT count(*) FROM credentials WHERE starts_with(key, 'test_')) AS test_keys,
               EXISTS (SELECT FROM sandbox_clock) AS clock,
               ARRAY(SELECT signing_secret FROM endpoints LIMIT 1000) AS sealed
        """
    )
    assert row is not None
    return Traces(row["merchants"], row["live_keys"], row["test_keys"], row["clock"], row["sealed"])
