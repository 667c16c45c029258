"""Many items in one commit: whatever happens to one of them, each of the others gets its own answer."""

from collections.abc import Hashable, Mapping

from gerbang.db.changes import WriteConflict
from gerbang.errors import NumberTaken, Refused, Unavailable
from gerbang.services.payments.attempts import ATTEMPTS_MAX, each_answered

Done = tuple[dict[int, str | Refused], list[int]]


def by_letter(item: str) -> dict[Hashable, object]:
    """Items that begin with the same letter go one after the other."""
    return {item[0]: object()}


async def test_items_without_a_common_name_are_done_together_and_the_others_in_turns() -> None:
    commits: list[list[str]] = []

    async def once(items: Mapping[int, str], sure: bool) -> Done:
        commits.append(list(items.values()))
        return {i: item.upper() for i, item in items.items()}, []

    assert await each_answered(["a1", "b1", "a2", "c1"], by_letter, once) == ["A1", "B1", "A2", "C1"]
    assert commits == [["a1", "b1"], ["a2", "c1"]]


async def test_after_a_conflict_each_goes_alone_and_one_that_never_succeeds_fails_no_other() -> None:
    tries: list[list[str]] = []

    async def once(items: Mapping[int, str], sure: bool) -> Done:
        tries.append(list(items.values()))
        if "b" in items.values():
            raise WriteConflict("paycodes_held")
        return {i: item.upper() for i, item in items.items()}, []

    one, two, three = await each_answered(["a", "b", "c"], by_letter, once)
    assert (one, three) == ("A", "C")
    assert isinstance(two, Unavailable)
    assert tries == [["a", "b", "c"], ["a"], *[["b"]] * ATTEMPTS_MAX, ["c"]]


async def test_an_unexpected_failure_is_the_answer_of_its_own_item_alone() -> None:
    async def once(items: Mapping[int, str], sure: bool) -> Done:
        if "b" in items.values():
            raise ZeroDivisionError
        return {i: item.upper() for i, item in items.items()}, []

    one, two, three = await each_answered(["a", "b", "c"], by_letter, once)
    assert (one, type(two), three) == ("A", ZeroDivisionError, "C")


async def test_when_the_database_goes_what_was_committed_before_keeps_its_answer() -> None:
    commits = 0

    async def once(items: Mapping[int, str], sure: bool) -> Done:
        nonlocal commits
        commits += 1
        if commits > 1:
            raise Unavailable
        return {i: item.upper() for i, item in items.items()}, []

    first, *rest = await each_answered(["a1", "a2", "a3"], by_letter, once)
    assert first == "A1"
    assert [type(each) for each in rest] == [Unavailable, Unavailable]
    assert commits == 2, "nobody waits for the database again"


async def test_a_refusal_for_something_taken_is_final_at_the_second_look() -> None:
    looks: list[bool] = []

    async def once(items: Mapping[int, str], sure: bool) -> Done:
        looks.append(sure)
        return ({0: NumberTaken("number")}, []) if sure else ({}, [0])

    (answer,) = await each_answered(["a"], by_letter, once)
    assert isinstance(answer, NumberTaken)
    assert looks == [False, True]
