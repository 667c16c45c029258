"""`gerbang bank` as a program: it starts, shows what to do next, answers, and stops; and its page."""

import shlex
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from gerbang.cli import main
from tests.support.simulated_banks import simulated
from tests.support.tiny_gateway import tiny_gateway

ROOT = Path(__file__).resolve().parents[2]
NUMBER = "140200001234"


@contextmanager
def started(folder: Path, *arguments: str) -> Generator[tuple[subprocess.Popen[str], list[str]]]:
    """The program, and the lines that it prints at its start."""
    command = [sys.executable, "-m", "gerbang", "bank", "--data", str(folder), "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        try:
            yield program, [program.stdout.readline().strip() for _ in range(3)]
        finally:
            program.kill()


@pytest.mark.slow
def test_the_program_shows_what_to_do_next_and_stops_when_asked(folder: Path) -> None:
    with started(folder) as (program, lines):
        url = lines[0].rsplit(" ", 1)[-1]
        assert lines[1].endswith("http://127.0.0.1:8000/partners/bca")
        assert lines[2].endswith(f"GERBANG_CONNECTIONS={folder / 'connections.toml'}")
        answer = httpx.get(f"{url}/", trust_env=False)
        assert "Simulasi BCA" in answer.text
        program.send_signal(signal.SIGTERM)
        assert program.wait(timeout=10) == 0


def test_a_bank_that_nobody_plays_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bank", "--data", str(folder), "--port", "0", "--profile", "nowhere"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("gerbang: There is no bank 'nowhere' to play. There are bca, bri,")
    assert len(error.splitlines()) == 1


def test_files_of_somebody_else_are_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "letter.txt").write_text("")
    assert main(["bank", "--data", str(tmp_path), "--port", "0"]) == 1
    assert "holds files that are not Gerbang's" in capsys.readouterr().err


async def test_the_page_pays_and_shows_what_was_said(folder: Path) -> None:
    async with tiny_gateway() as gateway, simulated(folder, "bca", gateway.url) as bank:
        gateway.bills[NUMBER] = 75_000
        paid = await bank.http.post(f"{bank.url}/", data={"form": "pay", "number": NUMBER})
        assert (paid.status_code, "Dibayar / Paid" in paid.text, "2002500" in paid.text) == (200, True, True)
        wrong = await bank.http.post(f"{bank.url}/", data={"form": "pay", "number": "<script>"})
        assert (wrong.status_code, "<script>" in wrong.text) == (400, False)
        faults = {"form": "faults", "fault": ["wrong_amount", "reversal"], "seed": "7"}
        shown = await bank.http.post(f"{bank.url}/", data=faults)
        assert shown.text.count(" checked") == 2
        assert bank.bank.chance.seed == 7
    assert "http://" not in shown.text.replace(bank.bank.wiring.partner_url, "")
    assert "default-src 'none'" in shown.headers["content-security-policy"]


async def test_an_address_that_is_not_there_is_404(folder: Path) -> None:
    async with simulated(folder, "bca", "http://127.0.0.1:1") as bank:
        for path in ("/control/nothing", "/nothing"):
            assert (await bank.asked(path)).status == 404


async def test_every_address_of_the_documents_exists(folder: Path) -> None:
    """What the lines of docs/bank-simulator.md are about may be missing here (400), the address may not (404)."""
    lines = (ROOT / "docs/bank-simulator.md").read_text().replace("\\\n", " ").splitlines()
    curls = [shlex.split(line, comments=True) for line in lines if line.startswith("curl")]
    assert len(curls) > 10
    async with simulated(folder, "bca", "http://127.0.0.1:1") as bank:
        for words in curls:
            (url,) = [word for word in words if word.startswith("http")]
            body = words[words.index("-d") + 1] if "-d" in words else None
            usual = "GET" if body is None else "POST"
            method = words[words.index("-X") + 1] if "-X" in words else usual
            answer = await bank.http.request(method, bank.url + url.removeprefix("http://127.0.0.1:9100"), content=body)
            assert answer.status_code in ((200, 400) if "REFERENCE" in (body or "") else (200,)), words
            assert "cannot be read" not in answer.text
