"""Whether the database does what everything here needs: take a write, let it be committed, and have room for it."""

from gerbang.db import Tx

WRITTEN = (
    "merchants, counters, customers, payments, charges, paycodes, idempotency_keys, reports, report_names, inquiries, bank_calls, reversals, "
    "settlements, payouts, accounts, transfers, events, deliveries, tries"
)
"""The tables that work is written to."""


async def write_a_little(tx: Tx) -> None:
    """Waits for no lock longer than a second, as behind a change of tables; needs a little room on the disk; writes a row."""
    await tx.execute("SELECT set_config('lock_timeout', '1s', true), set_config('work_mem', '64kB', true)")
    await tx.execute(f"LOCK TABLE {WRITTEN} IN ROW EXCLUSIVE MODE")
    await tx.execute("SELECT count(*) FROM (SELECT n FROM generate_series(1, 5000) n ORDER BY n DESC) more_than_fits")
    await tx.execute("UPDATE installation SET mode = mode")
