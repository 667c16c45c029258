"""The command line: an error is one sentence with an exit code, and help needs no database."""

import asyncio
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gerbang import __version__
from gerbang.cli import main
from tests.support.gateways import Databases
from tests.support.log import log_plainly
from tests.support.services import connected

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Removes the settings of the developer's environment, and changes to a folder whose ./var no gateway uses."""
    for name in ("MODE", "DATABASE_URL", "SECRET_KEY", "PUBLIC_URL", "PORT", "HOST", "CONNECTIONS"):
        monkeypatch.delenv(f"GERBANG_{name}", raising=False)
    monkeypatch.setenv("GERBANG_DATA", "/nowhere")


def typed(line: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Runs a command line: exit code, standard output and standard error."""
    code = main(shlex.split(line))
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.mark.parametrize(
    "command",
    [
        "",
        "run",
        "serve",
        "work",
        "migrate",
        "audit",
        "merchant",
        "merchant create",
        "merchant list",
        "merchant check",
        "merchant rotate-secret",
        "merchant agreement",
        "merchant offer",
        "callbacks",
        "callbacks set",
        "callbacks show",
        "payouts",
        "payouts list",
        "payouts resolve",
        "callbacks list",
        "callbacks resend",
        "bank",
    ],
)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, printed, error = typed(f"{command} --help", capsys)
    assert (code, error) == (0, "")
    assert printed.startswith(" ".join(f"Usage: gerbang {command}".split()))
    assert len(printed.splitlines()) > 5


def test_help_loads_neither_the_application_nor_a_database_driver() -> None:
    code = (
        "import sys; from gerbang.cli import main; main(['run', '--help']); "
        "sys.exit(len({'gerbang.app', 'asyncpg', 'starlette', 'aiohappyeyeballs'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("--version", capsys) == (0, f"gerbang {__version__}\n", "")


def test_the_module_is_the_command() -> None:
    ended = subprocess.run([sys.executable, "-m", "gerbang", "serve"], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith("gerbang: There is no database to work on: set GERBANG_DATABASE_URL")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "line",
    [
        "serve",
        "work",
        "migrate",
        "audit",
        "merchant list",
        "merchant check",
        "merchant create --name Toko --short-name TK --email toko@example.id",
        "merchant rotate-secret 1",
        "merchant agreement 1",
        "merchant offer 1 retail_outlet",
        "callbacks set --merchant 1 --product payment --url https://toko.example.id",
    ],
)
def test_a_command_without_a_database_says_how_to_give_one(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, printed, error = typed(line, capsys)
    assert (code, printed) == (1, "")
    assert error == (
        "gerbang: There is no database to work on: set GERBANG_DATABASE_URL, or start `gerbang run`, which is not running on "
        "/nowhere (--data or GERBANG_DATA name another folder).\n"
    )


def test_a_folder_without_a_running_gateway_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, error = typed(f"merchant list --data {tmp_path}", capsys)
    assert code == 1
    assert error == (
        f"gerbang: No gateway with an embedded database is running on {tmp_path}: start `gerbang run` first.\n"
    )


def test_live_mode_refuses_the_embedded_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GERBANG_MODE", "live")
    monkeypatch.setenv("GERBANG_DATABASE_URL", "postgresql://db/gerbang")
    monkeypatch.setenv("GERBANG_SECRET_KEY", "k" * 32)
    monkeypatch.setenv("GERBANG_PUBLIC_URL", "https://pay.example.id")
    code, _, error = typed(f"run --data {tmp_path / 'var'}", capsys)
    assert code == 1
    assert error.startswith("gerbang: Live mode does not run on")
    assert not (tmp_path / "var").exists()
    code, _, error = typed(f"migrate --data {tmp_path}", capsys)
    assert code == 1
    assert error.startswith("gerbang: Live mode has no embedded database")


def test_a_wrong_setting_is_one_line_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GERBANG_PORT", "eighty")
    assert typed("run", capsys) == (1, "", "gerbang: GERBANG_PORT takes a port, 0 to 65535, not 'eighty'.\n")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("run --clock yesterday", "yesterday is not an instant; write it as in 2025-03-30T05:48:17Z"),
        ("run --clock 2025-02-30T00:00:00Z", "2025-02-30T00:00:00Z is not an instant"),
        ("run --clock 2025-03-30T05:48:17", "2025-03-30T05:48:17 has no time zone"),
        ("run --clock 0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z is not between the years 1970 and 8999"),
        ("run --clock 9999-12-31T23:00:00Z", "is not between the years"),
        ("run --clock ''", "nothing is not an instant"),
        ("run --port 65536", "Error: --port takes a port, 0 to 65535, not '65536'.\n"),
        ("serve --port -1", "Error: --port takes a port, 0 to 65535, not '-1'.\n"),
        ("work --port http", "Error: --port takes a port, 0 to 65535, not 'http'.\n"),
        ("run --port 8_0", "Error: --port takes a port, 0 to 65535, not '8_0'.\n"),
        ("run --port ''", "Error: --port takes a port, 0 to 65535, not ''.\n"),
        ("run --host ''", "Error: --host takes a host name or address, not ''.\n"),
        ("run --data ''", "Error: --data takes a folder, not ''.\n"),
        ("merchant list --data ''", "Error: --data takes a folder, not ''.\n"),
        ("callbacks list --limit 0", "Error: --limit takes a whole number, 1 to 10000, not '0'.\n"),
        ("callbacks list --limit many", "Error: --limit takes a whole number, 1 to 10000, not 'many'.\n"),
        ("run --prot 80", "No such option"),
        ("callbacks set --product payment --url https://a.example", "Missing option '--merchant'"),
        ("paint", "No such command 'paint'"),
    ],
)
def test_a_wrong_command_line_is_explained_with_exit_code_2(
    line: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, printed, error = typed(line, capsys)
    assert (code, printed) == (2, "")
    assert reason in error


def test_make_alone_lists_every_command() -> None:
    listed = subprocess.run(
        ["make", "-C", str(ROOT), "--no-print-directory"], capture_output=True, text=True, check=True
    )
    rules = (ROOT / "Makefile").read_text()
    phony = next(line for line in rules.splitlines() if line.startswith(".PHONY:")).removeprefix(".PHONY:").split()
    assert [line.split()[1] for line in listed.stdout.splitlines()[1:]] == phony


@pytest.fixture
def operator(
    databases: Databases, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[[str], tuple[int, str, str]]]:
    """Runs command lines on a database with one merchant, whose id replaces ID in a line."""
    monkeypatch.setenv("GERBANG_DATABASE_URL", databases.fresh())
    monkeypatch.setenv("GERBANG_SECRET_KEY", "a key of the tests, 32 characters")
    made = typed("merchant create --name Toko --short-name TK --email toko@example.id", capsys)
    merchant_id = made[1].split("merchant id")[1].split()[0]
    yield lambda line: typed(line.replace("ID", merchant_id), capsys)
    # The command configured the log for the standard error of this test.
    log_plainly()


def test_an_agreement_is_printed_changed_and_set(
    operator: Callable[[str], tuple[int, str, str]], tmp_path: Path
) -> None:
    agreement = json.loads(operator("merchant agreement ID")[1])
    assert agreement["channels"]["retail_outlet"]["outlets"] == ["ALFAMART", "INDOMARET"]
    agreement["fees"] = {"qris": {"flat": 100, "percent": "0.5"}}
    agreement["settling"] = {"qris": {"working_days": 2, "cut_off": "22:00", "at": "09:00"}}
    file = tmp_path / "agreement.json"
    file.write_text(json.dumps(agreement))
    assert operator(f"merchant agreement ID --set {file}")[0] == 0
    again = json.loads(operator("merchant agreement ID")[1])
    assert again["fees"]["qris"] == {"flat": 100, "percent": "0.5", "vat_percent": None}
    assert again["settling"]["qris"]["working_days"] == 2


def test_checking_agreements_lists_those_that_cannot_be_used(
    operator: Callable[[str], tuple[int, str, str]],
) -> None:
    assert operator("merchant check") == (0, "All agreements can be used.\n", "")

    async def spoil() -> None:
        async with connected(os.environ["GERBANG_DATABASE_URL"]) as connection:
            await connection.execute(
                """UPDATE merchants SET agreement = jsonb_set(agreement::jsonb, '{channels,qris,merchant_pan}', '"1234"')::json"""
            )

    asyncio.run(spoil())
    code, printed, _ = operator("merchant check")
    assert code == 1
    [_, line] = printed.splitlines()
    assert line.split()[0] == operator("merchant list")[1].splitlines()[1].split()[0]
    assert "Tag 26-01 (merchant PAN) must be 18 or 19 digits" in line


def test_setting_an_agreement_prints_the_differences_only(
    operator: Callable[[str], tuple[int, str, str]], tmp_path: Path
) -> None:
    file = tmp_path / "agreement.json"
    file.write_text('{"name_prefix": "TOKO-", "amount_max": {"qris": 100000000}}')
    code, changes, error = operator(f"merchant agreement ID --set {file}")
    assert (code, error) == (0, "")
    assert changes.splitlines() == ["amount_max.qris: null became 100000000", 'name_prefix: "IKN-" became "TOKO-"']
    assert operator(f"merchant agreement ID --set {file}")[1] == "Nothing was changed: it was agreed so before.\n"


def test_an_agreement_on_a_bank_or_on_payouts_is_stored(
    operator: Callable[[str], tuple[int, str, str]], tmp_path: Path
) -> None:
    file = tmp_path / "agreement.json"
    fees = {"virtual_account/BCA": {"flat": 1}, "retail_outlet/ALFAMART": {"flat": 2}, "payout": {"flat": 3}}
    file.write_text(json.dumps({"fees": fees}))
    assert operator(f"merchant agreement ID --set {file}")[0] == 0
    kept = json.loads(operator("merchant agreement ID")[1])["fees"]
    assert {name: rate["flat"] for name, rate in kept.items()} == {name: rate["flat"] for name, rate in fees.items()}


@pytest.mark.parametrize(
    ("who", "why"),
    [
        ("--name '' --short-name TK --email t@toko.example", "A merchant's name must be 1 to 100 characters"),
        ("--name Toko --short-name 'TOKO BUDI YANG PANJANG' --email t@toko.example", "short name must be 1 to 20"),
        ("--name Toko --short-name TK --email toko", "toko is not an e-mail address."),
        ("--name Toko --short-name TK --email t\u200b@toko.example", "is not an e-mail address."),
    ],
)
def test_a_merchant_without_a_usable_name_or_address_is_not_created(
    operator: Callable[[str], tuple[int, str, str]], who: str, why: str
) -> None:
    before = operator("merchant list")
    code, printed, error = operator(f"merchant create {who}")
    assert (code, printed) == (1, "")
    assert why in error
    assert operator("merchant list") == before


def test_a_merchant_that_exists_is_not_created_a_second_time_by_mistake(
    operator: Callable[[str], tuple[int, str, str]],
) -> None:
    before = operator("merchant list")
    made = operator("merchant list")[1].splitlines()[1].split()
    code, printed, error = operator("merchant create --name TOKO --short-name T2 --email other@toko.example")
    assert (code, printed) == (1, "")
    assert error == (
        f"gerbang: There is a merchant called Toko already: number {made[1]}, id {made[0]}. Nothing was changed. "
        f"`gerbang merchant rotate-secret {made[0]}` gives it new secrets; --again makes another merchant of the same "
        "name.\n"
    )
    assert operator("merchant list") == before
    code, printed, _ = operator("merchant create --name Toko --short-name T2 --email other@toko.example --again")
    assert (code, made[0] in printed) == (0, False)
    assert operator("merchant list")[1].count("Toko") == 2


@pytest.mark.parametrize("name", ["Toko  Budi", "Toko Budi ", " TOKO BUDI", "toko budi"])
def test_names_that_differ_in_spaces_or_capitals_only_are_the_same_name(
    operator: Callable[[str], tuple[int, str, str]], name: str
) -> None:
    assert operator("merchant create --name 'Toko Budi' --short-name T2 --email budi@toko.example")[0] == 0
    code, _, error = operator(f"merchant create --name '{name}' --short-name T3 --email budi@toko.example")
    assert (code, error.partition(":")[2].partition(":")[0]) == (1, " There is a merchant called Toko Budi already")


def test_a_merchant_can_be_given_by_number_or_by_id(operator: Callable[[str], tuple[int, str, str]]) -> None:
    (listed,) = json.loads(operator("merchant list --json")[1])
    assert listed == {
        "id": operator("merchant list")[1].splitlines()[1].split()[0],
        "number": 131,
        "name": "Toko",
        "shortName": "TK",
        "email": "toko@example.id",
    }
    for line in ("merchant agreement {}", "callbacks show {}", "callbacks list --merchant {}"):
        assert operator(line.format(131)) == operator(line.format(listed["id"]))
    assert listed["id"] in operator("merchant rotate-secret 131")[1]
    assert operator("callbacks set --merchant 131 --product payment --url https://toko.example/")[0] == 0
    assert operator("merchant agreement 132")[2] == (
        "gerbang: No merchant has the number 132; `gerbang merchant list` shows them.\n"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"fees": 3}', "Expected `object`, got `int` - at `$.fees`"),
        ('{"fee": {}}', "An agreement has no fee. Nothing was changed."),
        ('{"settling": {"qris": {"working_days": 1, "at": "25:00"}}}', "25:00"),
        ("hello", "This is not an agreement"),
        ('{"fees":' * 20_000 + "1" + "}" * 20_000, "This is not an agreement: maximum recursion depth exceeded"),
        ('{"fees": {"virtual_acount/BCA": {"flat": 1}}}', "fees.virtual_acount/BCA names no channel: choose one of"),
        ('{"fees": {"virtual_account/BCCA": {"flat": 1}}}', "names nothing of virtual_account: choose one of BCA, BNC"),
        (
            '{"settling": {"qris/GOPAY": {"working_days": 1}}}',
            "settling.qris/GOPAY names nothing of qris: say it alone.",
        ),
        ('{"amount_max": {"banana": 1}}', "amount_max.banana names no channel"),
        ('{"amount_min": {"payout": 1}}', "amount_min.payout names no channel"),
        ('{"expiry_min_seconds": {"virtual_account/BCA": 60}}', "must name the channel alone"),
        ('{"channels": {"virtual_account": {"bankz": {}}}}', "An agreement has no channels.virtual_account.bankz."),
        ('{"virtual_account": {"banks": {}}}', 'write {"channels": {"virtual_account": …}}. Nothing was changed.'),
        ('{"quarantine_seconds": 1000000000000000000}', "quarantine_seconds must be 600 to"),
        ('{"quarantine_seconds": 599}', "quarantine_seconds must be 600 to"),
        ('{"quarantine_seconds": -1}', "quarantine_seconds must be 600 to"),
        ('{"fees": {"qris": {"flat": 8000000000000000000}}}', "fees.qris.flat must be 0 to"),
        ('{"fees": {"qris": {"flat": -1}}}', "fees.qris.flat must be 0 to"),
        ('{"fees": {"qris": {"percent": "NaN"}}}', "fees.qris.percent must be 0 to 100."),
        ('{"fees": {"qris": {"vat_percent": "-50"}}}', "fees.qris.vat_percent must be 0 to 100."),
        ('{"expiry_max_seconds": {"qris": 100000000000000000000000000}}', "Nothing was changed."),
    ],
)
def test_an_invalid_agreement_changes_nothing(
    operator: Callable[[str], tuple[int, str, str]], tmp_path: Path, text: str, reason: str
) -> None:
    before = operator("merchant agreement ID")
    file = tmp_path / "agreement.json"
    file.write_text(text)
    code, printed, error = operator(f"merchant agreement ID --set {file}")
    assert (code, printed) == (1, "")
    assert reason in error
    assert operator("merchant agreement ID") == before


def test_members_that_are_not_given_are_unchanged(
    operator: Callable[[str], tuple[int, str, str]], tmp_path: Path
) -> None:
    before = json.loads(operator("merchant agreement ID")[1])
    file = tmp_path / "agreement.json"
    file.write_text('{"name_prefix": "TOKO-"}')
    assert operator(f"merchant agreement ID --set {file}")[0] == 0
    assert json.loads(operator("merchant agreement ID")[1]) == before | {"name_prefix": "TOKO-"}
    assert operator(f"merchant agreement ID --set {tmp_path / 'nowhere'}")[2].endswith("No such file or directory.\n")


def test_a_channel_is_offered_to_one_merchant_and_stopped_again(
    operator: Callable[[str], tuple[int, str, str]],
) -> None:
    assert operator("merchant offer ID retail_outlet")[1].split()[-1] == "retail_outlet"
    assert operator("merchant offer ID retail_outlet --stop")[0] == 0
    assert operator("merchant offer ID ewallet")[2].startswith("gerbang: ewallet is offered")
    assert operator("merchant offer ID teleport")[0] == 1
    assert operator("merchant offer ID ewallet --product v4-payments --stop")[2].startswith(
        "gerbang: ewallet is offered"
    )
    assert operator("merchant offer ID qris --product post")[2].startswith("gerbang: There is no callback product")


def test_a_command_that_is_refused_ends_at_once(operator: Callable[[str], tuple[int, str, str]]) -> None:
    """Also while it still connects to follow the shared clock, which once blocked the exit for ever."""
    for _ in range(10):
        code, _, error = operator("merchant rotate-secret nobody")
        assert (code, error) == (
            1,
            "gerbang: nobody is not a merchant's id or number; `gerbang merchant list` shows them.\n",
        )


@pytest.mark.parametrize(
    ("product", "proofs", "form"),
    [
        ("payment", ["X-API-Key", "signing secret"], "whsec_"),
        ("money", ["X-API-Key", "signing secret"], "whsec_"),
        ("refund", ["X-API-Key", "signing secret"], "whsec_"),
        ("v4-payments", ["signing secret"], "ss_"),
        ("v4-disbursements", ["signing secret"], "ss_"),
    ],
)
def test_setting_a_callback_prints_its_url_and_the_keys_of_its_product(
    operator: Callable[[str], tuple[int, str, str]], product: str, proofs: list[str], form: str
) -> None:
    line = f"callbacks set --merchant ID --product {product} --url https://toko.example.id/callbacks"
    code, printed, _ = operator(line)
    spec = dict(line.split("  ", 1) for line in printed.splitlines())
    assert code == 0
    assert list(spec) == ["product", "url", *proofs]
    assert spec["signing secret"].strip().startswith(form)
    assert operator(line)[1] == printed, "the secrets stay what they were"
