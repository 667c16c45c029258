"""The two sides of the comparison in the database: their merchants, the pgbench scripts, and stored payments."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.dialects import DIALECTS, V2, V4, Dialect
from benchmarks.rows import HEAD, Connection, Table, Template
from gerbang.db.ledger import STRIPES
from gerbang.domain.connections import SIMULATOR
from gerbang.domain.ledger import FEES, VAT, bank
from gerbang.domain.money import IDR
from gerbang.services.merchants import Keys

WHO = ("ours", "pgbench")
LISTED = "ours lists"
"""The one merchant whose list is read."""
HOT = "one hot merchant"
"""The merchant to whom half of the requests of a case belong."""
INBOUND = "ours inbound"
"""The merchants whose payments a bank reports."""
SIDES = (
    *(f"{who} {dialect.named(kind)}" for dialect in DIALECTS for kind in dialect.written_kinds for who in WHO),
    LISTED,
    INBOUND,
)


def sides_of(dialect: Dialect, who: str) -> list[str]:
    return [f"{who} {dialect.named(kind)}" for kind in dialect.written_kinds]


def wanted(places: int) -> dict[str, tuple[str, int]]:
    """The merchants to create: how many for each side, with callbacks of which product, and one of each dialect as a
    model.
    """
    found = {LISTED: (V4.product, 1), HOT: (V2.product, 1), INBOUND: (V2.product, places)}
    found["inbound model"] = (V2.product, 1)
    for dialect in DIALECTS:
        found[dialect.named("model")] = (dialect.product, 1)
        found |= dict.fromkeys(sides_of(dialect, "ours"), (dialect.product, places))
    return found


def merchant_prefix(side: str) -> str:
    return f"019000{SIDES.index(side):02x}-aaaa-7000-8000-"


def endpoint_prefix(side: str) -> str:
    return f"019000{SIDES.index(side):02x}-eeee-7000-8000-"


async def line_up(db: Connection, shops: Mapping[str, Sequence[Keys]], places: int) -> None:
    """Fills bench_merchants, and gives pgbench merchants with ids that can be computed."""
    await db.execute(
        "CREATE TABLE bench_merchants (side text, place integer, merchant_id uuid, endpoint_id uuid, "
        "PRIMARY KEY (side, place))"
    )
    for side in set(SIDES) & set(shops):
        await db.execute(
            "INSERT INTO bench_merchants SELECT $1, o.place - 1, o.id, e.id FROM unnest($2::uuid[]) WITH ORDINALITY "
            "AS o(id, place) JOIN endpoints e ON e.merchant_id = o.id",
            side,
            [keys.merchant_id for keys in shops[side]],
        )
    for dialect in DIALECTS:
        for side in sides_of(dialect, "pgbench"):
            await db.execute(
                "INSERT INTO bench_merchants SELECT $1, place, ($2 || (100000000000 + place))::uuid, "
                "($3 || (100000000000 + place))::uuid FROM generate_series(0, $4 - 1) AS place",
                side,
                merchant_prefix(side),
                endpoint_prefix(side),
                places,
            )
            await _copy_model(db, side, shops[dialect.named("model")][0].merchant_id)


async def _copy_model(db: Connection, side: str, model: str) -> None:
    """Copies all rows of the model merchant to the merchants of a side."""
    for table, own in (("merchants", "id"), ("counters", "merchant_id"), ("endpoints", "merchant_id")):
        columns: Sequence[str] = [
            row["attname"]
            for row in await db.fetch(
                "SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 "
                "AND NOT attisdropped",
                table,
            )
        ]
        values = {"number": f"{SIDES.index(side) + 1}000 + b.place", own: "b.merchant_id"}
        if table == "endpoints":
            values["id"] = "b.endpoint_id"
        picked = ", ".join(values.get(name, f"m.{name}") for name in columns)
        await db.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {picked} FROM {table} m "
            f"CROSS JOIN bench_merchants b WHERE m.{own} = $1 AND b.side = $2",
            model,
            side,
        )


# -- accounts ---------------------------------------------------------------------------------------------------------


def _block(side: str, place: int) -> int:
    """The first account number for each name of a side's accounts."""
    return (SIDES.index(side) * 10 + place + 1) * 1_000_000


def _accounts(template: Template, side: str, merchant: str) -> dict[str, str]:
    return {f"account_{i}": f"{_block(side, i)} + {merchant}" for i in range(len(template.accounts.owned))}


async def open_platform(db: Connection) -> None:
    """Opens all rows of the platform's accounts, those of one account under consecutive numbers."""
    await db.execute(
        "INSERT INTO accounts (name, stripe, currency) SELECT name, stripe, $2 FROM unnest($1::text[]) AS n(name), "
        "generate_series(0, $3 - 1) AS stripe ORDER BY name, stripe",
        [bank(SIMULATOR), FEES, VAT],
        IDR,
        STRIPES,
    )


async def open_accounts(db: Connection, template: Template, side: str) -> None:
    """Opens the accounts of a side's merchants under numbers that can be computed."""
    for i, name in enumerate(template.accounts.owned):
        await db.execute(
            "INSERT INTO accounts (id, name, currency) OVERRIDING SYSTEM VALUE SELECT $1 + place, "
            "replace($2, '{merchant}', merchant_id::text), $3 FROM bench_merchants WHERE side = $4",
            _block(side, i),
            name,
            IDR,
            side,
        )


# -- what is written --------------------------------------------------------------------------------------------------


def pgbench_script(template: Template, side: str, clients: int) -> str:
    """A pgbench script that writes the template for one payment after the other. Its variables are n = 0 and first."""
    names = {
        "serial": ":serial",
        "merchant": f"'{merchant_prefix(side)}' || :merchant",
        "endpoint": f"'{endpoint_prefix(side)}' || :merchant",
        "head": f"'{HEAD}'",
        "now": "now()",
        "stripe": ":stripe",
        **_accounts(template, side, ":client_id"),
    }
    statements = "\n".join(f"{statement.format(**names)};" for statement in template.transaction())
    return (
        f"\\set serial :first + :n * {clients} + :client_id\n\\set merchant 100000000000 + :client_id\n\\set n :n + 1\n"
        f"\\set stripe random(0, {STRIPES - 1})\n"
        f"BEGIN;\n{statements}\nCOMMIT;\n"
    )


def reading_script(id_prefix: str, side: str, merchants: int) -> str:
    """A pgbench script that reads one of the side's stored payments, by chance, with its newest charges."""
    return (
        f"\\set serial random(:first, :last)\n\\set merchant 100000000000 + :serial % {merchants}\n"
        f"SELECT * FROM payments WHERE merchant_id = ('{merchant_prefix(side)}' || :merchant)::uuid "
        f"AND id = ('{id_prefix}' || :serial)::uuid;\n"
        f"SELECT * FROM charges WHERE payment_id = ('{id_prefix}' || :serial)::uuid ORDER BY id DESC LIMIT 10;\n"
    )


async def store(db: Connection, template: Template, side: str, first: int, count: int) -> None:
    """Stores payments with the serial numbers first, first + 1, … as the template writes them.

    They go to the side's merchants in turn, and are as many as these or a multiple of it.
    """
    merchants = await db.fetchval("SELECT count(*) FROM bench_merchants WHERE side = $1", side)
    counts = template.counts
    names = {
        "serial": "p::text",
        "merchant": "b.merchant_id::text",
        "endpoint": "b.endpoint_id::text",
        "sequence": f"t.events + ((p - {first}) / {merchants} + 1) * {counts['events']}",
        "head": f"'{HEAD}'",
        "now": "now()",
        "stripe": "0",
        **_accounts(template, side, "b.place"),
    }
    source = (
        f"FROM generate_series({first}::bigint, {first + count - 1}) AS p JOIN bench_merchants b ON b.side = '{side}' "
        f"AND b.place = p % {merchants} JOIN counters t ON t.merchant_id = b.merchant_id ORDER BY p"
    )
    async with db.transaction():
        await db.execute("SET LOCAL synchronous_commit = off")
        for table in template.changes.tables:
            for insert in template.inserts(table, source) if table in template.changes.new else []:
                await db.execute(insert.format(**names))
        for account, change in template.moves.items():
            each, own = count // merchants, account.startswith("{")
            await db.execute(
                f"UPDATE accounts a SET balance = balance + {change * (each if own else count)} "
                f"FROM bench_merchants b WHERE b.side = $1 AND a.id = {account.format(**names)}",
                side,
            )
        await db.execute(
            "UPDATE counters SET events = events + $2, payments = payments + $3 "
            "WHERE merchant_id IN (SELECT merchant_id FROM bench_merchants WHERE side = $1)",
            side,
            counts["events"] * count // merchants,
            counts["payments"] * count // merchants,
        )


async def sizes(db: Connection, side: str, schema: Mapping[str, Table]) -> dict[str, tuple[int, float]]:
    """For each table, the number of rows of a side's merchants and their mean size in bytes, in the latest version
    only.
    """
    found: dict[str, tuple[int, float]] = {}
    finished = {"payments": "paid_at IS NOT NULL", "charges": "paid_at IS NOT NULL", "events": "snapshot IS NOT NULL"}
    for table in schema.values():
        if "merchant_id" not in table.types or table.name in {"merchants", "endpoints", "credentials", "counters"}:
            continue
        done = finished.get(table.name, "true") if side.endswith("pay") else "true"
        row: Any = await db.fetchrow(
            f"SELECT count(*) AS rows, coalesce(avg(pg_column_size(t.*)) , 0)::float AS bytes FROM {table.name} t "
            f"WHERE merchant_id IN (SELECT merchant_id FROM bench_merchants WHERE side = $1) AND {done}",
            side,
        )
        if row["rows"]:
            found[table.name] = (row["rows"], row["bytes"])
    return found
