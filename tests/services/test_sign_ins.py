"""Who has just signed in is not looked up again for a second, and no longer than its connection to the database lasts."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import UUID

import pytest

from gerbang.errors import CredentialsWrong, Unavailable
from gerbang.services import merchants
from gerbang.services.credentials import SIGN_IN_SECONDS, SignIn, SignIns
from gerbang.services.merchants import V2, V4, Keys
from tests.support.gateways import Databases
from tests.support.services import Services, connected, services


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


@dataclass(frozen=True)
class Process:
    services: Services
    sign_in: SignIns


@asynccontextmanager
async def signed_in(url: str, seconds: float = SIGN_IN_SECONDS) -> AsyncGenerator[tuple[Process, Keys, UUID]]:
    """A merchant that has just signed in, and whose keys have been deleted since."""
    async with services(url) as services_:
        here = Process(services_, SignIns(services_.world, size_max=64, lanes=2, seconds=seconds))
        merchant, keys = await merchants.create(
            here.services.world, name="Toko", short_name="TOKO", email="uji@toko.example"
        )
        assert await here.sign_in(of(keys)) == merchant.id
        async with connected(url) as connection:
            await connection.execute("DELETE FROM credentials WHERE merchant_id = $1", merchant.id)
        yield here, keys, merchant.id


def of(keys: Keys, **changes: str) -> SignIn:
    return SignIn(**({"key": keys.v4_key, "secret": keys.v4_secret, "dialect": V4} | changes))


async def test_who_has_just_signed_in_is_not_looked_up_again(url: str) -> None:
    async with signed_in(url) as (here, keys, merchant_id):
        assert await here.sign_in(of(keys)) == merchant_id


@pytest.mark.parametrize(
    "changes", [{"secret": "another"}, {"dialect": V2}, {"key": "test_0123456789abcdef0123456789abcdef"}]
)
async def test_another_secret_key_or_dialect_is_looked_up(url: str, changes: dict[str, str]) -> None:
    async with signed_in(url) as (here, keys, _):
        with pytest.raises(CredentialsWrong):
            await here.sign_in(of(keys, **changes))


async def test_a_key_that_was_taken_away_is_good_for_a_second_at_most(url: str) -> None:
    assert SIGN_IN_SECONDS == 1.0
    async with signed_in(url, seconds=0.05) as (here, keys, _):
        await asyncio.sleep(0.06)
        with pytest.raises(CredentialsWrong):
            await here.sign_in(of(keys))


async def test_when_a_connection_was_lost_everybody_is_looked_up(url: str) -> None:
    async with signed_in(url) as (here, keys, _):
        async with connected(url) as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        with suppress(Unavailable):  # it finds its connection lost, or a new one
            await here.services.merchant()
        with pytest.raises(CredentialsWrong):
            await here.sign_in(of(keys))
