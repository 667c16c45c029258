"""Our side of some days, as a statement and a partner's list should show it."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

import msgspec

from gerbang.clock import midnight, wib
from gerbang.connections import remark_of
from gerbang.db import Tx, movements
from gerbang.db.movements import Arrived, TakenBack
from gerbang.domain.findings import Expected
from gerbang.domain.payouts import Payout
from gerbang.domain.remarks import normal
from gerbang.domain.statements import Direction, StatementLine

IN_SUMS = frozenset({"qris", "ewallet"})
"""The channels whose partners pay what they collected in one sum."""


async def expected(
    tx: Tx,
    connections: Collection[str],
    first: date,
    last: date,
    lists: Mapping[str, Collection[str]],
    lines: Iterable[StatementLine],
) -> list[Expected]:
    """All that moved by these connections on these days. `lists` are the kinds of lists that each has given so far.

    `lines` are those of the account: a payout that has failed is expected there only if it went out and came back.
    """
    since, until = midnight(first), midnight(last + timedelta(days=1))
    came = await movements.arrived(tx, connections, since, until)
    back = await movements.taken_back(tx, connections, since, until)
    sent = await movements.sent(tx, connections, since, until)
    returned = await movements.returned(tx, connections, since, until)
    return [
        *_arrivals(came, lists),
        *map(_taken_back, back),
        *_sent([each for each in sent if each.state != "failed" or each.returned_at is not None], lists),
        *map(_returned, returned),
        *_unknown(await movements.unknown(tx, connections, since, until)),
        *_failed([each for each in sent if each.state == "failed" and each.returned_at is None], lines),
    ]


def _arrivals(came: Sequence[Arrived], lists: Mapping[str, Collection[str]]) -> Iterator[Expected]:
    sums: dict[tuple[str, str, date], int] = {}
    for each in came:
        day = wib(each.paid_at).date()
        in_sum = each.channel in IN_SUMS
        if in_sum and "dana_payments" not in lists.get(each.connection, ()):
            # Nothing says which of them a sum is made of, so the sum of the day stands for all of them.
            name = (each.connection, each.channel, day)
            sums[name] = sums.get(name, 0) + each.amount
            continue
        yield Expected(
            key=f"payment {each.id}",
            kind="payment",
            direction="credit",
            amount=each.amount,
            day=day,
            references=(each.reference, *([each.charge_id.hex] if each.charge_id else [])),
            numbers=(each.number,),
            merchant_id=each.merchant_id,
            payment_id=each.payment_id,
            in_sum=in_sum,
        )
    for (connection, channel, day), amount in sums.items():
        yield Expected(f"{channel} of {day} by {connection}", "settlement", "credit", amount, day)


def _taken_back(each: TakenBack) -> Expected:
    return Expected(
        key=f"reversal {each.id}",
        kind="refund",
        direction="debit",
        amount=each.amount,
        day=wib(each.received_at).date(),
        references=(each.reference, each.original),
        numbers=(each.number,),
        merchant_id=each.merchant_id,
        payment_id=each.payment_id,
    )


def _references(payout: Payout) -> tuple[str, ...]:
    """The code in its remark, its reference at the bank, and the bank's own."""
    return (remark_of(payout.id), payout.id.hex, *([payout.bank_reference] if payout.bank_reference else []))


def _sent(payouts: Iterable[Payout], lists: Mapping[str, Collection[str]]) -> Iterator[Expected]:
    for each in payouts:
        assert each.sent_at is not None, "it was looked for by that"
        listed = "dana_payouts" in lists.get(each.connection, ())
        yield _of_payout(each, f"payout {each.id}", "debit", wib(each.sent_at).date(), listed=listed)


def _unknown(payouts: Iterable[tuple[Payout, datetime]]) -> Iterator[Expected]:
    for each, sending_at in payouts:
        made = _of_payout(each, f"payout {each.id} of unknown end", "debit", wib(sending_at).date())
        yield msgspec.structs.replace(made, unsure=True)


def _returned(each: Payout) -> Expected:
    assert each.returned_at is not None, "it was looked for by that"
    return _of_payout(each, f"payout {each.id} returned", "credit", wib(each.returned_at).date())


def _of_payout(payout: Payout, key: str, direction: Direction, day: date, *, listed: bool = False) -> Expected:
    return Expected(
        key=key,
        kind="payout",
        direction=direction,
        amount=payout.amount,
        day=day,
        references=_references(payout),
        merchant_id=payout.merchant_id,
        payout_id=payout.id,
        listed=listed,
    )


def _failed(payouts: Sequence[Payout], lines: Iterable[StatementLine]) -> Iterator[Expected]:
    """What went out and came back of payouts that failed. Most never left the account, and one that only left is a finding."""
    if not payouts:
        return
    by_amount: dict[tuple[str, int], list[tuple[str, date]]] = {}
    amounts = {each.amount for each in payouts}
    for line in lines:
        if line.amount in amounts and not line.pending:
            text = normal(f"{line.text} {line.reference}")
            by_amount.setdefault((line.direction, line.amount), []).append((text, line.booked_on))
    for each in payouts:
        codes = [normal(code) for code in _references(each)]
        days: dict[str, date] = {}
        for direction in ("debit", "credit"):
            for text, day in by_amount.get((direction, each.amount), ()):
                if any(code in text for code in codes):
                    days.setdefault(direction, day)
        if len(days) < 2:
            continue
        yield _of_payout(each, f"payout {each.id} failed", "debit", days["debit"])
        yield _of_payout(each, f"payout {each.id} back", "credit", days["credit"])
