"""Every query is prepared on the migrated schema, and planned on tables that have grown: a wrong name in SQL
is found here, and so is a query that would read a whole table.
"""

import ast
import asyncio
import importlib
import json
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import gerbang.db
from benchmarks.crowd import INDEXES, WITHOUT_AUTOVACUUM
from gerbang.db import SESSION
from tests.support.gateways import Databases
from tests.support.some_rows import SOME_ROWS, VALUES

Plan = dict[str, Any]
FOLDER = Path(gerbang.db.__file__).parent
SAID_BY = {"fetch", "fetchrow", "fetchval", "execute", "executemany", "cursor", "prepare"}
"""The calls of a connection that take SQL."""
SQL_FROM_ELSEWHERE = {"__init__._migrated", "audit.findings", "changes._execute", "tables.find"}
"""Who runs SQL that is not written where it is run: the migrations, which every database of the tests has been through, an
audit, which reads everything, and the writer and the look-ups by key, whose statements are in the QUERIES of their modules.
"""

GROWING = {
    "customers",
    "stored_cards",
    "payments",
    "charges",
    "paycodes",
    "idempotency_keys",
    "reports",
    "report_names",
    "inquiries",
    "reversals",
    "transfers",
    "events",
    "deliveries",
    "tries",
    "inbox",
    "settlements",
    "payouts",
    "refunds",
    "partner_requests",
    "bulk_payouts",
    "account_inquiries",
    "withdrawals",
    "statement_lines",
    "partner_list_lines",
    "findings",
}
"""Tables that grow with the payments. The others have a row for each merchant, key or account."""
READS_ALL_ON_PURPOSE = {
    "idempotency.forget": "now and then, in the background; of a large table the summary by expires_at is read (BRIN)",
}
KEYED_OTHERWISE = {
    "merchants": "they are the merchants",
    "credentials": "who signs in is only then known",
    "paycodes": "a bank says who was paid by the number alone",
    "report_names": "banks name money over all merchants",
    "reversals": "banks name them, also those of money that is nobody's",
    "inquiries": "banks name them, also those about numbers that are nobody's",
    "partner_requests": "a partner names its code by our reference alone",
    "findings": "they are the operator's, and many are about money that is nobody's",
}
"""Tables with a merchant whose keys do not begin with it."""
NAMES_NO_MERCHANT = {
    "payments.opened_by_a_page": "the link to a payer's page names the payment alone",
    "payments.page_versions": "the same",
    "payouts.by_bank_reference": "a bank that gives money back names the transfer as it does itself",
    "partner_requests.sent_since": "an account's statement has everybody's payouts",
    "movements.arrived": "a day of an account is compared, whosever the money is",
    **dict.fromkeys(("movements.sent", "movements.returned", "reports.counted"), "the same"),
    "stored_cards.pending_of": "the charge alone is asked for, and it has one card at most",
    "stored_cards.sealed_with_other_keys": "all numbers are sealed anew with a new key",
    "payments.due": "a worker ends payments whose time is over",
    "lists.pending": "payments of all merchants whose time is over and that no worker has ended yet: few",
    "lists.pending, oldest first": "the same",
    "lists.expired": "the same",
    "lists.expired, oldest first": "the same",
    "charges.page": "which of a payment are shown; they are then read as their merchant's",
    "charges.count_of": "the charges of a payment that was found for its merchant",
    "lists.arrivals": "the same",
    "lists.arrivals, oldest first": "the same",
    "lists.settled arrivals": "the same",
    "lists.settled arrivals, oldest first": "the same",
    "lists.unsettled arrivals": "the same",
    "lists.unsettled arrivals, oldest first": "the same",
    "charges.to_settle": "a worker settles what is due",
    "charges.postpone": "a worker puts off what it could not settle",
    "charges.next_settles_at": "the sandbox's clock stops where something is due",
    "deliveries.claim": "a worker sends callbacks",
    "deliveries.next_due_at": "the sandbox's clock stops where something is due",
    "deliveries.in_hand": "the sandbox's clock waits for what is being sent",
    "refunds.page_of_payment": "which of a payment are shown; they are then read as their merchant's",
    "refunds.count_of_payment": "the refunds of a payment that was found for its merchant",
    "refunds.under_way": "an operator looks at what has not ended",
    "bulk_payouts.due": "a worker looks at the balances that bulk payouts wait for",
    "idempotency.forget": "a worker deletes old keys",
    "page_positions.forget": "a worker deletes old positions",
}
READS_ALL_WHILE_NOTHING_IS_COUNTED = {
    "deliveries.overview": "an operator who asks for callbacks of every merchant in any state, and waits",
}

ROWS = 10_000


@dataclass(frozen=True)
class Query:
    name: str
    sql: str
    arguments: int | None
    """How many values it is given, None where that is known only when it runs."""


class _Reader(ast.NodeVisitor):
    """Finds what one file says to the database."""

    def __init__(self, file: Path) -> None:
        self._file = file
        tree = ast.parse(file.read_text())
        name = ".".join(("gerbang.db", *file.relative_to(FOLDER).with_suffix("").parts)).removesuffix(".__init__")
        module = importlib.import_module(name)
        self._constants = {name: value for name, value in vars(module).items() if isinstance(value, str)}
        made: dict[str, str] = getattr(module, "QUERIES", {})
        self.made = [Query(f"{file.stem}.{name}", sql, None) for name, sql in made.items()]
        self._function = ""
        self.queries: list[Query] = []
        self.unread: set[str] = set()
        self.visit(tree)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        outside, self._function = self._function, self._function or node.name
        self.generic_visit(node)
        self._function = outside

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        if not (isinstance(node.func, ast.Attribute) and node.func.attr in SAID_BY and node.args):
            return
        if self.made and isinstance(node.args[0], ast.Subscript) and ast.unparse(node.args[0].value) == "QUERIES":
            return
        name = f"{self._file.stem}.{self._function}"
        sql = self._text(node.args[0])
        if sql is None:
            self.unread.add(name)
            return
        many = any(isinstance(argument, ast.Starred) for argument in node.args)
        self.queries.append(Query(name, sql, None if many else len(node.args) - 1))

    def _text(self, node: ast.expr) -> str | None:
        """The SQL of a plain string, of one with this file's constants in it, or of such a constant."""
        if isinstance(node, ast.Name):
            return self._constants.get(node.id)
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, ast.FormattedValue):
            return self._constants.get(node.value.id) if isinstance(node.value, ast.Name) else None
        if not isinstance(node, ast.JoinedStr):
            return None
        parts = [self._text(part) for part in node.values]
        return None if None in parts else "".join(part for part in parts if part)


READERS = [_Reader(file) for file in sorted(FOLDER.rglob("*.py"))]
QUERIES = [query for reader in READERS for query in (*reader.queries, *reader.made)]
PLANNED = [query for query in QUERIES if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", query.sql)]


def _ids(queries: list[Query]) -> list[str]:
    return [f"{query.name}-{i}" for i, query in enumerate(queries)]


class Grown:
    """A database with some thousands of payments, and what it says about queries."""

    def __init__(self, runner: asyncio.Runner, connection: Any) -> None:
        self._runner = runner
        self._connection = connection

    async def fill(self, count: int) -> None:
        now = "timestamptz '2025-03-30 05:48:17+00'"
        rows = f"(SELECT n, {now} + n * interval '1 second' AS at FROM generate_series(1, {count}) n) r"
        await self._connection.execute(SOME_ROWS.replace("$1", now).replace("FROM rows", f"FROM {rows}"))

    async def run(self, settings: str) -> None:
        await self._connection.execute(settings)

    def second_columns(self) -> dict[str, str]:
        """The second column of each index that has several."""
        rows = self._runner.run(
            self._connection.fetch(
                "SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid, 2, false) AS second FROM pg_index "
                "WHERE indnatts > 1"
            )
        )
        return {row["name"]: row["second"] for row in rows}

    def make_indexes_again(self) -> None:
        """Makes the indexes that belong to no constraint after all others, as pg_restore does."""
        for row in self._runner.run(self._connection.fetch(INDEXES)):
            self._runner.run(self._connection.execute(f"DROP INDEX {row['name']}; {row['sql']}"))

    def parameters(self, query: Query) -> list[str]:
        """The types of the query's parameters, as PostgreSQL finds them."""
        prepared = self._runner.run(self._connection.prepare(query.sql))
        return [parameter.name for parameter in prepared.get_parameters()]

    def read_whole(self, query: Query) -> set[str]:
        """The growing tables of which the query reads every row, or every row of an index."""
        return {table for table in _unbounded(self.plan(query), limited=False) if table in GROWING}

    def read_of_any_merchant(self, query: Query) -> set[str]:
        """The merchants' tables of which the query reads rows without saying whose."""
        return set(
            _of_any_merchant(self.plan(query), {t for t, first in self.keys().items() if first == "merchant_id"})
        )

    def keys(self) -> dict[str, str | None]:
        """The first column of the primary key of each table of merchants or with a column for them."""
        rows = self._runner.run(
            self._connection.fetch(
                """
                SELECT c.relname AS name, (SELECT k.attname FROM pg_index i JOIN pg_attribute k
                    ON k.attrelid = i.indrelid AND k.attnum = i.indkey[0] WHERE i.indrelid = c.oid AND i.indisprimary) AS first
                FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND (c.relname = 'merchants'
                    OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'merchant_id'))
                """
            )
        )
        return {row["name"]: row["first"] for row in rows}

    def plan(self, query: Query) -> Plan:
        """How PostgreSQL would run the query with values such as the gateway gives."""
        given = ", ".join(_given(parameter) for parameter in self.parameters(query))
        return self._runner.run(self._plan(query.sql, f"({given})" if given else ""))

    async def _plan(self, sql: str, given: str) -> Plan:
        await self._connection.execute(f"PREPARE asked AS {sql}")
        try:
            plan = await self._connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE asked{given}")
        finally:
            await self._connection.execute("DEALLOCATE asked")
        return json.loads(plan)[0]["Plan"]


@pytest.fixture(scope="module")
def grown(databases: Databases) -> Iterator[Grown]:
    url = databases.fresh()
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(url))
        database = Grown(runner, connection)
        runner.run(database.fill(ROWS))
        runner.run(database.run("ANALYZE; SET plan_cache_mode = force_custom_plan; SET jit = off"))
        yield database
        runner.run(connection.close())


@contextmanager
def _uncounted(databases: Databases, rows: int) -> Generator[Grown]:
    """A database of which PostgreSQL has no statistics, in a session of the gateway that keeps every plan."""
    with asyncio.Runner() as runner:
        settings = SESSION | {"plan_cache_mode": "force_generic_plan"}
        connection = runner.run(asyncpg.connect(databases.fresh(), server_settings=settings))
        database = Grown(runner, connection)
        runner.run(database.run(WITHOUT_AUTOVACUUM))
        if rows:
            runner.run(database.fill(rows))
        yield database
        runner.run(connection.close())


def _given(type_: str) -> str:
    """A value such as the gateway gives: of lists a batch, of limits a page, of instants one at which little is due."""
    one = type_.removesuffix("[]").removeprefix("public.")
    value = f"{VALUES.get(one, 'NULL')}::{one}"
    return value if one == type_ else f"array_fill({value}, ARRAY[16])"


def _unbounded(plan: Plan, *, limited: bool) -> Iterator[str]:
    kind, bounded = plan["Node Type"], "Index Cond" in plan
    limited = (limited or kind == "Limit") and kind != "Sort"
    # A few rows from the end of an index are no whole table.
    whole = kind == "Seq Scan" or (kind in ("Index Scan", "Index Only Scan") and not bounded and not limited)
    if whole:
        yield plan["Relation Name"]
    for part in plan.get("Plans", []):
        if part["Node Type"] == "Bitmap Index Scan" and "Index Cond" not in part:
            yield plan["Relation Name"]
        yield from _unbounded(part, limited=limited)


def _of_any_merchant(plan: Plan, owned: set[str], *, said: bool = False) -> Iterator[str]:
    """The merchants' tables of which the plan shows rows of any merchant."""
    said |= any("merchant_id" in plan.get(part, "") for part in ("Index Cond", "Filter", "Join Filter"))
    if plan.get("Relation Name") in owned and plan["Node Type"].endswith("Scan") and not said:
        yield plan["Relation Name"]
    for part in plan.get("Plans", []):
        yield from _of_any_merchant(part, owned, said=said)


def _by_merchant_alone(plan: Plan, second: dict[str, str], join: str = "") -> Iterator[str]:
    """The indexes in which the plan looks at all rows of a merchant, although it was asked for something that they have.

    `second` is the second column of each index: unless it is looked for too, all that the merchant has is read.
    """
    condition, name = plan.get("Index Cond", ""), plan.get("Index Name", "")
    others = condition.replace("merchant_id = ", "") + plan.get("Filter", "") + join
    if "merchant_id = " in condition and f"({second.get(name, '')} " not in condition and " = " in others:
        yield name
    for part in plan.get("Plans", []):
        yield from _by_merchant_alone(part, second, plan.get("Join Filter", ""))


def test_all_sql_is_written_where_it_is_run() -> None:
    assert {name for reader in READERS for name in reader.unread} == SQL_FROM_ELSEWHERE
    assert len(QUERIES) > 40


@pytest.mark.parametrize("query", QUERIES, ids=_ids(QUERIES))
def test_a_query_fits_the_schema_and_gets_as_many_values_as_it_asks_for(grown: Grown, query: Query) -> None:
    parameters = len(grown.parameters(query))
    assert {int(number) for number in re.findall(r"\$(\d+)", query.sql)} == set(range(1, parameters + 1))
    assert query.arguments in (None, parameters)


@pytest.mark.parametrize("query", PLANNED, ids=_ids(PLANNED))
def test_a_query_does_not_read_all_payments_ever_made(grown: Grown, query: Query) -> None:
    assert query.name in READS_ALL_ON_PURPOSE or grown.read_whole(query) == set()


def test_what_a_merchant_owns_is_keyed_by_the_merchant(grown: Grown) -> None:
    assert {table for table, first in grown.keys().items() if first != "merchant_id"} == KEYED_OTHERWISE.keys()


def test_every_query_says_whose_rows_it_reads_or_is_on_the_list(grown: Grown) -> None:
    assert {query.name for query in PLANNED if grown.read_of_any_merchant(query)} == NAMES_NO_MERCHANT.keys()


@pytest.mark.parametrize("rows", [0, 10, 300, 3_000])
def test_no_plan_that_is_kept_from_small_tables_reads_whole_ones(databases: Databases, rows: int) -> None:
    with _uncounted(databases, rows) as small:
        found = [query.name for query in PLANNED if small.read_whole(query)]
    assert set(found) <= READS_ALL_ON_PURPOSE.keys() | READS_ALL_WHILE_NOTHING_IS_COUNTED.keys()


@pytest.mark.parametrize("restored", [False, True], ids=["made", "restored"])
@pytest.mark.parametrize("rows", [0, 10, 300, 3_000])
def test_no_plan_that_is_kept_from_small_tables_reads_all_of_a_merchants_rows(
    databases: Databases, rows: int, restored: bool
) -> None:
    with _uncounted(databases, rows) as small:
        if restored:
            small.make_indexes_again()
        second = small.second_columns()
        found = {query.name: set(_by_merchant_alone(small.plan(query), second)) for query in PLANNED}
    assert {name: indexes for name, indexes in found.items() if indexes} == {}


def test_every_exception_is_still_needed(grown: Grown) -> None:
    assert {query.name for query in PLANNED if grown.read_whole(query)} >= READS_ALL_ON_PURPOSE.keys()


@pytest.mark.parametrize(
    "sql",
    ["SELECT referenz FROM payments", "INSERT INTO payments (id) VALUES ($1) ON CONFLICT (amount) DO NOTHING"],
)
def test_a_query_that_does_not_fit_is_seen(grown: Grown, sql: str) -> None:
    with pytest.raises(asyncpg.PostgresError):
        grown.read_whole(Query("", sql, None))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM payments WHERE descriptor = $1",
        "DELETE FROM paycodes WHERE held AND payment_id = ANY($1::uuid[])",
        "SELECT count(*) FROM events",
    ],
)
def test_a_query_that_reads_everything_is_seen(grown: Grown, sql: str) -> None:
    assert len(grown.read_whole(Query("", sql, None))) == 1
