"""`gerbang payments look-up`: a day's payments are asked for from the command line."""

from pathlib import Path

import pytest

from gerbang.cli import main
from tests.support import snap_bank
from tests.support.gateways import Databases


@pytest.fixture
def here(databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GERBANG_DATABASE_URL", databases.fresh())
    monkeypatch.setenv("GERBANG_SECRET_KEY", "a key of the tests, 32 characters")
    monkeypatch.setenv("GERBANG_CONNECTIONS", str(snap_bank.connections(tmp_path)))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--connection", "nobody", "--day", "2026-11-28"],
            "gerbang: There is no connection nobody; there are: bank, simulator. Nothing",
        ),
        (
            ["--connection", "bank", "--day", "2026-11-28"],
            "gerbang: bank cannot be asked: it has no list of a day's payments (35)",
        ),
        (["--connection", "bank", "--day", "28.11.2026"], "28.11.2026 is not a day; write it as in 2026-11-28"),
    ],
)
def test_what_cannot_be_asked_is_said_in_a_sentence(
    here: None, capsys: pytest.CaptureFixture[str], options: list[str], sentence: str
) -> None:
    assert main(["payments", "look-up", *options]) != 0
    printed = capsys.readouterr()
    assert (printed.out, sentence in printed.err, "Traceback" in printed.err) == ("", True, False)
