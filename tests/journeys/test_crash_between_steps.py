"""The gateway or its bank is killed exactly between two durable steps, at each step of each story, and started again.

A step is a message between them, held on its way there or on its way back, or a commit of either, held just before it. They are
counted in a run that nothing stops, so a step that is new is covered by itself.

CRASH_POINTS=all kills at every one of them, which takes minutes; otherwise some are chosen of each story, by CRASH_SEED.
"""

import os
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gerbang.bank_simulator.bank import OPENING
from tests.connections_file.pems import public, rsa_key
from tests.support import snap_bank
from tests.support.crash_ground import LATER, Ground, Point, ground, in_background
from tests.support.crash_stories import (
    OTHER_BANK,
    OTHER_ROUTE,
    ComesBack,
    IsReversed,
    Pays,
    PaysOut,
    PaysOutInVain,
    PaysOutUnheard,
    PaysUnheard,
    Refunds,
    Story,
)
from tests.support.gateways import Databases
from tests.support.program_records import read_at
from tests.support.programs import short_folder

STORIES: list[type[Story]] = [Pays, PaysUnheard, IsReversed, PaysOut, PaysOutUnheard, Refunds, ComesBack, PaysOutInVain]
"""In this order: what is booked in the last one with a later time would lead the statement astray."""
CHOSEN = 3
SECONDS_MAX = 90.0


@pytest.fixture(scope="module")
def here(databases: Databases) -> Iterator[Ground]:
    with (
        short_folder(on_disk=True) as folder,
        ground(folder, databases.fresh(), (other_bank(folder / "other"), OTHER_ROUTE)) as both,
    ):
        yield both


def other_bank(folder: Path) -> str:
    """The connection of a second bank, with what belongs to it in a folder."""
    folder.mkdir()
    connection = OTHER_BANK
    for name, text in (("bank.pub", public(rsa_key("bank"))), ("inbound-secret", snap_bank.SECRET)):
        file = folder / name
        file.write_text(text, "ascii")
        file.chmod(0o600)
        connection = connection.replace(f'"{name}"', f'"{file}"')
    return connection


@pytest.mark.parametrize("kind", STORIES)
def test_nothing_is_lost_or_done_twice_wherever_one_of_them_is_killed(here: Ground, kind: type[Story]) -> None:
    points = points_of(here, kind)
    seed = os.environ.get("CRASH_SEED") or ("1" if os.environ.get("CI") else str(time.time_ns()))
    if os.environ.get("CRASH_POINTS") != "all":
        points = random.Random(seed).sample(points, CHOSEN)
    for number, point in enumerate(points):
        try:
            killed_at(here, kind, number, point)
        except BaseException as failure:
            failure.add_note(f"{kind.__name__} at {point}, CRASH_SEED={seed}")
            raise
    both_have_the_same_money(here)


def killed_at(here: Ground, kind: type[Story], number: int, point: Point) -> None:
    """Plays a story to a point; to the one before where it has fewer steps this time, as when two callbacks end in one commit."""
    earlier = range(point.number, 0, -1)
    assert any(play(here, kind(here, f"{kind.__name__}-{number}-{at}"), replace(point, number=at)) for at in earlier)


def points_of(here: Ground, kind: type[Story]) -> list[Point]:
    """Every point of a story, by a run that nothing stops."""
    story = kind(here, f"{kind.__name__}-whole")
    play(here, story, None, settled=False)
    messages, commits, kept = list(here.wire.seen), here.gateway.count, here.bank.count
    settled_and_compared(here, story)
    found = [
        Point(victim, number, moment, f"{message.caller}: {message.path.rsplit('/', 1)[-1]}")
        for number, message in enumerate(messages, 1)
        for moment in ("asked", "answered")
        for victim in story.sides
    ]
    found += [Point("gateway", number, how) for number in range(1, commits + 1) for how in ("kept", "lost")]
    found += [Point("bank", number, "lost") for number in range(1, kept + 1) if "bank" in story.sides]
    return found


def play(here: Ground, story: Story, point: Point | None, *, settled: bool = True) -> bool:
    """Plays a story with one death in it; whether its point was reached."""
    story.prepare()
    here.until_quiet()
    here.arm(point)
    acting, end = in_background(story.act), time.monotonic() + SECONDS_MAX
    while not (held := here.held) and (acting.is_alive() or not here.quiet()):
        assert time.monotonic() < end, "it comes to no end"
        time.sleep(0.002)
    if held and point is not None:
        here.kill(point)
        acting.join(SECONDS_MAX)
        assert not acting.is_alive(), "it comes to no end"
        here.arm(None)
        story.again()
    if settled:
        here.arm(None)
        settled_and_compared(here, story)
    return held


def settled_and_compared(here: Ground, story: Story) -> None:
    story.settle()
    here.until_quiet()
    story.compare()
    stored = read_at(here.url)
    assert set(stored.deliveries) <= stored.received, "a callback that nobody has received counts as delivered"
    assert here.ask("GET", "/sandbox/ledger")["sum"] == "0.00"


def both_have_the_same_money(here: Ground) -> None:
    """The bank's account of the gateway, and the gateway's account of the bank."""
    [(there,)] = here.bank.rows("SELECT sum(amount) FROM movements WHERE account LIKE '12%' AND remark <> ?", LATER)
    [[ours]] = here.gateway.rows("SELECT coalesce(sum(balance), 0)::bigint FROM accounts WHERE name = 'bank/bca-va'")
    assert (there or 0) == ours, "the bank has other money for us than we have booked"
    [[other]] = here.gateway.rows("SELECT coalesce(sum(balance), 0)::bigint FROM accounts WHERE name = 'bank/bank'")
    assert other == 0, "what was taken back is still there"
    [(balance,)] = here.bank.rows("SELECT balance - ? FROM accounts WHERE number LIKE '12%'", OPENING)
    [(later,)] = here.bank.rows(
        "SELECT coalesce(sum(amount), 0) FROM movements WHERE account LIKE '12%' AND remark = ?", LATER
    )
    assert balance == ours + later
