"""`gerbang audit`: what it prints, and its exit code."""

import asyncio
import json

from tests.support.gateways import Databases
from tests.support.programs import program
from tests.support.services import connected

SECRET_KEY = "a key of at least thirty-two characters"


def test_the_ledger_is_audited_from_the_command_line(databases: Databases) -> None:
    shared = {"GERBANG_DATABASE_URL": databases.fresh(), "GERBANG_SECRET_KEY": SECRET_KEY}
    with program(
        "merchant", "create", "--name", "Toko", "--short-name", "TOKO", "--email", "toko@toko.example", **shared
    ) as command:
        assert command.ended() == 0, command.err
    with program("audit", **shared) as command:
        assert command.ended() == 0, command.err
        assert command.out.startswith("The records are in order: ")

    async def spoil() -> None:
        async with connected(shared["GERBANG_DATABASE_URL"]) as connection:
            await connection.execute(
                "INSERT INTO accounts (name, currency, balance) VALUES ('platform/fees', 'IDR', 5)"
            )

    asyncio.run(spoil())
    with program("audit", **shared) as command:
        assert command.ended() == 1, command.err
        assert "1 times: the whole ledger is not zero. 5\n" in command.out
    with program("audit", "--json", **shared) as command:
        assert command.ended() == 1, command.err
    found = {one["rule"]: one for one in json.loads(command.out)["found"]}
    assert found["an account's balance is not what its transfers add up to"]["examples"] == ["platform/fees"]
    assert found["a number is held by two"] == {"rule": "a number is held by two", "count": 0, "examples": []}
