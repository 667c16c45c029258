"""The same request sent twice at once to two processes: both get the same answer, whoever comes first."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import uuid4

import httpx
import pytest
from msgspec.structs import replace

from gerbang.channels import qris
from gerbang.channels.virtual_account import BankAgreement
from gerbang.db import Tx, paycodes
from gerbang.db.changes import write
from gerbang.domain.changes import Changes, KeptAnswer
from gerbang.domain.merchants import Merchant, NumberRange
from gerbang.domain.payments import Method
from gerbang.errors import ReferenceTaken
from gerbang.services.payments.create import KEY_REMEMBERED, create_all
from tests.support.agreements import bri_alone
from tests.support.gateways import Databases, Gateway, Shop
from tests.support.services import START, Services, order, services

pytestmark = pytest.mark.slow  # two processes on one database for each test

PREFIX = "8899"
AGREEMENT = bri_alone(BankAgreement(NumberRange("77", 8), PREFIX, 4, [(0, 9999)])).with_settings(
    "qris", qris.agreement_for(1, "Toko Uji")
)
STATIC_QR = {"kind": "static", "amount": None, "method": Method("qris")}
PAIRS = 60


def _chosen(tail: str) -> dict[str, Any]:
    return {"kind": "static", "method": Method(channel="virtual_account", option="BRI", number=tail)}


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


async def _waits(task: asyncio.Task[Any], tx: Tx) -> None:
    """Returns once somebody waits for a lock."""
    while not await tx.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
        assert not task.done(), task.result()
        await asyncio.sleep(0.005)


async def _overtaken(one: Services, two: Services, merchant: Merchant, said: dict[str, Any]) -> tuple[object, object]:
    """The answers to twins of which one has looked for the other in vain, has to wait, and is overtaken by it."""
    # A static QR waits until nobody else counts its merchant's: behind the look-up, and before numbers are found.
    batch = [order(merchant.id, **STATIC_QR), order(merchant.id, **said)]
    async with two.world.db.reading() as tx:
        transaction = tx.transaction()
        await transaction.start()
        await paycodes.static_count(tx, merchant.id, "qris")
        waiting = asyncio.create_task(create_all(one.world, batch))
        await _waits(waiting, tx)
        first = await two.batches.create(order(merchant.id, **said))
        await transaction.rollback()
    return first, (await waiting)[-1]


async def test_a_twin_that_finds_its_number_taken_by_the_other_gets_the_others_answer(url: str) -> None:
    async with services(url) as one, services(url) as two:
        merchant = await one.merchant(agreement=AGREEMENT)
        said = _chosen("0007") | {"key": "twins", "reference": "twins", "fingerprint": b"same"}
        first, second = await _overtaken(one, two, merchant, said)
        assert isinstance(first, bytes) and second == first


async def test_a_twin_of_one_reference_gets_the_reference_and_not_of_the_number(url: str) -> None:
    async with services(url) as one, services(url) as two:
        merchant = await one.merchant(agreement=AGREEMENT)
        first, second = await _overtaken(one, two, merchant, _chosen("0008") | {"reference": "only"})
        assert isinstance(first, bytes) and isinstance(second, ReferenceTaken)


async def test_a_twin_whose_key_is_answered_while_it_looks_around_gets_that_answer(url: str) -> None:
    async with services(url) as one, services(url) as two:
        merchant = await one.merchant(agreement=AGREEMENT)
        new = order(merchant.id, reference="seen", key="seen", fingerprint=b"same")
        # The payment of an equal request that another process is about to commit.
        payment = (await one.read(merchant, await one.create(merchant))).payment
        async with two.world.db.reading() as tx:
            transaction = tx.transaction()
            await transaction.start()
            await tx.execute("LOCK TABLE payments IN ACCESS EXCLUSIVE MODE")
            waiting = asyncio.create_task(create_all(one.world, [order(merchant.id, **STATIC_QR), new]))
            await _waits(waiting, tx)
            kept = KeptAnswer(merchant.id, "seen", b"same", b"answered before", START + KEY_REMEMBERED)
            equal = replace(payment, id=uuid4(), reference=new.reference)
            await write(tx, Changes(new_answers=[kept], new_payments=[equal]), START)
            await transaction.commit()
        assert (await waiting)[-1] == b"answered before"


async def test_two_processes_that_count_static_qr_codes_of_the_same_merchants_never_wait_in_a_circle(url: str) -> None:
    async with services(url) as one, services(url) as two:
        first, second = await one.merchant(agreement=AGREEMENT), await one.merchant(agreement=AGREEMENT)
        for _ in range(20):
            there = [order(merchant.id, **STATIC_QR) for merchant in (first, second)]
            back = [order(merchant.id, **STATIC_QR) for merchant in (second, first)]
            answers = await asyncio.gather(create_all(one.world, there), create_all(two.world, back))
            assert [type(answer) for made in answers for answer in made] == [bytes] * 4
        deadlocks = await one.rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        assert deadlocks == [{"deadlocks": 0}]


# Over HTTP, many pairs in the same instant


@pytest.fixture(scope="module")
def two(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shop, Shop]]:
    """One merchant as two processes know it."""
    url, data = databases.fresh(), tmp_path_factory.mktemp("twins")
    with Gateway(url, data, work=False) as one, Gateway(url, data, work=False) as other:
        shop = one.new_shop(agreement=AGREEMENT)
        there = Shop(other, shop.merchant_id, shop.secret, shop.v4_keys)
        assert shop.token and there.token
        yield shop, there


def _pairs(two: tuple[Shop, Shop], name: str, *, chosen: bool) -> Iterator[tuple[httpx.Response, httpx.Response]]:
    """What both of each pair are answered."""
    meeting = Barrier(2)

    def send(shop: Shop, pair: int) -> httpx.Response:
        tail = {"virtualAccountNumber": f"{1000 + pair}"} if chosen else {}
        body = {
            "clientReferenceId": f"{name}-{pair}",
            "paymentType": "MULTIPLE",
            "mode": "API",
            "paymentMethod": {"type": "VIRTUAL_ACCOUNT"},
            "paymentMethodOptions": {"virtualAccount": {"channel": "BRI", "virtualAccountName": "Budi", **tail}},
        }
        meeting.wait(10)
        return shop.call("POST", "/v2/payments", body, X_REQUEST_ID=f"{name}-{pair}")

    with ThreadPoolExecutor(2) as pool:
        for pair in range(PAIRS):
            one, other = (pool.submit(send, shop, pair) for shop in two)
            yield one.result(), other.result()


@pytest.mark.parametrize("chosen", [False, True], ids=["a number by chance", "a chosen number"])
def test_twins_under_one_key_on_two_processes_are_answered_alike(two: tuple[Shop, Shop], chosen: bool) -> None:
    pairs = _pairs(two, "chosen" if chosen else "chance", chosen=chosen)
    answers = [(one.status_code, other.status_code, one.content == other.content) for one, other in pairs]
    assert set(answers) == {(200, 200, True)}
