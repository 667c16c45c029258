"""What repeats an earlier answer waits for every copy of the database that the answer itself had to wait for."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gerbang.db.embedded import postgres
from gerbang.domain.merchants import Merchant
from gerbang.errors import Refused
from gerbang.services import payouts
from gerbang.services.payments import end
from gerbang.services.payments.confirm import Confirmation
from gerbang.services.payments.end import Cancellation
from tests.support.clusters import copied
from tests.support.payouts import merchant_with, new_payout
from tests.support.programs import short_folder
from tests.support.services import BRI, Services, connected, money, number, order, services

Call = Callable[[], Awaitable[Any]]


@pytest.fixture(scope="module")
def url(made: Path) -> Iterator[str]:
    with short_folder() as folder, postgres(copied(made, folder / "copied"), say=lambda _: None) as url:
        yield url


@asynccontextmanager
async def silent_copy(url: str) -> AsyncGenerator[Callable[[], Awaitable[int]]]:
    """PostgreSQL is configured with a copy that is not there; what it gives counts the commits that wait for it."""
    async with connected(url) as connection, connected(url) as probe:

        async def waiting() -> int:
            query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            return await connection.fetchval(query) - 1  # the probe waits too

        await connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'silent'")
        await connection.execute("SELECT pg_reload_conf()")
        probing = asyncio.create_task(_probe(probe))
        await _until(waiting, 0, probing)
        try:
            yield waiting
        finally:
            await connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
            await connection.execute("SELECT pg_reload_conf()")
            probing.cancel()


async def _until(waiting: Callable[[], Awaitable[int]], many: int, task: asyncio.Task[Any]) -> None:
    """Returns once so many wait."""
    while True:
        if await waiting() == many:
            return
        assert not task.done(), "it did not wait"
        await asyncio.sleep(0.005)


async def _probe(connection: Any) -> None:
    """Commits until one waits."""
    while True:
        await connection.execute("SELECT pg_logical_emit_message(true, 'probe', '')")


async def _answer(call: Call) -> object:
    """What a call answers; a refusal as its kind and message."""
    try:
        return await call()
    except Refused as refusal:
        return type(refusal), refusal.message


async def _create(here: Services, merchant: Merchant) -> Call:
    said = order(merchant.id, key="sent-again", fingerprint=b"same")
    await here.batches.create(said)
    return lambda: here.batches.create(said)


async def _reference(here: Services, merchant: Merchant) -> Call:
    said = order(merchant.id, reference="sent-again")
    await here.batches.create(said)
    return lambda: here.batches.create(said)


async def _payout(here: Services, merchant: Merchant) -> Call:
    payer = await merchant_with(here, 100_000_00)
    await payouts.create(here.world, new_payout(payer))
    return lambda: payouts.create(here.world, new_payout(payer))


async def _payout_ended(here: Services, merchant: Merchant) -> Call:
    payer = await merchant_with(here, 100_000_00)
    made = await payouts.create(here.world, new_payout(payer))
    await payouts.finish(here.world, payer.id, made.id, "complete")
    return lambda: payouts.finish(here.world, payer.id, made.id, "complete")


async def _report(here: Services, merchant: Merchant) -> Call:
    reported = money(number(await here.batches.create(order(merchant.id))))
    await here.batches.report(reported)
    return lambda: here.batches.report(reported)


async def _report_to_nobody(here: Services, merchant: Merchant) -> Call:
    reported = money("4711")
    await here.batches.report(reported)
    return lambda: here.batches.report(reported)


async def _confirm(here: Services, merchant: Merchant) -> Call:
    said = Confirmation(merchant.id, await here.create(merchant, method=None), BRI)
    await here.batches.confirm(said)
    return lambda: here.batches.confirm(said)


async def _cancel(here: Services, merchant: Merchant) -> Call:
    said = Cancellation(merchant.id, await here.create(merchant, method=None), "VOID_SESSION")
    await end.cancel(here.world, said)
    return lambda: end.cancel(here.world, said)


async def _withdraw(here: Services, merchant: Merchant) -> Call:
    said = Cancellation(merchant.id, await here.create(merchant), "VOID_SESSION")
    await end.withdraw(here.world, said)
    return lambda: end.withdraw(here.world, said)


async def _decline(here: Services, merchant: Merchant) -> Call:
    found = await here.read(merchant, await here.create(merchant))
    said = end.Decline(merchant.id, found.payment.id, found.charges[0].id)
    await end.decline(here.world, said)
    return lambda: end.decline(here.world, said)


REPEATS = {
    "a key": _create,
    "a reference": _reference,
    "a payout": _payout,
    "a payout's end": _payout_ended,
    "a bank's report": _report,
    "a bank's report of nobody's number": _report_to_nobody,
    "a confirmation": _confirm,
    "a cancellation": _cancel,
    "a withdrawal": _withdraw,
    "a wallet's no": _decline,
}


@pytest.mark.parametrize("what", REPEATS)
async def test_what_is_answered_again_waits_for_every_copy(url: str, what: str) -> None:
    async with services(url) as here:
        merchant = await here.merchant()
        again = await REPEATS[what](here, merchant)
        usual = await _answer(again)
        async with silent_copy(url) as waiting:
            answering = asyncio.create_task(_answer(again))
            await _until(waiting, 1, answering)
            await asyncio.wait_for(here.rows("SELECT FROM payments"), 5)  # who only reads need not wait
            assert not answering.done()
        assert await answering == usual
