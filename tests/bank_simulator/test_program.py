"""`gerbang bank` as a program: it starts, shows what to do next, answers, and stops; and its page."""

import shlex
from pathlib import Path

import httpx
import pytest

from gerbang.cli import main
from tests.support.programs import ROOT, program
from tests.support.simulated_banks import simulated
from tests.support.tiny_gateway import tiny_gateway

NUMBER = "140200001234"


@pytest.mark.slow
def test_the_program_shows_what_to_do_next_and_stops_when_asked(folder: Path) -> None:
    with program("bank", "--data", str(folder), "--port", "0") as running:
        connections = running.printed(r"GERBANG_CONNECTIONS=(.+)\n")
        at, gateway = (line.rsplit(" ", 1)[-1] for line in running.out.splitlines()[:2])
        assert (gateway, connections) == ("http://127.0.0.1:8000/partners/bca", str(folder / "connections.toml"))
        answer = httpx.get(f"{at}/", trust_env=False)
        assert "Simulasi BCA" in answer.text
        assert running.stop() == 0


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
