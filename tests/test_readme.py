"""The documents are true: their commands are run, their answers compared, their sample code executed.

In a document `<!-- run -->` stands before shell commands that are executed, all of one document in one bash; the JSON
after `<!-- prints -->` is compared with what the commands before it printed.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

import click
import httpx
import pytest

from gerbang.cli import commands
from gerbang.settings import Settings
from tests.support.gateways import Shop
from tests.support.plain_http import TRUSTS_NOBODY
from tests.support.ports import held_ports

ROOT = Path(__file__).resolve().parents[1]
FENCED = re.compile(
    r"(?:^<!-- (?P<mark>[^>]*) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
REST = "…"
"""As a key in JSON of a document: the answer has more fields than are shown."""
ADDRESS = "http://127.0.0.1:8000"
BANK_ADDRESS = "http://127.0.0.1:9100"
WITH_BANK = "run with the bank"
"""Marks commands of a gateway that was started with `--bank`."""
SECONDS_MAX = 40


def code_blocks(path: str) -> list[tuple[str, str, str]]:
    """Mark, language and text of every fenced code block of a document."""
    text = (ROOT / path).read_text(encoding="utf-8")
    return [(found["mark"] or "", found["language"], found["text"]) for found in FENCED.finditer(text)]


def unlike(shown: Any, real: Any, at: str = "$") -> list[str]:
    """The differences of an answer from the one in a document: fields, their order, their types, texts.

    Texts with digits in them (ids, times, numbers) and numbers may have other values.
    """
    same_kind = type(shown) is type(real)
    if isinstance(shown, dict) and isinstance(real, dict):
        return _unlike_objects(cast("dict[str, Any]", shown), cast("dict[str, Any]", real), at)
    if isinstance(shown, list) and isinstance(real, list):
        wanted, there = cast("list[Any]", shown), cast("list[Any]", real)
        if len(wanted) != len(there):
            return [f"{at}: {len(there)} items instead of {len(wanted)}"]
        pairs = enumerate(zip(wanted, there, strict=True))
        return [difference for i, (one, other) in pairs for difference in unlike(one, other, f"{at}[{i}]")]
    if not same_kind:
        return [f"{at}: {real!r} instead of {shown!r}"]
    plain = isinstance(shown, str) and not re.search(r"\d", shown)
    return [f"{at}: {real!r} instead of {shown!r}"] if plain and shown != real else []


def _unlike_objects(shown: dict[str, Any], real: dict[str, Any], at: str) -> list[str]:
    wanted = [name for name in shown if name != REST]
    there = [name for name in real if name in wanted] if REST in shown else list(real)
    if there != wanted:
        return [f"{at}: fields {list(real)} instead of {list(shown)}"]
    return [difference for name in wanted for difference in unlike(shown[name], real[name], f"{at}.{name}")]


@contextmanager
def running(folder: Path, *options: str) -> Generator[str]:
    """Runs `gerbang run` in a folder as a process of its own; yields its address."""
    command = [sys.executable, "-m", "gerbang", "run", *(options or ("--port", "0"))]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GERBANG_")}
    environment["PYTHONPATH"] = str(ROOT)
    log = folder / "log"
    with log.open("w") as out:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield _address(process, folder / "var" / "sandbox.json", log)
    finally:
        process.terminate()
        assert process.wait(20) == 0, log.read_text()


def _address(process: subprocess.Popen[bytes], keys: Path, log: Path) -> str:
    end = time.monotonic() + SECONDS_MAX
    while time.monotonic() < end and process.poll() is None:
        try:
            address = str(json.loads(keys.read_text())["baseUrl"])
            if httpx.get(f"{address}/healthz", verify=TRUSTS_NOBODY).status_code == 200:
                return address
        except (OSError, httpx.TransportError):
            pass
        time.sleep(0.05)
    raise AssertionError(log.read_text())


Printed = list[tuple[str, list[str]]]
"""For each code block that is run: what it printed, and the JSON that the document shows after it."""


@pytest.fixture(scope="module")
def printed_by(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Printed]:
    """Runs the commands of a document once, against a gateway of its own, and returns what they printed."""
    for program in ("bash", "curl"):
        assert shutil.which(program), f"the documents' commands need {program}"

    @cache
    def run(path: str, bank: str = "") -> Printed:
        script, shown = ["set -euo pipefail"], list[list[str]]()
        first, of_this = True, False
        for mark, _, text in code_blocks(path):
            if mark in ("run", WITH_BANK):
                of_this = (mark == WITH_BANK) == bool(bank) or (bool(bank) and first)  # the first one signs in
                first = False
                script += [text, "printf '\\n@@\\n'"] if of_this else []
                shown += [[]] if of_this else []
            elif mark == "prints" and of_this:
                shown[-1].append(text)
        folder = tmp_path_factory.mktemp("document")
        with held_ports(2) as (gateway_port, bank_port):
            options = ("--port", str(gateway_port), "--bank", bank, "--bank-port", str(bank_port)) if bank else ()
            with running(folder, *options) as address:
                bank_address = f"http://127.0.0.1:{bank_port}"
                text = "\n".join(script).replace(ADDRESS, address).replace(BANK_ADDRESS, bank_address)
                command = ["bash", "-c", text]
                ended = subprocess.run(
                    command, check=False, cwd=folder, capture_output=True, text=True, timeout=SECONDS_MAX
                )
        assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
        return list(zip(ended.stdout.split("@@\n"), shown, strict=False))

    return run


@pytest.mark.parametrize("path", ["README.md", "docs/sandbox.md"])
def test_the_commands_of_a_document_print_what_it_shows(path: str, printed_by: Callable[[str], Printed]) -> None:
    compared = 0
    for text, shown in printed_by(path):
        answers = [json.loads(line) for line in text.splitlines() if line.startswith(("{", "["))]
        for example in shown:
            assert answers, f"{path}: nothing was printed where this is shown: {example}"
            assert unlike(json.loads(example), answers[-1]) == [], text
            compared += 1
    assert compared >= 3


def test_the_bank_of_the_readme_pays_and_is_refused(printed_by: Callable[..., Printed]) -> None:
    compared = 0
    for text, shown in printed_by("README.md", "bca"):
        for example in shown:
            assert unlike(json.loads(example), json.loads(text)) == [], text  # the bank's answers have many lines
            compared += 1
    assert compared == 2


def test_the_payment_of_the_readme_is_paid_and_its_callback_received(printed_by: Callable[[str], Printed]) -> None:
    text = "".join(printed for printed, _ in printed_by("README.md"))
    assert '"updated":"true"' in text
    assert '"event":"PAYMENT.PAID"' in text
    assert '"sum":"0.00"' in text


def test_the_balances_of_the_readme_are_correct(printed_by: Callable[[str], Printed]) -> None:
    text = "".join(printed for printed, _ in printed_by("README.md"))
    shown = [text for _, language, text in code_blocks("README.md") if language == "json" and "alance" in text]
    figures = [figure for instructions in shown for figure in re.findall(r'alance": "(-?[0-9.]+)"', instructions)]
    assert len(figures) == 7
    assert [figure for figure in figures if f'alance":"{figure}"' not in text] == []


def test_the_payers_page_of_the_readme_opens(printed_by: Callable[[str], Printed]) -> None:
    text = "".join(printed for printed, _ in printed_by("README.md"))
    assert re.search(r"^200 text/html", text, re.MULTILINE), text


def test_the_readme_names_the_two_commands_and_both_exist() -> None:
    first = next(text for _, language, text in code_blocks("README.md") if language == "sh")
    targets = re.findall(r"^make (\w+)", first, re.MULTILINE)
    assert targets == ["run", "test"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


def sample(path: str, name: str) -> Callable[..., bool]:
    """The function that a document's Python sample defines, by executing the sample."""
    text = next(text for mark, _, text in code_blocks(path) if mark == f"sample: {name}")
    made: dict[str, Any] = {}
    exec(compile(text, path, "exec"), made)  # the sample of our own document is to be executed
    return made[name]


def test_the_sample_accepts_callbacks_of_ours_only(shop: Shop) -> None:
    is_from_gerbang = sample("docs/callbacks.md", "is_from_gerbang")
    url = f"{shop.gateway.base_url}/sandbox/inbox/{shop.merchant_id}"
    secret = shop.call("PUT", "/sandbox/callbacks/payment", {"url": url}).json()["signingSecret"]
    assert shop.simulate(shop.create()["id"]) == "true"
    (callback,) = shop.inbox()
    headers, body = callback["headers"], callback["raw"].encode()
    sent_at = int(headers["webhook-timestamp"])
    assert is_from_gerbang(headers, body, secret)
    assert is_from_gerbang(headers, body, secret, now=sent_at + 1)
    assert is_from_gerbang(
        {**headers, "webhook-signature": f"v1,old {headers['webhook-signature']}"}, body, secret, sent_at
    )
    assert not is_from_gerbang(headers, body.replace(b"20000", b"90000"), secret, now=sent_at)
    assert not is_from_gerbang(headers, body, "whsec_" + "A" * 44, now=sent_at)
    assert not is_from_gerbang(headers, body, secret, now=sent_at + 301)
    assert not is_from_gerbang({**headers, "webhook-timestamp": str(sent_at + 1)}, body, secret, now=sent_at)
    assert not is_from_gerbang({**headers, "webhook-id": "msg_other"}, body, secret, now=sent_at)
    assert not is_from_gerbang({}, body, secret)


def test_the_callback_on_money_held_in_suspense_is_as_documented(shop: Shop) -> None:
    shown = next(text for _, _, text in code_blocks("docs/callbacks.md") if "MONEY.SET_ASIDE" in text)
    paid = shop.create()["id"]
    assert [shop.simulate(paid), shop.simulate(paid)] == ["true", "false"]
    assert unlike(json.loads(shown), shop.inbox()[-1]["body"]) == []


def test_the_headers_of_a_callback_are_documented(shop: Shop) -> None:
    page = (ROOT / "docs/callbacks.md").read_text(encoding="utf-8")
    shop.simulate(shop.create()["id"])
    usual = {"host", "user-agent", "accept-encoding", "content-length"}
    (callback,) = shop.inbox()
    assert [name for name in callback["headers"] if name not in usual and f"`{name}`" not in page.lower()] == []


def test_the_settings_documented_for_production_are_valid() -> None:
    text = next(text for _, _, text in code_blocks("docs/production.md") if "GERBANG_MODE=live" in text)
    lines = [line for line in text.replace(REST, "x" * 40).splitlines() if not line.startswith("#")]
    settings = Settings.from_environment(dict(line.split("=", 1) for line in lines))
    assert (settings.mode, settings.public_url) == ("live", "https://pay.example.id")


def typed_in_documents() -> list[str]:
    """Every `gerbang …` command line in the shell code of the documents."""
    paths = ["README.md", *(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))]
    lines = [
        line
        for path in paths
        for _, language, text in code_blocks(path)
        if language == "sh"
        for line in text.splitlines()
    ]
    return [line.partition("#")[0].strip() for line in lines if line.startswith("gerbang ")]


def test_every_command_line_in_the_documents_is_valid() -> None:
    lines = typed_in_documents()
    assert len(lines) > 5
    for line in lines:
        arguments = shlex.split(line)[1:]
        command: click.Command = commands
        while isinstance(command, click.Group):
            command = command.commands[arguments.pop(0)]
        command.make_context(line, arguments)


def test_a_difference_from_a_documented_answer_is_found() -> None:
    shown = {"code": "00", "data": {"id": "a1", "status": "PAID", "paidAt": None}}
    assert unlike(shown, {"code": "00", "data": {"id": "b2", "status": "PAID", "paidAt": None}}) == []
    for real in (
        {"data": {"id": "a1", "status": "PAID", "paidAt": None}, "code": "00"},
        {"code": "00", "data": {"id": "a1", "status": "PAID", "paidAt": None, "more": 1}},
        {"code": "00", "data": {"id": "a1", "status": "EXPIRED", "paidAt": None}},
        {"code": 0, "data": {"id": "a1", "status": "PAID", "paidAt": None}},
        {"code": "00", "data": {"id": "a1", "status": "PAID", "paidAt": "2025-03-30"}},
    ):
        assert len(unlike(shown, real)) == 1, real
    assert unlike({"a": 1, REST: ""}, {"a": 2, "b": 3}) == []
    assert unlike([{"a": 1}], [{"a": 1}, {"a": 1}]) == ["$: 2 items instead of 1"]


def test_the_times_in_the_documents_are_iso_8601() -> None:
    shown = [text for mark, _, text in code_blocks("README.md") if mark == "prints"]
    instants = re.findall(r'"(\d{4}-[^"]+Z)"', "".join(shown))
    assert len(instants) > 5
    assert all(datetime.fromisoformat(instant).tzinfo for instant in instants)
