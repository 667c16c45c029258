"""`gerbang run` on a folder that was used before: at another time, at another place, or a copy of it."""

import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.clusters import copied
from tests.support.programs import Caller, keys_of, program, short_folder


@pytest.fixture
def above(made: Path) -> Iterator[Path]:
    """A folder with the data folder of a gateway, `var`."""
    with short_folder() as folder:
        copied(made, folder / "var")
        yield folder


def run(data: Path, *arguments: str) -> list[str]:
    return ["run", "--port", "0", "--data", str(data), *arguments]


def caller(data: Path) -> Caller:
    keys = keys_of(data)
    return Caller(keys["baseUrl"], keys["v2"]["merchantId"], keys["v2"]["merchantSecret"])


def test_a_clock_that_was_used_is_moved_on_but_never_back_and_it_is_told_which(above: Path) -> None:
    data = above / "var"
    with program(*run(data, "--clock", "2031-03-30T05:48:17Z")) as running:
        running.url()
        assert "the clock: 2031-03-30T05:48:1" in running.out
        assert "The clock" not in running.out, "an unused clock only starts"
        assert running.stop() == 0
    with program(*run(data, "--clock", "2031-03-31T12:00:00+07:00")) as running:
        running.url()
        told = running.printed(r"(The clock .*)\n")
        assert re.fullmatch(
            r"The clock was moved on from 2031-03-30T05:\d\d:\d\dZ to 2031-03-31T05:00:00Z, as --clock says\.", told
        )
        assert "the clock: 2031-03-31T05:00:0" in running.out
        assert running.stop() == 0
    with program(*run(data, "--clock", "2031-03-30T05:48:17Z")) as running:
        running.url()
        told = running.printed(r"(The clock .*)\n")
        assert re.fullmatch(
            r"The clock shows 2031-03-31T05:\d\d:\d\dZ already and never goes back: --clock 2031-03-30T05:48:17Z changed "
            r"nothing\.",
            told,
        )
        shown = datetime.fromisoformat(running.printed(r"the clock: (\S+)\)"))
        assert timedelta() <= shown - datetime(2031, 3, 31, 5, tzinfo=UTC) < timedelta(minutes=5)
        assert running.stop() == 0


def test_commands_work_on_the_gateway_of_the_folder_that_the_setting_names(above: Path) -> None:
    data = str(above / "var")
    with program(*run(above / "var")) as running:
        running.url()
        with (
            program("merchant", "list", GERBANG_DATA=data) as named,
            program("merchant", "list", "--data", data) as typed,
        ):
            assert (named.ended(), typed.ended()) == (0, 0), named.err
        assert named.out == typed.out
        assert keys_of(above / "var")["v2"]["merchantId"] in named.out
    with program("merchant", "list", GERBANG_DATA=data) as refused:
        assert refused.ended() == 1
    assert refused.err == (
        "gerbang: There is no database to work on: set GERBANG_DATABASE_URL, or start `gerbang run`, which is not running on "
        f"{data} (--data or GERBANG_DATA name another folder).\n"
    )


def test_a_folder_that_was_moved_after_a_kill_goes_on_where_it_is_and_a_copy_goes_on_by_itself(above: Path) -> None:
    old, new, copy = above / "var", above / "elsewhere", above / "copy"
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
