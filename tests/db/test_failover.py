"""A database fails over: it dies, falls silent or only reads, and another takes its place, which may lack the last commits.

Nothing that was acknowledged is given to another; with synchronous replication nothing of it is lost either.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clusters import Pair, pair, template
from tests.gateways import Gateway, Shop


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    with template() as folder:
        yield folder


@pytest.fixture
def clusters(made: Path) -> Iterator[Pair]:
    with pair(made) as clusters:
        yield clusters


def paid(shop: Shop) -> str:
    """A payment that is paid; its id."""
    payment = shop.create()["id"]
    assert shop.simulate(payment) == "true"
    return payment


def money_of(shop: Shop) -> float:
    """What the bank owes for the merchant. All of its money is on its own accounts, and in the house's fees."""
    books = {account["name"]: float(account["balance"]) for account in shop.get("/sandbox/ledger")["accounts"]}
    others = [name for name in books if name.startswith("merchant/") and str(shop.merchant_id) not in name]
    assert others == []
    assert sum(books.values()) == 0
    return books["bank/simulator"]


def test_money_is_its_merchants_also_after_commits_were_lost(clusters: Pair, tmp_path: Path) -> None:
    """A number that an account had in a lost commit is another account's afterwards."""
    clusters.follow(synchronous=False)
    with Gateway(clusters.url, tmp_path) as gateway:
        shops = [gateway.new_shop() for _ in range(8)]
        paid(gateway.shop)  # the house's own accounts are there before and after
        # PostgreSQL writes down 32 numbers of a series at once; what comes next is written down anew, and lost.
        clusters.first.ask("SELECT setval('accounts_id_seq', 1000)")
        clusters.catch_up()
        clusters.part()
        for shop in shops[:4] * 2:
            paid(shop)
        clusters.fail_over()
        for shop in reversed(shops):
            paid(shop)
        for shop in shops:
            assert money_of(shop) == 20_000
