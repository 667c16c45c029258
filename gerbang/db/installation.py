"""What a database belongs to: the mode of its gateway, and the secret key that its secrets are encrypted with."""

import msgspec

from gerbang.db import Tx


class Installation(msgspec.Struct, frozen=True):
    """`mode` is sandbox or live, `fingerprint` that of the secret key."""

    mode: str
    fingerprint: str


async def kept(tx: Tx) -> Installation | None:
    """What was written down; None where nobody has opened this database yet."""
    row = await tx.fetchrow("SELECT mode, fingerprint FROM installation")
    return None if row is None else Installation(row["mode"], row["fingerprint"])


async def keep(tx: Tx, installation: Installation) -> None:
    """Writes it down, once and for all."""
    await tx.execute(
        "INSERT INTO installation (mode, fingerprint) VALUES ($1, $2)", installation.mode, installation.fingerprint
    )
