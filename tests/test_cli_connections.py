"""`gerbang connections` as operators run it: a program of its own, with a file, and partners that answer or do not."""

import json
import shutil
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from gerbang.connections_file.checks import clocks, ending
from gerbang.network import Answer
from tests.connections_file.pems import certificate, private, public, rsa_key
from tests.support.http_servers import HttpAnswer, HttpServer
from tests.support.ports import held_ports
from tests.support.programs import ROOT, clean_environment, program

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def gerbang(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command line."""
    return gerbang_at(ROOT, *arguments, **environment)


def gerbang_at(folder: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """The same, of the package that is in the folder."""
    ended = subprocess.run(
        [sys.executable, "-m", "gerbang", *arguments],
        cwd=folder,
        env={**clean_environment(), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.returncode, ended.stdout, ended.stderr


def partner(tls: ssl.SSLContext | None = None, ahead: timedelta = timedelta(0)) -> HttpServer:
    """A partner's server that knows no address (404), whose clock is ahead of ours."""
    return HttpServer(
        lambda _: HttpAnswer(404, headers={"Date": format_datetime(datetime.now(UTC) + ahead, usegmt=True)}), tls
    )


def written(folder: Path, members: str, name: str = "toy") -> str:
    """A connections file with one connection, and a route to it."""
    file = folder / "connections.toml"
    text = f'[connections.{name}]\nprovider = "simulator"\nserves = ["payments"]\n{members}\n'
    file.write_text(f'{text}\n[[routes]]\nconnections = ["{name}"]\nchannel = "virtual_account"\noption = "BCA"\n')
    return str(file)


def kept(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("command", [[], ["list"], ["check"]])
def test_every_command_explains_itself(command: list[str]) -> None:
    code, shown, error = gerbang("connections", *command, "--help")
    assert (code, error) == (0, "")
    assert shown.startswith(" ".join(["Usage: gerbang connections", *command]))
    assert len(shown.splitlines()) > 5


def test_a_sandbox_without_a_file_lists_its_simulator_and_finds_it_well() -> None:
    code, shown, error = gerbang("connections", "list")
    assert (code, error) == (0, "")
    assert shown.splitlines() == [
        "name       provider   serves                                  routed to it",
        "simulator  simulator  payments, payouts, refunds, statements  every merchant, everything",
    ]
    code, shown, error = gerbang("connections", "check")
    assert (code, error, shown.splitlines()[-1]) == (0, "", "All is well.")


def test_a_list_for_programs_has_everything_but_secrets(tmp_path: Path) -> None:
    file = written(tmp_path, 'client_secret = { env = "TOY" }\ninbound = { path_prefix = "/toy" }')
    code, shown, error = gerbang("connections", "list", "--json", GERBANG_CONNECTIONS=file, TOY="hush")
    assert (code, error) == (0, "")
    assert json.loads(shown) == {
        "connections": [
            {
                "name": "toy",
                "provider": "simulator",
                "profile": None,
                "serves": ["payments"],
                "baseUrl": None,
                "pathPrefix": "/toy",
                "routes": ["every merchant, virtual_account/BCA"],
            }
        ],
        "faults": [],
    }


def test_a_list_of_a_wrong_file_shows_what_it_can_and_shows_what_is_wrong(tmp_path: Path) -> None:
    file = written(tmp_path, 'base_ulr = "https://bank.example"')
    code, shown, error = gerbang("connections", "list", GERBANG_CONNECTIONS=file)
    assert code == 1
    assert shown.splitlines()[1].split() == [
        "toy",
        "simulator",
        "payments",
        "every",
        "merchant,",
        "virtual_account/BCA",
    ]
    assert error.splitlines() == [
        f"gerbang: {file} cannot be used, since one thing is wrong:",
        "  connections.toy.base_ulr is not known: did you mean base_url?",
    ]
    code, shown, _ = gerbang("connections", "list", "--json", GERBANG_CONNECTIONS=file)
    assert (code, json.loads(shown)["faults"]) == (1, [error.splitlines()[1].strip()])


@pytest.mark.parametrize("command", ["run", "serve", "work"])
def test_a_wrong_file_stops_the_start_before_anything_is_made(tmp_path: Path, command: str) -> None:
    file, data = written(tmp_path, "deadline_seconds = 0"), tmp_path / "data"
    # Nobody listens there: a process that got as far as its database would say so.
    database = {"GERBANG_DATABASE_URL": "postgresql://127.0.0.1:1/none"} if command != "run" else {}
    code, shown, error = gerbang(command, GERBANG_CONNECTIONS=file, GERBANG_DATA=str(data), **database)
    assert (code, shown) == (1, "")
    assert error.splitlines() == [
        f"gerbang: {file} cannot be used, since one thing is wrong:",
        "  connections.toy.deadline_seconds must be a whole number of seconds, 1 to 60, not 0.",
    ]
    assert not data.exists()


def test_what_is_unsafe_is_shown_at_the_start_and_does_not_stop_it(tmp_path: Path) -> None:
    secret = kept(tmp_path, "secret", "hush")
    secret.chmod(0o644)
    file = written(tmp_path, 'client_secret = { file = "secret" }')
    database = "postgresql://127.0.0.1:1/none"
    with program(
        "work", GERBANG_CONNECTIONS=file, GERBANG_DATABASE_URL=database, GERBANG_SECRET_KEY="k" * 32
    ) as started:
        shown = started.printed(r"(Warning: .*)\n")
    assert shown == (
        f"Warning: connections.toy.client_secret names the file {secret}, which every user of this machine can reach: "
        f"run chmod o-rwx {secret}."
    )


def checked(file: str, *arguments: str, **environment: str) -> tuple[int, dict[str, tuple[bool, str]]]:
    """The exit code of a check, and what it says of each thing."""
    code, shown, error = gerbang("connections", "check", "--json", *arguments, GERBANG_CONNECTIONS=file, **environment)
    assert error == ""
    found = json.loads(shown)
    assert found["ok"] == (code == 0)
    return code, {each["what"]: (each["ok"], each["sentence"]) for each in found["checked"]}


def test_a_partner_that_wants_our_certificate_is_reached_over_tls(tmp_path: Path) -> None:
    ours, theirs = rsa_key("ours"), rsa_key("theirs")
    shown, key = kept(tmp_path, "ours.crt", certificate(ours, days=100)), kept(tmp_path, "ours.pem", private(ours))
    trusted = kept(tmp_path, "theirs.crt", certificate(theirs, days=100))
    their_key = kept(tmp_path, "theirs.pem", private(theirs))
    kept(tmp_path, "theirs.pub", public(theirs))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(shown))
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_cert_chain(trusted, their_key)
    with partner(tls) as server:
        file = written(
            tmp_path,
            f'base_url = "https://localhost:{server.port}"\n'
            'private_key = { file = "ours.pem" }\n'
            'client_certificate = { certificate = { file = "ours.crt" }, private_key = { file = "ours.pem" } }\n'
            'inbound = { path_prefix = "/toy", public_keys = [{ file = "theirs.pub" }, { file = "theirs.crt" }] }\n',
        )
        code, found = checked(file, SSL_CERT_FILE=str(trusted))
    assert (code, all(ok for ok, _ in found.values())) == (0, True), found
    assert found.keys() == {
        "file", "private key", "public key 1", "public key 2", "client certificate", "address", "clock",
    }  # fmt: skip
    assert found["address"][1].startswith(f"https://localhost:{server.port} answers over TLS after ")
    assert found["private key"][1] == f"It is RSA of 2048 bits, from the file {key}."
    assert "ends on" in found["client certificate"][1]
    assert "ends on" in found["public key 2"][1]


def test_a_partner_whose_certificate_nobody_vouches_for_is_wrong(tmp_path: Path) -> None:
    theirs = rsa_key("theirs")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(
        kept(tmp_path, "theirs.crt", certificate(theirs, days=100)), kept(tmp_path, "theirs.pem", private(theirs))
    )
    with partner(tls) as server:
        code, found = checked(written(tmp_path, f'base_url = "https://localhost:{server.port}"'))
    assert code == 1
    assert found["address"] == (
        False,
        (
            f"https://localhost:{server.port} gives no answer: TLS: self-signed certificate. The partner's certificate is not one that "
            "this machine trusts, or it wants a client certificate that we do not show."
        ),
    )


def test_a_partner_that_is_not_there_is_wrong_and_the_others_are_still_looked_at(tmp_path: Path) -> None:
    with held_ports() as (free,), partner() as server:
        file = Path(written(tmp_path, f'base_url = "http://127.0.0.1:{free}"'))
        file.write_text(
            file.read_text()
            + f'[connections.other]\nprovider = "simulator"\nserves = ["payments"]\nbase_url = "http://127.0.0.1:{server.port}"\n'
            + '[connections.lost]\nprovider = "simulator"\nserves = ["payments"]\nbase_url = "http://nowhere.invalid"\n'
        )
        code, shown, _ = gerbang("connections", "check", GERBANG_CONNECTIONS=str(file))
        alone = checked(str(file), "other")
    assert code == 1
    assert f"refused by 127.0.0.1:{free}. Nobody listens there" in shown
    assert "name not found: nowhere.invalid. Correct base_url" in shown
    assert f"http://127.0.0.1:{server.port} answers without TLS" in shown
    assert shown.splitlines()[-1] == "2 of 7 things are wrong."
    assert alone[0] == 0


def test_a_clock_that_differs_from_the_partners_is_wrong(tmp_path: Path) -> None:
    for ahead, side in {timedelta(minutes=-3): "ahead of", timedelta(minutes=3): "behind"}.items():
        with partner(ahead=ahead) as server:
            code, found = checked(written(tmp_path, f'base_url = "http://127.0.0.1:{server.port}"'))
        assert (code, found["address"][0], found["clock"][0]) == (1, True, False)
        assert f"seconds {side} the partner's, and signed requests are refused for that" in found["clock"][1]


def test_a_certificate_that_has_ended_is_wrong_and_does_not_stop_a_start(tmp_path: Path) -> None:
    kept(tmp_path, "theirs.crt", certificate(rsa_key("theirs"), days=-2))
    file = written(tmp_path, 'inbound = { path_prefix = "/toy", public_keys = [{ file = "theirs.crt" }] }')
    code, found = checked(file)
    assert (code, found["public key 1"][0]) == (1, False)
    assert found["public key 1"][1].endswith("Ask the partner for its next one, and add it to the list.")
    assert gerbang("connections", "list", GERBANG_CONNECTIONS=file)[0] == 0


def test_a_client_certificate_that_tls_refuses_is_shown(tmp_path: Path) -> None:
    short = rsa_key("short", 1024)
    kept(tmp_path, "short.crt", certificate(short, days=100))
    kept(tmp_path, "short.pem", private(short))
    members = 'client_certificate = { certificate = { file = "short.crt" }, private_key = { file = "short.pem" } }'
    code, shown, _ = gerbang("connections", "check", GERBANG_CONNECTIONS=written(tmp_path, members))
    assert code == 1
    assert "TLS cannot use it: " in shown


def test_a_faulty_connection_is_shown_and_not_called(tmp_path: Path) -> None:
    file = written(tmp_path, 'base_url = "http://127.0.0.1:1"\ndeadline_seconds = 0')
    code, found = checked(file)
    assert code == 1
    assert found == {
        "file": (False, "connections.toy.deadline_seconds must be a whole number of seconds, 1 to 60, not 0.")
    }


def test_a_connection_that_is_not_there_is_shown_with_the_nearest(tmp_path: Path) -> None:
    file = written(tmp_path, "", name="bca-va")
    code, shown, error = gerbang("connections", "check", "bca", GERBANG_CONNECTIONS=file)
    assert (code, shown) == (1, "")
    assert error == "gerbang: There is no connection bca: did you mean bca-va?\n"


TOY = '''
"""A provider of one file: it wants a profile, has settings of its own, and asks its partner for a balance."""

import msgspec

from gerbang.connections import Check, Link, Said, missing
from gerbang.domain.connections import Connection, Secret


class ToySettings(msgspec.Struct, frozen=True):
    token: Secret
    shops: tuple[str, ...] = ()


class Toy:
    name = "toy-partner"
    settings = ToySettings

    def faults(self, connection: Connection) -> list[Said]:
        return missing(connection, "profile")

    async def check(self, link: Link) -> list[Check]:
        answer = await link.network.get(f"{link.connection.base_url}/balance", {})
        shops = len(link.connection.settings.shops)
        return [Check("balance", answer.status == 200, f"The partner answers {answer.status} for {shops} shops.")]


PROVIDER = Toy()
'''


def test_a_provider_is_one_file_that_says_what_it_needs_and_checks(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "gerbang", tmp_path / "gerbang", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "gerbang/connections/toy.py").write_text(TOY)
    file = tmp_path / "connections.toml"
    start = '[connections.shop]\nprovider = "toy-partner"\nserves = ["payments"]\n'
    file.write_text(f"{start}settings.shop = 1\n")
    code, shown, error = gerbang_at(tmp_path, "connections", "list", GERBANG_CONNECTIONS=str(file))
    assert (code, "nobody" in shown) == (1, True)
    assert [line.strip() for line in error.splitlines()[1:]] == [
        "connections.shop.settings.shop is not known: did you mean shops?",
        'connections.shop.settings.token is missing: it must be { file = "…" } or { env = "…" }.',
    ]
    file.write_text(f'{start}settings.token = {{ env = "T" }}\n')
    _, _, error = gerbang_at(tmp_path, "connections", "list", GERBANG_CONNECTIONS=str(file), T="hush")
    assert error.splitlines()[1:] == ["  connections.shop.profile is missing: the provider toy-partner needs it."]
    with partner() as server:
        shown = f'profile = "a"\nbase_url = "http://127.0.0.1:{server.port}"\nsettings = {{ token = {{ env = "T" }}, shops = ["1", "2"] }}'
        file.write_text(start + shown)
        check = ("connections", "check", "shop")
        answered = gerbang_at(tmp_path, *check, GERBANG_CONNECTIONS=str(file), T="hush")
    assert (answered[0], answered[2]) == (1, "")
    assert answered[1].splitlines()[-2:] == [
        "shop        WRONG  balance  The partner answers 404 for 2 shops.",
        "1 of 4 things are wrong.",
    ]
    silent = gerbang_at(tmp_path, *check, GERBANG_CONNECTIONS=str(file), T="hush")
    assert "toy-partner  The partner gave no answer: refused by" in silent[1]


def said_at(text: str | None) -> Answer:
    return Answer(200, {} if text is None else {"date": text}, b"", 0.5, whole=True)


def test_clocks_may_be_five_seconds_apart_and_the_time_of_the_call_does_not_count() -> None:
    date = said_at("Sun, 01 Mar 2026 12:00:00 GMT")
    assert clocks(date, NOON, NOON).ok
    assert clocks(date, NOON - timedelta(seconds=30), NOON + timedelta(seconds=30)).ok
    assert clocks(date, NOON + timedelta(seconds=6), NOON + timedelta(seconds=7)).ok
    assert not clocks(date, NOON + timedelta(seconds=7), NOON + timedelta(seconds=8)).ok
    assert clocks(date, NOON - timedelta(seconds=6), NOON - timedelta(seconds=5)).ok
    assert not clocks(date, NOON - timedelta(seconds=7), NOON - timedelta(seconds=6)).ok


@pytest.mark.parametrize("text", [None, "", "soon", "Sun, 99 Mar 2026 12:00:00 GMT"])
def test_a_partner_without_a_time_is_not_compared(text: str | None) -> None:
    found = clocks(said_at(text), NOON, NOON)
    assert (found.ok, found.sentence) == (
        True,
        "The partner does not say what time it has, so the clocks cannot be compared.",
    )


def test_a_certificate_that_ends_within_two_weeks_is_wrong() -> None:
    assert ending(NOON + timedelta(days=15), NOON, "Act.") == (True, "Its certificate ends on 2026-03-16, in 15 days.")
    assert ending(NOON + timedelta(days=9), NOON, "Act.") == (
        False,
        "Its certificate ends on 2026-03-10, in 9 days. Act.",
    )
    assert ending(NOON, NOON, "Act.") == (False, "Its certificate ended on 2026-03-01. Act.")


def test_what_is_printed_as_json_is_json_alone_also_while_a_partner_is_called(tmp_path: Path) -> None:
    with program("bank", "--data", str(tmp_path / "bank"), "--port", "0") as bank:
        bank.printed(r"is at (http://\S+)")
        file = str(tmp_path / "bank" / "connections.toml")
        code, printed, _ = gerbang("connections", "check", "--json", GERBANG_CONNECTIONS=file)
    said = json.loads(printed)
    assert code == 0, printed
    assert {"token", "clock", "file"} <= {each["what"] for each in said["checked"]}
