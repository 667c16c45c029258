"""Doing many things in one commit: those that share a name in turns, and each alone where together they cannot be done."""

from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from typing import TypeVar

from gerbang.db.changes import WriteConflict
from gerbang.errors import Unavailable

Item = TypeVar("Item")
Answer = TypeVar("Answer")
ATTEMPTS_MAX = 3


async def each_answered(
    items: Sequence[Item],
    names: Callable[[Item], Mapping[Hashable, object]],
    once: Callable[[Mapping[int, Item], bool], Awaitable[tuple[dict[int, Answer], list[int]]]],
) -> list[Answer | Exception]:
    """The answer to each item, or the exception that its caller gets. What happens to one item does not change the others'.

    `once(items, sure)` does items in one commit, and also returns those that must be done again. Items that give different
    values to one of their `names` are done one after the other, as if they had come alone. When `once` raises WriteConflict,
    somebody else took what one of them needs and nothing was written: each goes alone, up to three times. `sure` says that
    a refusal for something that is taken is final: an equal request that was granted meanwhile would be seen by now.
    """
    answers: dict[int, Answer | Exception] = {}
    try:
        for group in _groups(items, names):
            await _answer(answers, {i: items[i] for i in group}, once)
    except Unavailable as gone:  # what was committed before keeps its answers
        answers |= {i: gone for i in range(len(items)) if i not in answers}
    return [answers[i] for i in range(len(items))]


def _groups(items: Sequence[Item], names: Callable[[Item], Mapping[Hashable, object]]) -> Iterator[list[int]]:
    """The places of all items, cut before each item that gives another value to a name of its group."""
    group: list[int] = []
    seen: dict[Hashable, object] = {}
    for i, item in enumerate(items):
        own = names(item)
        if any(seen.get(name, value) != value for name, value in own.items()):
            yield group
            group, seen = [], {}
        group.append(i)
        seen |= own
    yield group


async def _answer(
    answers: dict[int, Answer | Exception],
    items: Mapping[int, Item],
    once: Callable[[Mapping[int, Item], bool], Awaitable[tuple[dict[int, Answer], list[int]]]],
) -> None:
    """Adds the answers to these items: all at once, or each alone. Raises Unavailable."""
    sure = False
    try:
        found, again = await once(items, False)
        answers |= found
        sure = True  # those that are done again were refused once
    except Unavailable:
        raise
    except Exception:  # noqa: BLE001  whatever it was, one item must not fail its neighbours
        again = list(items)
    for i in again:
        answers[i] = await _alone(i, items[i], once, sure=sure)


async def _alone(
    i: int,
    item: Item,
    once: Callable[[Mapping[int, Item], bool], Awaitable[tuple[dict[int, Answer], list[int]]]],
    *,
    sure: bool,
) -> Answer | Exception:
    for attempt in range(ATTEMPTS_MAX):
        try:
            found, again = await once({i: item}, sure or attempt > 0)
        except WriteConflict:
            continue
        except Unavailable:
            raise
        except Exception as failure:  # noqa: BLE001  it belongs to the caller of this item alone
            return failure
        if not again:
            return found[i]
    return Unavailable(what="is busy with equal requests")
