"""What a worker of a live gateway says at its start of merchants that nobody can pay as agreed."""

from pathlib import Path

from tests.support.gateways import Databases
from tests.support.programs import program, typed
from tests.support.snap_bank import live_connections

SECRET_KEY = "a key of the tests, 32 characters"


def test_a_worker_says_whose_numbers_no_bank_knows_any_more(databases: Databases, tmp_path: Path) -> None:
    live = {
        "GERBANG_MODE": "live",
        "GERBANG_CONNECTIONS": str(live_connections(tmp_path, "virtual_account", more='company_codes = ["98765"]')),
        "GERBANG_DATABASE_URL": databases.fresh(),
        "GERBANG_SECRET_KEY": SECRET_KEY,
        "GERBANG_PUBLIC_URL": "https://pay.example.id",
        "GERBANG_PORT": "0",
    }
    named = ("--name", "Toko", "--short-name", "TOKO", "--email", "t@toko.example")
    merchant_id = typed("merchant", "create", *named, **live)["merchant id"]
    with program("work", **live) as worker:
        assert worker.printed(r"Warning: (.+)").startswith("the agreement of ")
        assert worker.stop() == 0
    assert merchant_id in worker.err + worker.out
