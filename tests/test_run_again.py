"""`gerbang run` on a folder that was used before: with another clock, moved, or copied."""

import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.clusters import copied
from tests.support.programs import Caller, keys_of, program, short_folder


@pytest.fixture
def parent(made: Path) -> Iterator[Path]:
    """A folder with the data folder of a gateway, `var`."""
    with short_folder() as folder:
        copied(made, folder / "var")
        yield folder


def run(data: Path, *arguments: str) -> list[str]:
    return ["run", "--port", "0", "--data", str(data), *arguments]


def caller(data: Path) -> Caller:
    keys = keys_of(data)
    return Caller(keys["baseUrl"], keys["v2"]["merchantId"], keys["v2"]["merchantSecret"])


def test_a_stored_clock_is_moved_forward_and_never_back_and_the_output_says_which(parent: Path) -> None:
    data = parent / "var"
    with program(*run(data, "--clock", "2031-03-30T05:48:17Z")) as running:
        running.url()
        assert "the clock: 2031-03-30T05:48:1" in running.out
        assert "The clock" not in running.out, "an unused clock only starts"
        assert running.stop() == 0
    with program(*run(data, "--clock", "2031-03-31T12:00:00+07:00")) as running:
        running.url()
        sentence = running.printed(r"(The clock .*)\n")
        assert re.fullmatch(
            r"The clock was moved on from 2031-03-30T05:\d\d:\d\dZ to 2031-03-31T05:00:00Z, as --clock says\.", sentence
        )
        assert "the clock: 2031-03-31T05:00:0" in running.out
        assert running.stop() == 0
    with program(*run(data, "--clock", "2031-03-30T05:48:17Z")) as running:
        running.url()
        sentence = running.printed(r"(The clock .*)\n")
        assert re.fullmatch(
            r"The clock shows 2031-03-31T05:\d\d:\d\dZ already and never goes back: --clock 2031-03-30T05:48:17Z changed "
            r"nothing\.",
            sentence,
        )
        shown = datetime.fromisoformat(running.printed(r"the clock: (\S+)\)"))
        assert timedelta() <= shown - datetime(2031, 3, 31, 5, tzinfo=UTC) < timedelta(minutes=5)
        assert running.stop() == 0


def test_commands_use_the_gateway_of_the_folder_in_the_setting(parent: Path) -> None:
    data = str(parent / "var")
    with program(*run(parent / "var")) as running:
        running.url()
        with (
            program("merchant", "list", GERBANG_DATA=data) as named,
            program("merchant", "list", "--data", data) as typed,
        ):
            assert (named.ended(), typed.ended()) == (0, 0), named.err
        assert named.out == typed.out
        assert keys_of(parent / "var")["v2"]["merchantId"] in named.out
    with program("merchant", "list", GERBANG_DATA=data) as refused:
        assert refused.ended() == 1
    assert refused.err == (
        "gerbang: There is no database to work on: set GERBANG_DATABASE_URL, or start `gerbang run`, which is not running on "
        f"{data} (--data or GERBANG_DATA name another folder).\n"
    )


def test_a_folder_moved_after_a_kill_starts_again_and_a_copy_is_independent(parent: Path) -> None:
    old, new, copy = parent / "var", parent / "elsewhere", parent / "copy"
    with program(*run(old)) as running:
        running.url()
        payment = caller(old).create("order-1")["id"]
        running.process.kill()
        running.ended()
    old.rename(new)
    subprocess.run(["cp", "-a", new, copy], check=True)
    with program(*run(new)) as moved, program(*run(copy)) as copied:
        moved.url()
        copied.url()
        caller(new).pay(payment)
        assert (caller(new).status(payment), caller(copy).status(payment)) == ("PAID", "REQUIRE_ACTION")
        assert [moved.stop(), copied.stop()] == [0, 0]
    assert not old.exists()
