"""Lists of one merchant with many payments: stores the payments and measures how fast each page is read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from benchmarks import rows
from benchmarks.dialects import V4, Request
from benchmarks.gateways import Gateway
from benchmarks.meters import Load, Measured, Meter
from benchmarks.models import Model
from benchmarks.rows import Connection, Template
from benchmarks.sides import LISTED
from gerbang.services.merchants import Keys

FIRST = 600_000_000_000
MONTH = timedelta(days=30)
ARRIVALS = 10
"""Every tenth payment is an arrival on a static number."""
NOT_SETTLED = 10
"""The newest tenth is paid and not settled, as with a settlement after three days."""
PAGES = 20
FAR_PAGE = 5_000
SIZE = 10
SECONDS = 1
"""How long each list is read, which is several hundred times."""

SETTLEMENTS = f"""
    INSERT INTO settlements (id, merchant_id, settled_on, charges, gross, fees, created_at, updated_at)
    SELECT s.id, b.merchant_id, date '2000-01-01' + row_number() OVER ()::int, charges, gross, fees, created_at, updated_at
    FROM settlements s JOIN bench_merchants b ON b.side = '{LISTED}' WHERE s.merchant_id <> b.merchant_id
"""
"""The merchant gets the settlements that the templates' charges name, on days of long ago."""


@dataclass(frozen=True)
class Question:
    """A list request: its query with a placeholder (SERIAL), the numbers to put there, and how many payments it
    returns.
    """

    name: str
    query: str
    shows: int
    first: int = 1
    again: int = 1
    limited: bool = True


def questions(middle: datetime, count: int) -> list[Question]:
    """The list requests for so many stored payments."""
    far = min(FAR_PAGE, count // SIZE)
    after = f"{middle:%Y-%m-%dT%H:%M:%SZ}"
    return [
        Question("list: first page", "", SIZE),
        Question(f"list: pages 2 to {PAGES}", "?page%5Bnumber%5D=SERIAL", SIZE, first=2, again=PAGES - 1),
        Question("list: paid", "?filter%5Bstatus%5D=paid", SIZE),
        Question("list: completed", "?filter%5Bstatus%5D=completed", SIZE),
        Question("list: failed (none)", "?filter%5Bstatus%5D=failed", 0),
        Question("list: created after", f"?filter%5BcreatedAfter%5D={after}&sort=createdAt", SIZE),
        Question(
            "list: reference", "?filter%5BreferenceId%5D=order-SERIAL", 1, first=FIRST + 1, again=min(1_000, count)
        ),
        Question(f"list: jump to page {far:,}", f"?page%5Bnumber%5D={far}", SIZE, limited=False),
    ]


async def store(db: Connection, model: Model, arrivals: tuple[Template, Template], count: int) -> datetime:
    """Stores payments of the last thirty days, evenly, and returns the instant in their middle.

    `arrivals` are templates of money on a static number: paid, and settled.
    """
    newest = FIRST + count - count // NOT_SETTLED
    begin = int((datetime.now(UTC) - MONTH).timestamp() / rows.HEAD_SECONDS)
    steps = int(MONTH.total_seconds() / rows.HEAD_SECONDS)
    head = f"({begin} + (p - {FIRST}) * {steps} / {count})"
    names = {
        "serial": "p::text",
        "merchant": "b.merchant_id::text",
        "head": f"lpad(to_hex({head}), 8, '0')",
        "now": f"(timestamptz 'epoch' + {head} * interval '{rows.HEAD_SECONDS} seconds')",
    }

    async def write(template: Template, table: str, first: int, last: int, which: str) -> None:
        source = (
            f"FROM generate_series({first}::bigint, {last}) AS p "
            f"JOIN bench_merchants b ON b.side = '{LISTED}' WHERE p % {ARRIVALS} {which} ORDER BY p"
        )
        (insert,) = template.inserts(table, source)
        await db.execute(insert.format(**names))

    async with db.transaction():
        await db.execute("SET LOCAL synchronous_commit = off")
        await db.execute(SETTLEMENTS)
        for first, last, template, arrival in (
            (FIRST, newest - 1, model.settled, arrivals[1]),
            (newest, FIRST + count - 1, model.paid, arrivals[0]),
        ):
            await write(template, "payments", first, last, "<> 0")
            await write(template, "charges", first, last, "<> 0")
            await write(arrival, "charges", first, last, "= 0")
    await db.execute("VACUUM ANALYZE")
    return datetime.fromtimestamp((begin + steps // 2) * rows.HEAD_SECONDS, UTC)


def measure(
    meter: Meter, gateway: Gateway, keys: Keys, requests: Sequence[Question]
) -> Iterator[tuple[Question, Measured]]:
    """Reads each list repeatedly over one connection. Ends the program if one returns a wrong number of payments."""
    signed = [V4.authorization(gateway, keys)]
    for question in requests:
        request = Request("GET", f"/api/v4/payments{question.query}")
        shown = V4.ask(gateway, keys, request.about(str(question.first)))["data"]
        if len(shown) != question.shows:
            raise SystemExit(f"{question.name} shows {len(shown)} payments instead of {question.shows}")
        load = Load(request, signed, again=question.again, connections=1, seconds=SECONDS)
        yield question, meter.wrk(gateway, load, question.first)
