"""Making the tables, and recognising those that an older Gerbang has made."""

import pytest

from gerbang.db import FIRST_MIGRATION, OLDER_GERBANG, Database, migrate, migrations
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
        await connection.execute("INSERT INTO migrations (number, name) VALUES (2, '0002_set_aside_by_payment.sql')")
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
