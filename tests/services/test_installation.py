"""A database is a sandbox's or a live house's, sealed with one key: whoever was told otherwise is sent away."""

import pytest

from gerbang import app
from gerbang.db import Database, Tx, migrate
from gerbang.seals import Seals
from gerbang.services import merchants
from gerbang.settings import Mode, Settings, SettingsWrong
from tests.gateways import Databases
from tests.houses import connected, run, several

KEY, OTHER_KEY = "the key of this house, 32 letters", "the key of another, also 32 or so"
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
        async with app.house(settings(url, mode, key), base_url="https://pay.example"):
            return ""
    except SettingsWrong as refusal:
        return str(refusal)


async def rows(url: str, query: str, *values: object) -> list[dict[str, object]]:
    async with connected(url) as connection:
        return [dict(row) for row in await connection.fetch(query, *values)]


async def written(url: str) -> list[dict[str, object]]:
    return await rows(url, "SELECT mode, fingerprint FROM installation")


async def unwritten(url: str, mode: Mode, *, callback: bool = True, key: str = KEY) -> None:
    """A house with one more merchant, as it was left before anybody wrote down what it is."""
    # Nobody was sent away then.
    await rows(url, "INSERT INTO installation (mode, fingerprint) VALUES ($1, $2)", mode, Seals(key).fingerprint)
    async with app.house(settings(url, mode, key), base_url="https://pay.example") as house:
        merchant, _ = await merchants.create(house.world, name="Toko", short_name="TOKO", email="t@toko.example")
        if callback:
            await merchants.set_callback(house.world, merchant.id, "payment", "https://8.8.8.8/")
    await rows(url, "DELETE FROM installation")


@pytest.mark.parametrize("mode", ["sandbox", "live"])
def test_a_database_stays_what_it_was_first_opened_as(url: str, mode: Mode) -> None:
    async def story() -> None:
        assert await opened(url, mode) == ""
        was = await written(url)
        assert [row["mode"] for row in was] == [mode]
        assert (await opened(url, "live" if mode == "sandbox" else "sandbox")).startswith(ANOTHER_MODE[mode])
        assert (await opened(url, mode, OTHER_KEY)).startswith(ANOTHER_KEY)
        assert await opened(url, mode) == ""
        assert await written(url) == was

    run(story)


def test_of_many_that_open_an_empty_database_at_once_all_agree_with_the_first(url: str) -> None:
    """Four houses of two modes and two keys, at the same time: one kind of them is let in, and every one of that kind."""
    kinds: list[tuple[Mode, str]] = [("sandbox", KEY), ("live", KEY), ("sandbox", OTHER_KEY), ("live", OTHER_KEY)]

    async def story() -> None:
        told = await several(*(opened(url, mode, key) for mode, key in kinds * 3))
        admitted = {kind for kind, refusal in zip(kinds * 3, told, strict=True) if refusal == ""}
        assert len(admitted) == 1
        assert told.count("") == 3
        assert len(await written(url)) == 1

    run(story)


@pytest.mark.parametrize("mode", ["sandbox", "live"])
@pytest.mark.parametrize("callback", [False, True])
def test_a_house_from_before_is_recognised_at_its_first_start(url: str, mode: Mode, callback: bool) -> None:
    async def story() -> None:
        await unwritten(url, mode, callback=callback)
        assert (await opened(url, "live" if mode == "sandbox" else "sandbox")).startswith(ANOTHER_MODE[mode])
        if callback:
            assert (await opened(url, mode, OTHER_KEY)).startswith(ANOTHER_KEY)
        assert await written(url) == []
        assert await opened(url, mode) == ""
        assert [row["mode"] for row in await written(url)] == [mode]
        assert (await opened(url, mode, OTHER_KEY)).startswith(ANOTHER_KEY)

    run(story)


def test_a_live_house_that_was_once_opened_as_a_sandbox_by_mistake_is_still_live(url: str) -> None:
    async def story() -> None:
        await unwritten(url, "live")
        await rows(url, "INSERT INTO sandbox_clock (offset_seconds) VALUES (0)")
        assert (await opened(url, "sandbox")).startswith(ANOTHER_MODE["live"])
        assert await opened(url, "live") == ""

    run(story)


def test_one_secret_that_was_sealed_with_another_key_by_mistake_shuts_nobody_out(url: str) -> None:
    async def story() -> None:
        await unwritten(url, "live", key=OTHER_KEY)
        for _ in range(2):
            await unwritten(url, "live")
        assert (await opened(url, "live", OTHER_KEY)).startswith(ANOTHER_KEY)
        assert await opened(url, "live") == ""

    run(story)


def test_a_sandbox_in_which_a_live_merchant_was_made_by_mistake_is_still_a_sandbox(url: str) -> None:
    async def story() -> None:
        for mode in ("sandbox", "sandbox", "live"):
            await unwritten(url, mode)
        assert (await opened(url, "live")).startswith(ANOTHER_MODE["sandbox"])
        assert await opened(url, "sandbox") == ""

    run(story)


def test_who_is_sent_away_has_not_set_a_clock(url: str) -> None:
    async def story() -> None:
        assert await opened(url, "live") == ""
        assert await opened(url, "sandbox") != ""
        assert await rows(url, "SELECT offset_seconds FROM sandbox_clock") == []

    run(story)


def test_who_is_sent_away_has_not_migrated_anything(url: str) -> None:
    """A newer version that is given another house's database leaves its tables as they were."""

    async def refuse(_: Tx) -> None:
        raise SettingsWrong("This is another's.")

    async def story() -> None:
        await rows(url, "DROP SCHEMA public CASCADE")
        await rows(url, "CREATE SCHEMA public")
        database = Database(url, 2)
        await database.open()
        with pytest.raises(SettingsWrong, match=r"This is another's\."):
            await migrate(database, then=refuse)
        assert await rows(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []
        assert len(await migrate(database)) > 5
        await database.close()

    run(story)
