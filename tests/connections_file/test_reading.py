"""The connections file: what it can describe is read, and each fault is a sentence with the path of its member."""

import os
from pathlib import Path
from uuid import UUID

import pytest

from gerbang.connections_file import ConnectionsWrong, look, read
from gerbang.domain.connections import Account, Pem, Route, Secret, of_the_sandbox
from gerbang.settings import Settings

from .written import SMALLEST, WHOLE, ToySettings, faults, folder_with_keys, looked_at

TOY = "connections.toy-bank"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOY_SECRET", "hush")
    return folder_with_keys(tmp_path)


def test_everything_that_a_contract_has_is_read(folder: Path) -> None:
    contents = looked_at(folder, WHOLE, "live")
    assert (contents.faults, contents.remarks) == ([], [])
    toy = contents.connections.by_name["toy-bank"]
    assert (toy.name, toy.provider, toy.profile, toy.serves) == ("toy-bank", "toy", "first", {"payments", "refunds"})
    assert (toy.base_url, toy.deadline_seconds) == ("https://api.bank.example/open", 10)
    assert (toy.client_id, toy.partner_id, toy.channel_id) == ("client 7", "12345", "95231")
    assert toy.client_secret == Secret("hush", "the environment variable TOY_SECRET")
    ours = str(folder / "ours.pem")
    assert toy.private_key == Secret((folder / "ours.pem").read_text().strip(), f"the file {ours}", ours)
    assert toy.client_certificate and toy.client_certificate.private_key == toy.private_key
    assert toy.company_codes == ("12345", "00777")
    assert (toy.bank_fees, toy.sum_words) == ((2500, 6500), ("TOY SETTLEMENT",))
    assert toy.accounts == (Account(number="0123456789", holder="PT Toko", purposes=frozenset({"refunds"})),)
    assert toy.settings == ToySettings(
        Secret("hush-hush", f"the file {folder / 'theirs.txt'}", f"{folder / 'theirs.txt'}"), 3
    )
    inbound = toy.inbound
    assert inbound and (inbound.path_prefix, inbound.client_id) == ("/partners/toy", "issued-to-toy")
    assert (inbound.partner_ids, inbound.deadline_seconds, inbound.unanswered) == (("12345",), 5, "returned")
    assert inbound.allowed_addresses == ("203.0.113.0/24", "2001:db8::7")
    assert [type(each) for each in inbound.public_keys] == [Pem, Pem]
    assert contents.connections.routes == (
        Route(
            connections=("toy-bank",), merchant=UUID(int=1), channel="virtual_account", option="BCA", purpose="payments"
        ),
    )


def test_what_may_be_left_out_has_its_default(folder: Path) -> None:
    contents = looked_at(folder, SMALLEST)
    assert contents.faults == []
    toy = contents.connections.by_name["toy-bank"]
    assert (toy.base_url, toy.inbound, toy.deadline_seconds, toy.settings) == (None, None, 15, ToySettings())


def test_without_a_file_a_sandbox_has_its_simulator_and_a_live_gateway_nothing() -> None:
    assert look(Settings()).connections == of_the_sandbox()
    assert look(Settings(mode="live")).connections.by_name == {}


def with_member(line: str) -> str:
    return f"{SMALLEST}{line}\n"


def with_base_url(url: str) -> str:
    return with_member(f'client_id = "a"\nbase_url = {url}')


def with_inbound(line: str) -> str:
    return f'{SMALLEST}[connections.toy-bank.inbound]\npath_prefix = "/toy"\n{line}\n'


def with_route(line: str) -> str:
    return f'{SMALLEST}[[routes]]\nconnections = ["toy-bank"]\n{line}\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("conections = 1", "conections is not known: did you mean connections?"),
        ("connections = 1", "connections must be a table, not 1."),
        ("connections.toy-bank = true", f"{TOY} must be a table, not true."),
        ("routes = 1", "routes must be written as [[routes]], once for each route."),
        ("routes = [1]", "routes[1] must be a table, not 1."),
        (
            '[connections.Toy]\nprovider = "toy"\nserves = ["payments"]',
            "connections.Toy must have another name: lower-case letters, digits and single hyphens, 40 at most.",
        ),
        (
            '[connections."a.b"]\nprovider = "toy"\nserves = ["payments"]',
            'connections."a.b" must have another name: lower-case letters, digits and single hyphens, 40 at most.',
        ),
        (
            '[connections.toy-bank]\nserves = ["payments"]',
            f"{TOY}.provider is missing: it must be 1 to 100 plain characters in quotes.",
        ),
        (
            '[connections.toy-bank]\nserves = ["payments"]\nprovider = "tory"',
            f"{TOY}.provider names tory, which this version has no code for: did you mean toy?",
        ),
        (
            '[connections.toy-bank]\nprovider = "toy"',
            (
                f"{TOY}.serves is missing: it must be a list in brackets of what it is used for: payments, payouts, refunds, "
                "statements."
            ),
        ),
        ('[connections.toy-bank]\nprovider = "toy"\nserves = []', f"{TOY}.serves must name one purpose at least."),
        (
            '[connections.toy-bank]\nprovider = "toy"\nserves = ["payouts"]',
            f"{TOY}.serves must not name payouts: the provider toy sends no money.",
        ),
        (
            '[connections.toy-bank]\nprovider = "toy"\nserves = ["payments", "payuots"]',
            f'{TOY}.serves[2] must be one of payments, payouts, refunds, statements, not "payuots": did you mean payouts?',
        ),
        (with_member('serve = "x"'), f"{TOY}.serve is not known: did you mean serves?"),
        (with_member('name = "other"'), f"{TOY}.name is not known: "),
        (with_member("setings = {}"), f"{TOY}.setings is not known: did you mean settings?"),
        (
            with_member("deadline_seconds = 61"),
            f"{TOY}.deadline_seconds must be a whole number of seconds, 1 to 60, not 61.",
        ),
        (
            with_member("deadline_seconds = 0"),
            f"{TOY}.deadline_seconds must be a whole number of seconds, 1 to 60, not 0.",
        ),
        (
            with_member("deadline_seconds = true"),
            f"{TOY}.deadline_seconds must be a whole number of seconds, 1 to 60, not true.",
        ),
        (
            with_member("deadline_seconds = nan"),
            f"{TOY}.deadline_seconds must be a whole number of seconds, 1 to 60, not nan.",
        ),
        (
            with_member("partner_id = 12345"),
            f"{TOY}.partner_id must be 1 to 100 plain characters in quotes, not 12345.",
        ),
        (
            with_member('partner_id = "a\\r\\nX-B: c"'),
            f"{TOY}.partner_id must be 1 to 100 plain characters in quotes, not",
        ),
        (
            with_member("company_codes = [12345]"),
            f"{TOY}.company_codes[1] must be 1 to 16 digits in quotes, not 12345.",
        ),
        (with_member('company_codes = "12345"'), f'{TOY}.company_codes must be a list in brackets, not "12345".'),
        (with_member('profile = "third"'), f"{TOY}.profile is not known: use one of first, second."),
        (with_member('base_url = "https://x.example"'), f"{TOY}.client_id is missing: the provider toy needs it."),
        (with_base_url('"ftp://x.example"'), f"{TOY}.base_url must begin with https://."),
        (with_base_url('"https://x.example/"'), f"{TOY}.base_url must end without a slash, a query and a fragment."),
        (with_base_url('"https://x.example?a=1"'), f"{TOY}.base_url must end without a slash, a query and a fragment."),
        (with_base_url('"https://a:b@x.example"'), f"{TOY}.base_url must have no user name or password in it: "),
        (with_base_url('"https://x..example"'), f"{TOY}.base_url cannot be called: the URL has no host, or one"),
        (with_base_url('"https://[x"'), f"{TOY}.base_url must be a URL such as https://api.bank.example."),
        (
            with_member('accounts = [{ number = "12-34" }]'),
            f'{TOY}.accounts[1].number must be 5 to 34 digits in quotes, not "12-34".',
        ),
        (
            with_member('accounts = [{ number = "12345", purposes = ["payouts"] }]'),
            f"{TOY}.accounts[1].purposes has payouts, which this connection does not serve.",
        ),
        (with_member("settings.tries = 10"), f"{TOY}.settings has more tries than 9."),
        (with_member('settings.tries = "3"'), f'{TOY}.settings.tries must be a whole number, not "3".'),
        (with_member("settings.trys = 3"), f"{TOY}.settings.trys is not known: did you mean tries?"),
        (with_member("settings.words.a = 3"), f"{TOY}.settings.words.a must be a text in quotes, not 3."),
        (with_inbound('path_prefx = "/a"'), f"{TOY}.inbound.path_prefx is not known: did you mean path_prefix?"),
        (
            with_member('inbound.path_prefix = "toy"'),
            f'{TOY}.inbound.path_prefix must be a path such as "/partners/bca", without',
        ),
        (
            with_member('inbound.path_prefix = "/a/../b"'),
            f'{TOY}.inbound.path_prefix must be a path such as "/partners/bca"',
        ),
        (
            with_inbound("deadline_seconds = 0"),
            f"{TOY}.inbound.deadline_seconds must be a whole number of seconds, 1 to 60, not 0.",
        ),
        (with_inbound('unanswered = "gone"'), f'{TOY}.inbound.unanswered must be one of returned, kept, not "gone".'),
        (
            with_inbound('allowed_addresses = ["203.0.113.0/24", "203.0.113.1/24"]'),
            f"{TOY}.inbound.allowed_addresses[2] must be an address or a network, such as",
        ),
        (with_route('merchant = "1"'), 'routes[1].merchant must be the id of a merchant in quotes, not "1".'),
        (with_route('channel = "qrs"'), "routes[1].channel is not one of the channels: did you mean qris?"),
        (with_route('option = "BCA"'), "routes[1].option needs a channel beside it; only of purpose"),
        (
            with_route('channel = "qris"\npurpose = "payouts"')
            .replace('["payments"]', '["payouts"]')
            .replace('"toy"', '"simulator"'),
            "routes[1].channel must be left out: a payout has none",
        ),
        (
            with_route('channel = "virtual_account"\noption = "bca"'),
            "routes[1].option must be a bank, outlet or wallet in capitals",
        ),
        (
            with_route('purpose = "refunds"'),
            "routes[1].connections[1] names toy-bank, which does not serve refunds, only payments.",
        ),
        (with_route('mercant = "x"'), "routes[1].mercant is not known: did you mean merchant?"),
        (
            "[[routes]]",
            'routes[1].connections is missing: it must be a list of connections by name, such as ["bca-va"].',
        ),
        ("[[routes]]\nconnections = []", "routes[1].connections must name one connection at least."),
        (
            f'{SMALLEST}[[routes]]\nconnections = ["toy-bnk"]',
            "routes[1].connections[1] names toy-bnk, which is no connection: did you mean toy-bank?",
        ),
    ],
)
def test_what_is_wrong_is_shown_with_its_path(folder: Path, text: str, sentence: str) -> None:
    (shown,) = faults(folder, text)
    assert shown.startswith(sentence)


def test_all_faults_are_shown_at_once(folder: Path) -> None:
    text = WHOLE.replace("95231", "\\n").replace("deadline_seconds = 5", "deadline_seconds = 500") + "\n[[routes]]"
    assert [shown.partition(" ")[0] for shown in faults(folder, text)] == [
        f"{TOY}.channel_id",
        f"{TOY}.inbound.deadline_seconds",
        "routes[2].connections",
    ]


def test_two_connections_cannot_be_called_at_the_same_address(folder: Path) -> None:
    other = with_inbound("").replace("toy-bank", "other-bank")
    for prefix in ("/toy", "/toy/deeper"):
        text = with_inbound("") + other.replace('"/toy"', f'"{prefix}"')
        (shown,) = faults(folder, text)
        assert shown.startswith("connections.other-bank.inbound.path_prefix must not begin like that of toy-bank")
    assert faults(folder, with_inbound("") + other.replace('"/toy"', '"/toys"')) == []


def test_a_live_gateway_has_no_simulator_and_calls_nobody_in_the_clear_or_at_home(folder: Path) -> None:
    simulator = SMALLEST.replace('"toy"', '"simulator"')
    assert faults(folder, simulator) == []
    assert faults(folder, simulator, "live") == [
        f"{TOY}.provider must not be simulator in live mode: it moves no money."
    ]
    for url, sentence in {
        "http://x.example": "must begin with https:// in live mode.",
        "https://127.0.0.1": "cannot be called: the address is not allowed: 127.0.0.1 is not on the public internet.",
    }.items():
        text = with_member(f'client_id = "a"\nbase_url = "{url}"')
        assert faults(folder, text) == []
        assert faults(folder, text, "live") == [f"{TOY}.base_url {sentence}"]
    private = 'base_url = "https://127.0.0.1"\nprivate_line = true'
    assert faults(folder, with_member(f'client_id = "a"\n{private}'), "live") == []
    assert faults(folder, with_member('client_id = "a"\nprivate_line = true')) == [
        f"{TOY}.private_line needs a base_url beside it, which it is about."
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a = ", "is not TOML: "),
        (b"[a]\n[a]", "is not TOML: "),
        (b"a = \xff", "which is not text in UTF-8, as TOML must be."),
        (b"a = " + b"[" * 5_000, "is not TOML"),
        (b"#" * 1_048_577, "which is longer than 1024 KiB."),
    ],
)
def test_a_file_that_is_no_toml_is_shown_in_a_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    file = tmp_path / "connections.toml"
    file.write_bytes(content)
    with pytest.raises(ConnectionsWrong) as shown:
        look(Settings(connections=file))
    assert sentence in str(shown.value)
    assert str(file) in str(shown.value)


def test_a_file_that_is_not_there_or_is_none_is_shown_in_a_sentence(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for file, sentence in {
        tmp_path / "gone": "cannot be read: No such file or directory.",
        tmp_path: "is not an ordinary file.",
        pipe: "is not an ordinary file.",
    }.items():
        with pytest.raises(ConnectionsWrong) as shown:
            look(Settings(connections=file))
        assert str(shown.value) == f"GERBANG_CONNECTIONS names {file}, which {sentence}"


def test_a_file_that_everybody_may_change_is_a_remark(folder: Path) -> None:
    file = folder / "connections.toml"
    file.write_text("")
    file.chmod(0o666)
    contents = read(Settings(connections=file))
    assert [str(each) for each in contents.remarks] == [
        f"{file} may be changed by every user of this machine: run chmod o-w {file}."
    ]


def test_reading_for_a_process_raises_all_faults_in_lines(tmp_path: Path) -> None:
    file = tmp_path / "connections.toml"
    file.write_text("a = 1\nb = 2")
    with pytest.raises(ConnectionsWrong) as shown:
        read(Settings(connections=file))
    assert str(shown.value).splitlines() == [
        f"{file} cannot be used, since 2 things are wrong:",
        "  a is not known: remove it, or use one of connections, routes.",
        "  b is not known: remove it, or use one of connections, routes.",
    ]
