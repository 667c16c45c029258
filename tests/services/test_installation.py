"""A database is a sandbox's or a live gateway's, sealed with one key: whoever was configured otherwise is sent away."""

import pytest

from gerbang import app
from gerbang.db import Database, Tx, migrate, migrations
from gerbang.settings import Mode, Settings, SettingsWrong
from tests.support.gateways import Databases
from tests.support.services import connected, several

KEY, OTHER_KEY = "the key of this gateway, 32 letters", "the key of another, also 32 or so"
ANOTHER_KEY = "This database is sealed with another secret key"
ANOTHER_MODE = {
    "sandbox": "This database is a sandbox's, and a sandbox never becomes live",
    "live": "This database is a live one, which nobody may play with",
}


@pytest.fixture
def url(databases: Databases) -> str:
    return databases.fresh()


def settings(url: str, mode: Mode = "sandbox", key: str = KEY) -> Settings:
    return Settings(database_url=url, mode=mode, secret_key=key, public_url="https://pay.example")


async def opened(url: str, mode: Mode = "sandbox", key: str = KEY) -> str:
    """A process that opens this database and leaves again: "" or why it was sent away."""
    try:
        async with app.gateway(settings(url, mode, key), base_url="https://pay.example"):
            return ""
    except SettingsWrong as refusal:
        return str(refusal)


async def rows(url: str, query: str, *values: object) -> list[dict[str, object]]:
    async with connected(url) as connection:
        return [dict(row) for row in await connection.fetch(query, *values)]


async def written(url: str) -> list[dict[str, object]]:
    return await rows(url, "SELECT mode, fingerprint FROM installation")


@pytest.mark.parametrize("mode", ["sandbox", "live"])
async def test_a_database_stays_what_it_was_first_opened_as(url: str, mode: Mode) -> None:
    assert await opened(url, mode) == ""
    was = await written(url)
    assert [row["mode"] for row in was] == [mode]
    assert (await opened(url, "live" if mode == "sandbox" else "sandbox")).startswith(ANOTHER_MODE[mode])
    assert (await opened(url, mode, OTHER_KEY)).startswith(ANOTHER_KEY)
    assert await opened(url, mode) == ""
    assert await written(url) == was


async def test_of_many_that_open_an_empty_database_at_once_all_agree_with_the_first(url: str) -> None:
    """Four gateways of two modes and two keys, at the same time: one kind of them is let in, and every one of that kind."""
    kinds: list[tuple[Mode, str]] = [("sandbox", KEY), ("live", KEY), ("sandbox", OTHER_KEY), ("live", OTHER_KEY)]

    answers = await several(*(opened(url, mode, key) for mode, key in kinds * 3))
    admitted = {kind for kind, refusal in zip(kinds * 3, answers, strict=True) if refusal == ""}
    assert len(admitted) == 1
    assert answers.count("") == 3
    assert len(await written(url)) == 1


async def test_who_is_sent_away_has_not_set_a_clock(url: str) -> None:
    assert await opened(url, "live") == ""
    assert await opened(url, "sandbox") != ""
    assert await rows(url, "SELECT offset_seconds FROM sandbox_clock") == []


async def test_who_is_sent_away_has_not_migrated_anything(url: str) -> None:
    """A newer version that is given another gateway's database leaves its tables as they were."""

    async def refuse(_: Tx) -> None:
        raise SettingsWrong("This is another's.")

    await rows(url, "DROP SCHEMA public CASCADE")
    await rows(url, "CREATE SCHEMA public")
    database = Database(url, 2)
    await database.open()
    with pytest.raises(SettingsWrong, match=r"This is another's\."):
        await migrate(database, then=refuse)
    assert await rows(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []
    assert await migrate(database) == [name for _, name, _ in migrations()]
    await database.close()
