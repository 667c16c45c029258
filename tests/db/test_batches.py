"""A batch gives everybody their own answer, whoever they shared a commit with."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from gerbang.db.batches import Batch
from gerbang.domain.money import rupiah
from gerbang.errors import ReferenceTaken, Refused, Unavailable
from tests.support.gateways import Databases
from tests.support.services import order, payment_id, services, several

Work = Callable[[list[int]], Awaitable[Sequence[str | Refused]]]


class Endpoints:
    """Work that writes down which lists it got, answers each item by its name, and can be held up or made to fail."""

    def __init__(self, fails: Callable[[list[int]], Exception | None] = lambda _: None) -> None:
        self.lists: list[list[int]] = []
        self.at_once = self.at_once_most = 0
        self.open = asyncio.Event()
        self.open.set()
        self._fails = fails

    async def work(self, items: list[int]) -> list[str | Refused]:
        self.lists.append(items)
        self.at_once += 1
        self.at_once_most = max(self.at_once, self.at_once_most)
        try:
            await self.open.wait()
            await asyncio.sleep(0)
            failure = self._fails(items)
            if failure is not None:
                raise failure
            return [ReferenceTaken() if item < 0 else f"answer {item}" for item in items]
        finally:
            self.at_once -= 1

    def batch(self, size_max: int = 10, lanes: int = 1) -> Batch[int, str]:
        return Batch(self.work, size_max=size_max, lanes=lanes)


async def _held_up(endpoints: Endpoints, batch: Batch[int, str], *items: int) -> list[asyncio.Task[str]]:
    """Calls that arrive in this order while the one with item 0 is being written."""
    endpoints.open.clear()
    calls = [asyncio.create_task(batch(0))]
    await asyncio.sleep(0.01)
    for item in items:
        calls.append(asyncio.create_task(batch(item)))
        await asyncio.sleep(0)
    return calls


async def test_one_call_alone_is_a_batch_of_one_and_waits_for_nobody() -> None:
    endpoints = Endpoints()
    assert await endpoints.batch()(7) == "answer 7"
    assert endpoints.lists == [[7]]


async def test_what_arrives_while_a_batch_is_written_forms_the_next_one_in_order() -> None:
    endpoints = Endpoints()
    calls = await _held_up(endpoints, endpoints.batch(), 5, 3, 9, 1)
    endpoints.open.set()
    assert await asyncio.gather(*calls) == ["answer 0", "answer 5", "answer 3", "answer 9", "answer 1"]
    assert endpoints.lists == [[0], [5, 3, 9, 1]]


async def test_a_batch_holds_no_more_than_it_may() -> None:
    endpoints = Endpoints()
    calls = await _held_up(endpoints, endpoints.batch(size_max=3), *range(1, 8))
    endpoints.open.set()
    await asyncio.gather(*calls)
    assert endpoints.lists == [[0], [1, 2, 3], [4, 5, 6], [7]]


@pytest.mark.parametrize("lanes", [1, 2, 3])
async def test_no_more_batches_are_written_at_once_than_there_are_lanes(lanes: int) -> None:
    endpoints = Endpoints()
    batch = endpoints.batch(size_max=1, lanes=lanes)
    assert len(await asyncio.gather(*(batch(item) for item in range(20)))) == 20
    assert endpoints.at_once_most == lanes
    assert sorted(endpoints.lists) == [[item] for item in range(20)]


async def test_a_lane_is_free_again_after_its_work_also_after_work_that_failed() -> None:
    endpoints = Endpoints(lambda items: ValueError() if items == [13] else None)
    batch = endpoints.batch()
    for _ in range(3):
        assert await batch(1) == "answer 1"
        with pytest.raises(ValueError):
            await batch(13)
    assert endpoints.at_once_most == 1


async def test_a_refusal_is_raised_for_its_own_caller_only() -> None:
    endpoints = Endpoints()
    calls = await _held_up(endpoints, endpoints.batch(), 1, -2, 3)
    endpoints.open.set()
    got = await asyncio.gather(*calls, return_exceptions=True)
    assert [got[1], type(got[2]), got[3]] == ["answer 1", ReferenceTaken, "answer 3"]
    assert len(endpoints.lists) == 2, "a refusal is an answer, and nothing is tried again for it"


async def test_an_item_that_fails_the_batch_does_not_fail_its_neighbours() -> None:
    endpoints = Endpoints(lambda items: ValueError("13 is bad") if 13 in items else None)
    calls = await _held_up(endpoints, endpoints.batch(), 12, 13, 14)
    endpoints.open.set()
    got = await asyncio.gather(*calls, return_exceptions=True)
    assert [got[1], str(got[2]), got[3]] == ["answer 12", "13 is bad", "answer 14"]
    assert endpoints.lists == [[0], [12, 13, 14], [12], [13], [14]]


async def test_one_that_fails_alone_is_tried_once_more_since_it_may_have_lost_a_race() -> None:
    lost = [ValueError("lost")]
    endpoints = Endpoints(lambda _: lost.pop() if lost else None)
    assert await endpoints.batch()(1) == "answer 1"
    assert endpoints.lists == [[1], [1]]

    endpoints = Endpoints(lambda _: ValueError("for ever"))
    with pytest.raises(ValueError, match="for ever"):
        await endpoints.batch()(1)
    assert endpoints.lists == [[1], [1]]


async def test_when_the_database_is_gone_everybody_gets_an_answer_at_once_and_nothing_is_tried_again() -> None:
    gone = [Unavailable()]
    endpoints = Endpoints(lambda items: gone.pop() if len(items) > 1 and gone else None)
    batch = endpoints.batch()
    calls = await _held_up(endpoints, batch, 1, 2)
    endpoints.open.set()
    got = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in got] == [str, Unavailable, Unavailable]
    assert endpoints.lists == [[0], [1, 2]]
    assert await batch(3) == "answer 3", "and the next one is served again"


async def test_a_caller_who_goes_away_takes_nobody_with_them() -> None:
    endpoints = Endpoints()
    calls = await _held_up(endpoints, endpoints.batch(), 1, 2, 3)
    calls[0].cancel()  # while it is being written
    calls[2].cancel()  # while it waits
    await asyncio.sleep(0)
    endpoints.open.set()
    got = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in got] == [asyncio.CancelledError, str, asyncio.CancelledError, str]
    assert endpoints.lists == [[0], [1, 2, 3]], "what was asked for is done, also when nobody waits for the answer"


async def test_work_that_answers_too_few_is_not_taken_for_an_answer() -> None:
    async def short(items: list[int]) -> list[str]:
        return ["answer"] * (len(items) - 1)

    batch: Batch[int, str] = Batch(short, size_max=10, lanes=1)
    with pytest.raises(ValueError):
        await asyncio.wait_for(batch(1), 1)
    with pytest.raises(ValueError):
        await asyncio.wait_for(batch(2), 1)


async def test_in_the_gateway_a_payment_that_cannot_be_written_does_not_fail_its_neighbours(
    databases: Databases,
) -> None:
    url = databases.fresh()

    async with services(url, lanes=1) as here:
        merchant = await here.merchant()
        # More than a bigint holds: no dialect lets it through, so nobody foresees it.
        good, bad = order(merchant.id), order(merchant.id, amount=rupiah(10**30), method=None)
        got: list[Any] = list(await several(*(here.batches.create(each) for each in (good, bad, order(merchant.id)))))
        assert [isinstance(answer, bytes) for answer in got] == [True, False, True]
        assert not isinstance(got[1], Refused)
        for answer in (got[0], got[2]):
            assert (await here.read(merchant, payment_id(answer))).payment.state == "awaiting"
