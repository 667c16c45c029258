"""Doing many things in one commit, and each alone where together they cannot be done."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from gerbang.db.changes import WriteConflict
from gerbang.errors import Unavailable

Item = TypeVar("Item")
Answer = TypeVar("Answer")
ATTEMPTS_MAX = 3


async def together_or_alone(
    items: Mapping[int, Item],
    once: Callable[[Mapping[int, Item], bool], Awaitable[tuple[dict[int, Answer], list[int]]]],
) -> dict[int, Answer]:
    """Each item's answer. `once(items, sure)` does them in one commit, and also returns those that must be done again.

    When `once` raises WriteConflict nothing was written: somebody else took what one of them needs, so each goes alone, where
    what the other did can be read. `sure` says that a refusal for something that is taken is to be believed: it was
    refused before, and an equal request that was granted meanwhile would be seen by now. Raises Unavailable for an item
    that meets a conflict three times.
    """
    try:
        answers, again = await once(items, False)
    except WriteConflict:
        answers, again = {}, list(items)
    for i in again:
        alone = {i: items[i]}
        for attempt in range(ATTEMPTS_MAX):
            try:
                found, left = await once(alone, attempt > 0)
            except WriteConflict:
                continue
            answers |= found
            if not left:
                break
        if i not in answers:
            raise Unavailable(what="could not settle who comes first")
    return answers
