"""Whether the database does what everything here needs: take a write, let it be committed, and have room for it."""

from gerbang.db import Tx

WRITTEN = (
    "merchants, tallies, customers, payments, charges, paycodes, idempotency_keys, reports, settlements, payouts, "
    "accounts, transfers, events, deliveries, tries"
)
"""The tables that work is written to."""


async def write_a_little(tx: Tx) -> None:
    """Waits for no lock longer than a second, as behind a change of tables; needs a little room on the disk; writes a row."""
    await tx.execute(
        f"""
        SET LOCAL lock_timeout = '1s';
        SET LOCAL work_mem = '64kB';
        LOCK TABLE {WRITTEN} IN ROW EXCLUSIVE MODE;
        SELECT count(*) FROM (SELECT n FROM generate_series(1, 5000) n ORDER BY n DESC) too_much_for_memory;
        UPDATE installation SET mode = mode;
        """
    )
