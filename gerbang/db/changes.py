"""The one writer: all rows of one commit, in the order `gerbang.db.ORDER`, so that transactions never wait for each other in
a circle.

Without ledger transfers it is one statement: a data-modifying CTE for each table that has rows. So a batch of new payments is
written and committed by a single round trip.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import asyncpg
import msgspec

from gerbang import ids
from gerbang.db import Tx, bank_calls, events, ledger
from gerbang.db._rows import arrays, text, text_or_none
from gerbang.db.money_out_tables import ACCOUNT_INQUIRIES, BULK_PAYOUTS, WITHDRAWALS
from gerbang.db.paycodes import ITS_PLACE
from gerbang.db.tables import (
    ANSWERS,
    CHARGES,
    INQUIRIES,
    PARTNER_REQUESTS,
    PAYCODES,
    PAYMENTS,
    PAYOUTS,
    REFUNDS,
    Parameters,
)
from gerbang.domain.changes import BookedReport, Changes
from gerbang.domain.events import Event
from gerbang.domain.reversals import Reversed


class WriteConflict(Exception):
    """Something that must be new was taken, perhaps just now by somebody else. Nothing was written.

    `constraint` names what was taken, as the schema names it.
    """

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


class Part(msgspec.Struct, frozen=True):
    """Some CTEs of a statement, by name, with the parameters that their `$1`, `$2` … stand for."""

    ctes: tuple[tuple[str, str], ...]
    parameters: Parameters


ANSWERED = """
UPDATE idempotency_keys k SET answer = n.answer
FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS n(merchant_id, key, answer)
WHERE k.merchant_id = n.merchant_id AND k.key = n.key AND k.answer IS NULL
"""
FREE = f"""
UPDATE paycodes p SET free_at = n.free_at
FROM unnest($1::freed_paycode[]) AS n
{ITS_PLACE} WHERE p.ctid = its.place AND p.payment_id = n.payment_id
"""
CUSTOMERS = """
INSERT INTO customers (merchant_id, id, email, data, created_at, updated_at)
SELECT *, $2::timestamptz, $2::timestamptz FROM unnest($1::customer_row[])
ON CONFLICT (merchant_id, id) DO UPDATE SET data = excluded.data, updated_at = excluded.updated_at
"""
SETTLED = """
UPDATE charges c SET settled_at = n.settled_at, settlement_id = n.settlement_id
FROM unnest($1::settled_charge[]) AS n
WHERE c.merchant_id = n.merchant_id AND c.id = n.id
"""
STORED_CARDS = """
INSERT INTO stored_cards (merchant_id, token, customer_id, charge_id, key_number, sealed, brand, first8, last4, expiry_month,
                          expiry_year, fingerprint, holder, state, created_at, updated_at)
SELECT * FROM unnest($1::stored_card_row[])
ON CONFLICT (merchant_id, token) DO UPDATE
SET state = excluded.state, key_number = excluded.key_number, sealed = excluded.sealed, updated_at = excluded.updated_at
"""
REPORTS = """
INSERT INTO reports (id, connection, service, reference, occurrence, channel, number, amount, outcome, merchant_id,
                     payment_id, charge_id, paid_at, received_at)
SELECT * FROM unnest($1::report_row[])
"""
REPORT_NAMES = """
INSERT INTO report_names (connection, service, reference, occurrence, merchant_id, report_id)
SELECT * FROM unnest($1::report_name_row[])
"""
REVERSALS = """
INSERT INTO reversals (id, merchant_id, connection, service, reference, original_service, original, amount, outcome,
                       report_id, received_at)
SELECT *, $11::timestamptz FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                                       $8::bigint[], $9::text[], $10::uuid[])
ON CONFLICT (connection, service, reference, original_service, original, amount) DO UPDATE
SET outcome = excluded.outcome, merchant_id = excluded.merchant_id, report_id = excluded.report_id
WHERE reversals.outcome = 'unknown_money'
"""
HELD = """
SELECT merchant_id FROM counters WHERE merchant_id = ANY($1::uuid[]) ORDER BY merchant_id FOR NO KEY UPDATE
"""
COUNTED = """
UPDATE counters t SET events = t.events + n.events, payments = t.payments + n.payments
FROM held JOIN unnest($2::counter_row[]) AS n USING (merchant_id)
WHERE t.merchant_id = held.merchant_id
RETURNING t.merchant_id, t.events - n.events AS before
"""
EVENTS = """
INSERT INTO events (merchant_id, sequence, kind, at, payment_id, charge_id, snapshot)
SELECT merchant_id, counted.before + n.place, n.kind, n.at, n.payment_id, n.charge_id, n.snapshot
FROM unnest($3::event_row[]) AS n JOIN counted USING (merchant_id)
"""
DELIVERIES = """
INSERT INTO deliveries (id, merchant_id, sequence, endpoint_id, state, next_at, created_at)
SELECT n.id, merchant_id, counted.before + n.place, n.endpoint_id, 'waiting', n.at, n.at
FROM unnest($4::delivery_row[]) AS n JOIN counted USING (merchant_id)
"""
RECORDING = (("held", HELD), ("counted", COUNTED), ("recorded", EVENTS))


async def write(tx: Tx, changes: Changes, now: datetime) -> None:
    """Writes all of it. Raises WriteConflict, after which a transaction must be rolled back.

    Without transfers it is a single statement, which commits by itself where no transaction is open.
    """
    rows = _rows(changes, now)
    last = await _events(tx, changes, now)
    try:
        if changes.transfers:
            await _execute(tx, rows)
            await ledger.post(tx, changes.transfers, now)
            await _execute(tx, last)
        else:
            await _execute(tx, rows + last)
    except (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError) as taken:
        raise WriteConflict(getattr(taken, "constraint_name", None) or "") from taken


async def _execute(tx: Tx, parts: Sequence[Part]) -> None:
    if parts:
        sql = together(tuple((part.ctes, len(part.parameters)) for part in parts))
        await tx.execute(sql, *(column for part in parts for column in part.parameters))


@lru_cache(maxsize=1024)
def together(parts: tuple[tuple[tuple[tuple[str, str], ...], int], ...]) -> str:
    """One statement that does what all parts do, in their order; each part comes with the number of its parameters.

    PostgreSQL runs the main statement first, and then the data-modifying CTEs from the last one to the first. So the first
    part ends the statement and the others stand before it in reverse. (The manual promises no order: a test watches it.)
    """
    written: list[list[tuple[str, str]]] = []
    before = 0
    for ctes, parameters in parts:
        written.append([(name, _renumbered(sql, before)) for name, sql in ctes])
        before += parameters
    *first, (_, last) = [cte for part in reversed(written) for cte in part]
    named = ",\n".join(f"{name} AS ({sql})" for name, sql in first)
    return f"WITH {named}\n{last}" if first else last


def _renumbered(sql: str, before: int) -> str:
    """The same SQL behind so many other parameters: its `$1` is theirs and one more."""
    return re.sub(r"\$(\d+)", lambda number: f"${before + int(number[1])}", sql) if before else sql


def _rows(changes: Changes, now: datetime) -> list[Part]:
    """New and changed rows: tables in the order of `gerbang.db.ORDER`, new rows in the order of their unique names."""
    parts: list[Part] = []

    def add(name: str, statement: tuple[str, Parameters]) -> None:
        parts.append(Part(((name, statement[0]),), statement[1]))

    if changes.new_answers:
        add("new_answers", ANSWERS.inserted(sorted(changes.new_answers, key=lambda a: (a.merchant_id, a.key))))
    if changes.answered:
        answered = sorted((a.merchant_id, a.key, a.answer) for a in changes.answered)
        add("answered_keys", (ANSWERED, list(arrays(answered))))
    if changes.payments:
        add("changed_payments", PAYMENTS.updated(changes.payments.values()))
    if changes.new_payments:
        new = sorted(changes.new_payments, key=lambda p: (p.merchant_id, p.scope, p.reference))
        add("new_payments", PAYMENTS.inserted(new))
    if changes.requests:
        add("changed_requests", PARTNER_REQUESTS.updated(changes.requests.values()))
    if changes.new_requests:
        add("new_requests", PARTNER_REQUESTS.inserted(changes.new_requests))
    if changes.charges:
        add("changed_charges", CHARGES.updated(changes.charges.values()))
    if changes.settled:
        settled = [(s.merchant_id, s.charge_id, s.settlement_id, s.settled_at) for s in changes.settled]
        add("settled_charges", (SETTLED, [settled]))
    if changes.new_charges:
        add("new_charges", CHARGES.inserted(changes.new_charges))
    if changes.freed:
        freed = sorted((f.connection, f.channel, f.number, f.payment_id, f.free_at) for f in changes.freed)
        add("freed_paycodes", (FREE, [freed]))
    if changes.new_paycodes:
        add("new_paycodes", PAYCODES.inserted(sorted(changes.new_paycodes, key=lambda p: p.name)))
    if changes.customers:
        known = {
            (c.merchant_id, c.id): (c.merchant_id, c.id, c.customer.email, text(c.customer.without_cards()))
            for c in changes.customers
        }
        add("known_customers", (CUSTOMERS, [[row for _, row in sorted(known.items())], now]))
    if changes.stored_cards:
        stored = sorted(changes.stored_cards, key=lambda c: (c.merchant_id, c.token))
        add("stored_cards", (STORED_CARDS, [[msgspec.structs.astuple(one) for one in stored]]))
    if changes.new_reports:
        reports = sorted(changes.new_reports, key=lambda r: (r.report.name, r.occurrence))
        add("new_reports", (REPORTS, [[_report(one) for one in reports]]))
        names = [(*r.report.name, r.occurrence, r.booked.merchant_id, r.booked.id) for r in reports]
        add("new_report_names", (REPORT_NAMES, [names]))
    if changes.new_calls:
        calls = sorted(
            (c.name.called_on, c.name.connection, c.name.service, c.name.external_id, c.request_id)
            for c in changes.new_calls
        )
        add("new_calls", (bank_calls.NEW, [calls]))
    if changes.new_replies:
        add("new_replies", INQUIRIES.inserted(sorted(changes.new_replies, key=lambda r: r.name)))
    if changes.new_reversals:
        add("new_reversals", (REVERSALS, [*arrays(map(_reversal, changes.new_reversals)), now]))
    for name, statement in _money_out(changes):
        add(name, statement)
    return parts


def _money_out(changes: Changes) -> Iterator[tuple[str, tuple[str, Parameters]]]:
    """Payouts and refunds: each statement with its name."""
    if changes.payouts:
        yield "changed_payouts", PAYOUTS.updated(changes.payouts.values())
    if changes.new_payouts:
        yield "new_payouts", PAYOUTS.inserted(sorted(changes.new_payouts, key=lambda p: (p.merchant_id, p.reference)))
    if changes.refunds:
        yield "changed_refunds", REFUNDS.updated(changes.refunds.values())
    if changes.new_refunds:
        yield "new_refunds", REFUNDS.inserted(sorted(changes.new_refunds, key=lambda r: (r.merchant_id, r.reference)))
    if changes.bulk_payouts:
        yield "changed_bulk_payouts", BULK_PAYOUTS.updated(changes.bulk_payouts.values())
    if changes.new_bulk_payouts:
        yield "new_bulk_payouts", BULK_PAYOUTS.inserted(changes.new_bulk_payouts)
    if changes.account_inquiries:
        yield "changed_account_inquiries", ACCOUNT_INQUIRIES.updated(changes.account_inquiries.values())
    if changes.new_account_inquiries:
        yield "new_account_inquiries", ACCOUNT_INQUIRIES.inserted(changes.new_account_inquiries)
    if changes.new_withdrawals:
        new = sorted(changes.new_withdrawals, key=lambda w: (w.merchant_id, w.reference))
        yield "new_withdrawals", WITHDRAWALS.inserted(new)


def _report(one: BookedReport) -> tuple[object, ...]:
    report, booked = one.report, one.booked
    return (
        booked.id,
        *report.name,
        one.occurrence,
        report.channel,
        report.number,
        report.amount,
        booked.outcome,
        booked.merchant_id,
        booked.payment_id,
        booked.charge_id,
        report.paid_at or one.received_at,
        one.received_at,
    )


def _reversal(one: Reversed) -> tuple[object, ...]:
    said = one.reversal
    return (
        one.id,
        one.merchant_id,
        said.connection,
        said.service,
        said.reference,
        said.original_service,
        said.original,
        said.amount,
        one.outcome,
        one.report_id,
    )


async def _events(tx: Tx, changes: Changes, now: datetime) -> list[Part]:
    """Events under the next numbers of their merchants, and a delivery for each endpoint that must receive one.

    The counters of the merchants are locked until the commit, so this is the last of all that waits.
    """
    if not changes.events:
        return []
    counts: dict[UUID, int] = {}
    places: list[int] = []
    for event in changes.events:
        counts[event.merchant_id] = counts.get(event.merchant_id, 0) + 1
        places.append(counts[event.merchant_id])
    made: dict[UUID, int] = {}
    for payment in changes.new_payments:
        made[payment.merchant_id] = made.get(payment.merchant_id, 0) + 1
    parameters: Parameters = [
        list(counts),
        [(merchant_id, count, made.get(merchant_id, 0)) for merchant_id, count in counts.items()],
        [
            (e.merchant_id, place, e.kind, e.at, e.payment_id, e.charge_id, text_or_none(e.snapshot))
            for e, place in zip(changes.events, places, strict=True)
        ],
    ]
    ctes = list(RECORDING)
    deliveries = await _deliveries(tx, changes.events, places, now)
    if deliveries:
        ctes.append(("sent", DELIVERIES))
        parameters.append(deliveries)
    return [Part(tuple(ctes), parameters)]


async def _deliveries(
    tx: Tx, recorded: Sequence[Event], places: Sequence[int], now: datetime
) -> list[tuple[object, ...]]:
    """(id, merchant, place of the event, endpoint, due) for each endpoint that an event is sent to."""
    sent = {event.merchant_id for event in recorded if event.snapshot is not None}  # the others are sent to nobody
    endpoints = await events.listeners(tx, sent) if sent else []
    return [
        (ids.uuid7(now), event.merchant_id, place, endpoint.id, now)
        for event, place in zip(recorded, places, strict=True)
        for endpoint in endpoints
        if endpoint.merchant_id == event.merchant_id
        and event.kind in endpoint.kinds
        and event.concerns(endpoint.product)
    ]


QUERIES = {
    "answered": ANSWERED,
    "free": FREE,
    "customers": CUSTOMERS,
    "settled": SETTLED,
    "stored_cards": STORED_CARDS,
    "reports": REPORTS,
    "report_names": REPORT_NAMES,
    "reversals": REVERSALS,
    "events": together(((RECORDING, 3),)),
    "deliveries": together((((*RECORDING, ("sent", DELIVERIES)), 4),)),
}
"""The statements of `write` that are not made of a table's columns, as each would run alone."""
