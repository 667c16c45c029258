"""How a finance person closes days: files are imported, days compared, findings noted and closed."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest

from gerbang import app
from gerbang.cli._statements import KINDS
from gerbang.clock import wib
from gerbang.domain.money import rupiah
from gerbang.domain.reports import Report
from gerbang.domain.statements import StatementLine
from gerbang.services.batches import Batches
from gerbang.settings import Settings
from gerbang.statement_files import FileKind
from tests.statement_files import writers
from tests.statement_files.movements import ACCOUNT
from tests.support.gateways import Databases
from tests.support.services import KEY, run
from tests.test_cli import typed

OPENING = 1_000_000_00


@dataclass
class Finance:
    """A command line on a database where money was reported some days ago."""

    day: date
    folder: Path
    capsys: pytest.CaptureFixture[str]

    def typed(self, line: str) -> tuple[int, str, str]:
        line = line.replace("DAY", str(self.day)).replace("FILE", str(self.folder / "statement.csv"))
        return typed(line, self.capsys)

    def write(self, *amounts: tuple[int, str]) -> None:
        """A file of BCA: the day before, the day, and the day after have these lines."""
        balance, lines = OPENING, list[StatementLine]()
        days = [self.day] * len(amounts) + [self.day + timedelta(days=1)]
        for day, (amount, text) in zip(days, (*amounts, (1, "BUNGA")), strict=True):
            balance += amount
            direction = "credit" if amount > 0 else "debit"
            lines.append(StatementLine(ACCOUNT, day, abs(amount), direction, text, balance_after=balance))
        (self.folder / "statement.csv").write_text(writers.bca(lines, OPENING))


@pytest.fixture
def finance(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Finance:
    settings = Settings(database_url=databases.fresh(), secret_key=KEY)
    for name in ("database_url", "secret_key"):
        monkeypatch.setenv(f"GERBANG_{name.upper()}", getattr(settings, name))
    paid_at = datetime.now(UTC) - timedelta(days=3)  # the day after it is over, too, also just after midnight

    async def fill() -> None:
        async with app.gateway(settings, base_url="http://127.0.0.1:1") as built:
            batches = Batches(built.world, size_max=8, lanes=1)
            for nth, number in enumerate(("7777700000000001", "7777700000000002")):
                money = Report("simulator", f"SIM{nth:09d}", "virtual_account", number, rupiah(20_000), paid_at)
                assert (await batches.report(money)).outcome == "unknown_number"

    run(fill)
    return Finance(wib(paid_at).date(), tmp_path, capsys)


def test_a_day_is_worked_through_from_the_command_line(finance: Finance) -> None:
    reconcile = "reconcile --connection simulator --day DAY"
    why = "No statement of simulator was imported yet: see `gerbang statements import`."
    assert finance.typed(reconcile) == (2, "", f"gerbang: {finance.day} cannot be compared: {why}\n")
    finance.write((rupiah(20_000), "BRIVA 7777700000000001"), (rupiah(500), "SETORAN"))
    code, printed, error = finance.typed("statements import FILE --connection simulator")
    assert (code, error) == (0, "")
    after = finance.day + timedelta(days=1)
    assert (
        printed
        == f"simulator, account {ACCOUNT}: 3 lines were read, 3 of them new. It covers {finance.day} to {after}.\n"
    )
    assert finance.typed("statements import FILE --connection simulator")[1] == (
        f"simulator, account {ACCOUNT}: this file was imported before. Nothing was changed.\n"
    )
    assert "statement.csv" in finance.typed("statements list")[1]
    (listed,) = json.loads(finance.typed("statements list --connection simulator --json")[1])
    assert (listed["account"], listed["kind"], listed["lines"]) == (ACCOUNT, "bca", 3)

    code, printed, error = finance.typed(reconcile)
    assert (code, error) == (1, "")
    assert "missing_there: It is in our ledger, and not there." in printed
    assert "2 movements of ours (1 of them found), 2 lines of the statement; 2 findings are left." in printed
    code, printed, _ = finance.typed(f"{reconcile} --json")
    found = json.loads(printed)
    assert (code, found["outcome"], found["movements"], found["matched"]) == (1, "findings", 2, 1)
    missing, extra = sorted(found["findings"], key=lambda each: each["kind"])
    assert (missing["kind"], missing["ours"], missing["ourSide"]["numbers"]) == (
        "missing_there",
        2_000_000,
        ["7777700000000002"],
    )
    assert (extra["kind"], extra["theirs"], extra["line"]["text"]) == ("unexplained_credit", 50_000, "SETORAN")

    assert finance.typed(f"findings note {missing['number']} 'BCA was asked.'")[1] == (
        f"Finding {missing['number']} has the note: BCA was asked.\n"
    )
    assert finance.typed(f"findings close {extra['number']} --note 'Our own money.'")[1] == (
        f"Finding {extra['number']} of {finance.day} is closed.\n"
    )
    (left,) = json.loads(finance.typed("findings list --json")[1])
    assert (left["number"], left["state"], left["note"]) == (missing["number"], "noted", "BCA was asked.")
    assert "Our own money." in finance.typed("findings list --all --from DAY --to DAY")[1]
    assert finance.typed("findings list --limit 1 --all")[2] == (
        "gerbang: there are more than 1; see --limit, --from and --to.\n"
    )
    finance.typed(f"findings close {missing['number']} --json")
    code, printed, _ = finance.typed(reconcile)
    assert code == 0
    assert printed.startswith(f"{finance.day} is closed at simulator: 2 movements of ours (1 of them found)")
    assert finance.typed("findings list")[1] == "Nothing is left to look at.\n"


def test_a_remark_that_a_payer_wrote_is_shown_and_not_obeyed(finance: Finance) -> None:
    finance.write((rupiah(500), "\x1b[1A\x1b[2K\rSETORAN\x9b2J \u202eNARTER"))
    assert finance.typed("statements import FILE --connection simulator")[0] == 0
    for line in ("reconcile --connection simulator --day DAY", "findings list"):
        _, printed, _ = finance.typed(line)
        assert "\ufffd[1A\ufffd[2K" in printed
        assert "SETORAN\ufffd2J \ufffdNARTER" in printed
        assert not {*"\x1b\r\x9b\u202e"} & {*printed}


def test_what_cannot_be_done_is_said_in_a_sentence(finance: Finance) -> None:
    (finance.folder / "statement.csv").write_text("Tanggal,Keterangan\n")
    nobody = "There is no connection bank; there are: simulator."
    for line, code, why in (
        (
            "statements import FILE --connection simulator",
            1,
            "statement.csv was not imported, and nothing was changed: ",
        ),
        ("statements import FILE --connection bank", 1, nobody),
        ("statements import FILE.gone --connection bank", 1, "statement.csv.gone cannot be read: No such file"),
        ("statements import FILE --connection bank --kind word", 2, "'word' is not one of 'bca'"),
        ("statements fetch --connection simulator --from DAY --to DAY", 1, "Say of which account of simulator"),
        (
            "statements fetch --connection simulator --account 12345 --from DAY --to DAY",
            1,
            "gives no statements itself",
        ),
        ("statements list --connection bank", 1, nobody),
        ("statements try --payments 3", 2, "--payments takes a whole number, 500 to 200000"),
        ("reconcile --connection bank --day DAY", 2, nobody),
        ("reconcile --connection simulator --day 28-11-2026", 2, "28-11-2026 is not a day; write it as in 2026-11-28"),
        ("reconcile --connection simulator --day 8999-12-31", 2, "8999-12-31 is not over yet"),
        ("findings note 7 hello", 1, "There is no finding 7; `gerbang findings list` shows them."),
        ("findings note 7 ' '", 2, "Say something in the note."),
        ("findings close seven", 2, "takes the number of a finding, not 'seven'"),
        ("findings list --connection bank", 1, nobody),
    ):
        got = finance.typed(line)
        assert (got[0], got[1]) == (code, ""), (line, got)
        assert why in got[2], (line, got)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("statements import pyproject.toml --connection bca", 1),
        ("statements fetch --connection bca --from 2026-11-28 --to 2026-11-28", 1),
        ("statements list", 1),
        ("reconcile --connection bca --day 2026-11-28", 2),
        ("findings list", 1),
        ("findings note 7 hello", 1),
        ("findings close 7", 1),
    ],
)
def test_a_command_without_a_database_says_how_to_give_one(
    line: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GERBANG_DATABASE_URL", raising=False)
    monkeypatch.setenv("GERBANG_DATA", "/nowhere")
    got = typed(line, capsys)
    assert got[:2] == (code, "")
    assert got[2].startswith("gerbang: There is no database to work on: set GERBANG_DATABASE_URL")
    command = line.split()[: 1 if line.startswith("reconcile") else 2]
    assert typed(" ".join([*command, "--help"]), capsys)[1].startswith(f"Usage: gerbang {' '.join(command)}")


def test_the_planted_month_can_be_tried_without_a_database(capsys: pytest.CaptureFixture[str]) -> None:
    code, printed, _ = typed("statements try --payments 600 --seed 5", capsys)
    assert code == 0
    assert printed.splitlines()[-1] == "60 errors were planted, and exactly those were found."
    found = json.loads(typed("statements try --payments 600 --json", capsys)[1])
    assert found["agrees"]
    assert {each["planted"] for each in found["findings"]} == {each["found"] for each in found["findings"]} == {"5"}


def test_every_form_of_file_can_be_named() -> None:
    assert get_args(FileKind) == KINDS
