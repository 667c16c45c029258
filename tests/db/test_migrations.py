"""Making the tables, and recognising those that an older Gerbang has made."""

from typing import Any

import pytest

from gerbang.db import FIRST_MIGRATION, OLDER_GERBANG, Database, migrate, migrations
from gerbang.db.tables import TABLES, Table
from gerbang.settings import SettingsWrong
from tests.support.gateways import Databases
from tests.support.services import connected


def test_the_first_migration_is_the_one_that_older_tables_are_recognised_by() -> None:
    assert [name for number, name, _ in migrations() if number == 1] == [FIRST_MIGRATION]


@pytest.mark.parametrize("first", ["0001_first.sql", "0001_schema.sql"], ids=["0.1", "an unfinished 0.2"])
async def test_tables_of_an_older_gerbang_are_refused_and_left_as_they_are(databases: Databases, first: str) -> None:
    url = databases.fresh()

    async with connected(url) as connection:
        await connection.execute("UPDATE migrations SET name = $1 WHERE number = 1", first)
        await connection.execute("UPDATE migrations SET name = '0002_set_aside_by_payment.sql' WHERE number = 2")
        before = await connection.fetch("SELECT * FROM migrations ORDER BY number")
        database = Database(url, 1)
        await database.open()
        with pytest.raises(SettingsWrong) as refused:
            await migrate(database)
        await database.close()
        assert str(refused.value) == OLDER_GERBANG
        assert await connection.fetch("SELECT * FROM migrations ORDER BY number") == before


async def test_migrating_twice_changes_nothing(databases: Databases) -> None:
    url = databases.fresh()

    database = Database(url, 1)
    await database.open()
    assert await migrate(database) == []
    await database.close()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_rows_are_sent_with_the_columns_of_their_table_in_the_order_of_their_type(
    databases: Databases, table: Table[Any]
) -> None:
    async with connected(databases.fresh()) as connection:

        async def columns_of(name: str) -> dict[str, str]:
            rows = await connection.fetch(
                "SELECT attname, format_type(atttypid, NULL) AS type FROM pg_attribute "
                "WHERE attrelid = $1::text::regclass AND attnum > 0 ORDER BY attnum",
                name,
            )
            return {row["attname"]: row["type"].replace("timestamp with time zone", "timestamptz") for row in rows}

        in_type, in_table = await columns_of(table.row_type), await columns_of(table.name)
        assert list(in_type.items()) == list(table.types.items())
        assert {name: in_table[name] for name in table.types} == table.types
