"""A database that cannot be used: every command prints one sentence on what to do, without the password."""

import asyncio
import socketserver
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from gerbang.cli import main
from gerbang.db import _complaints
from gerbang.db.embedded import postgres
from tests.support.clusters import copied
from tests.support.gateways import Databases
from tests.support.programs import program, short_folder

PASSWORD = "hush/4#9"
COMMANDS = [
    "serve",
    "work",
    "migrate",
    "merchant list",
    "merchant create --name Toko --short-name TK --email toko@example.id",
    "callbacks set --merchant 0195e4a0-0000-7000-8000-000000000000 --product payment --url https://toko.example.id",
]
Operator = Callable[[str, str], str]


@pytest.fixture
def refusal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Operator:
    """Runs a command on a database URL, checks that it fails, and returns the one sentence that explains it."""
    for name in ("MODE", "PUBLIC_URL", "DATA", "HOST"):
        monkeypatch.delenv(f"GERBANG_{name}", raising=False)
    monkeypatch.setenv("GERBANG_SECRET_KEY", "a key of the tests, 32 characters")
    monkeypatch.setenv("GERBANG_PORT", "0")

    def refused(command: str, url: str) -> str:
        monkeypatch.setenv("GERBANG_DATABASE_URL", url)
        code = main(command.split())
        printed = capsys.readouterr()
        assert (code, printed.out) == (1, "")
        prefix, _, sentence = printed.err.partition("gerbang: ")
        assert (prefix, sentence.count("\n"), sentence[-2:]) == ("", 1, ".\n"), printed.err
        assert "hush" not in sentence
        return sentence.rstrip("\n")

    return refused


class Server:
    """A PostgreSQL server that requires passwords."""

    def __init__(self, url: str) -> None:
        self._query = url.partition("?")[2]
        asyncio.run(self._prepare(url))

    async def _prepare(self, url: str) -> None:
        connection = await asyncpg.connect(url)
        folder = await connection.fetchval("SHOW data_directory")
        admitted = await connection.fetchval("SELECT pg_read_file('pg_hba.conf')")
        await connection.execute("CREATE TABLE lines (line text)")
        for line in ("local all guest scram-sha-256", "local all outcast reject", str(admitted).strip()):
            await connection.execute("INSERT INTO lines VALUES ($1)", line)
        await connection.execute(f"COPY lines TO '{folder}/pg_hba.conf'")
        await connection.execute("DROP TABLE lines")
        for role in ("guest", "outcast"):
            await connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
        for statement in (
            "CREATE DATABASE shut",
            "REVOKE CONNECT ON DATABASE shut FROM public",
            "CREATE DATABASE foreigners OWNER guest",
            "CREATE DATABASE copied OWNER guest",
            "ALTER DATABASE copied SET default_transaction_read_only = on",
            "SELECT pg_reload_conf()",
        ):
            await connection.execute(statement)
        await connection.close()
        while True:
            try:
                connection = await asyncpg.connect(self.url(database="foreigners"))
                break
            except asyncpg.InvalidAuthorizationSpecificationError:
                await asyncio.sleep(0.05)  # the new rules are not read yet
        await connection.execute("CREATE TABLE payments (id integer)")
        await connection.close()

    def url(self, user: str = "guest", password: str = PASSWORD, database: str = "gerbang", more: str = "") -> str:
        return f"postgresql://{user}:{quote(password, safe='')}@/{database}?{self._query}{more}"


@pytest.fixture(scope="module")
def server(made: Path) -> Iterator[Server]:
    with short_folder() as folder, postgres(copied(made, folder / "passwords"), say=lambda _: None) as url:
        yield Server(url)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_password_is_reported_in_one_sentence(server: Server, refusal: Operator, command: str) -> None:
    assert refusal(command, server.url(password="hush hush")) == (
        'PostgreSQL refused: password authentication failed for user "guest"; correct the user or the password in '
        "GERBANG_DATABASE_URL."
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_missing_database_is_reported_in_one_sentence(server: Server, refusal: Operator, command: str) -> None:
    assert refusal(command, server.url(database="nowhere")) == (
        'PostgreSQL refused: database "nowhere" does not exist; create it, or correct GERBANG_DATABASE_URL.'
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_role_that_may_not_make_tables_is_reported_in_one_sentence(
    server: Server, refusal: Operator, command: str
) -> None:
    assert refusal(command, server.url()) == (
        "The tables could not be brought up to date: permission denied for schema public; make the user of "
        "GERBANG_DATABASE_URL the owner of the database (ALTER DATABASE ... OWNER TO ...) and of what is in it."
    )


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"user": "outcast"}, 'rejects connection for host "[local]", user "outcast"'),
        ({"user": "outcast"}, "let it in there (pg_hba.conf), or correct GERBANG_DATABASE_URL."),
        (
            {"database": "shut"},
            'permission denied for database "shut"; make the user of GERBANG_DATABASE_URL the owner',
        ),
        ({"database": "foreigners"}, "another program lives in it: give GERBANG_DATABASE_URL an empty database."),
        ({"database": "copied"}, "it leads to a copy that only reads: correct GERBANG_DATABASE_URL."),
        ({"more": "&colour=red"}, 'unrecognized configuration parameter "colour"; put that right there'),
        ({"more": "&sslmode=some"}, "GERBANG_DATABASE_URL takes a URL such as postgresql://user:password@host:5432/"),
        ({"more": "&nonsense"}, "GERBANG_DATABASE_URL takes a URL such as postgresql://user:password@host:5432/"),
    ],
)
def test_other_refusals_of_postgresql_are_reported_with_what_to_do(
    server: Server, refusal: Operator, how: dict[str, str], sentence: str
) -> None:
    assert sentence in refusal("migrate", server.url(**how))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://guest:hush@127.0.0.1:9/gerbang", " at 127.0.0.1:9 cannot be reached (Connection refused)"),
        ("postgresql://guest:hush@db.invalid/gerbang", " at db.invalid cannot be reached ("),
        ("postgresql://guest:hush@/gerbang?host=/nowhere", " cannot be reached (No such file or directory)"),
    ],
)
def test_a_host_that_cannot_be_reached_is_named(refusal: Operator, command: str, url: str, place: str) -> None:
    sentence = refusal(command, url)
    assert sentence.startswith(f"The database{place}")
    assert sentence.endswith(
        ": start PostgreSQL there and let this machine through to it, or correct GERBANG_DATABASE_URL."
    )


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "url",
    [
        "mysql://guest:hush@db/gerbang",
        "guest:hush@db/gerbang",
        "postgresql://guest:hush@db:port/gerbang",
        "postgresql://guest:hush@[db/gerbang",
        "postgresql://guest:hush#hush@db/gerbang",
        "postgresql://guest:hush/hush@db/gerbang",
        "postgresql://guest:hush?hush@db/gerbang",
        "postgresql://guest:hush@hush@db/gerbang",
        "postgresql://guest:1#hush@db/gerbang",
        "postgresql://guest:1/hush@db/gerbang",
    ],
)
def test_an_invalid_database_url_is_refused_with_an_example(refusal: Operator, command: str, url: str) -> None:
    assert refusal(command, url) == (
        "GERBANG_DATABASE_URL takes a URL such as postgresql://user:password@host:5432/gerbang, where @ : / ? # % in a "
        "password are written %40 %3A %2F %3F %23 %25."
    )


def test_a_server_that_does_not_answer_is_reported_with_its_address() -> None:
    sentence = _complaints.of_opening(TimeoutError(), "postgresql://guest:hush@db.internal:6543/gerbang")
    assert sentence.startswith("The database at db.internal:6543 cannot be reached (no answer): start PostgreSQL there")


@contextmanager
def answering_server(*answers: bytes) -> Generator[int]:
    """A TCP server that gives these answers, one for each message it receives. Yields its port."""

    class Greeter(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            for answer in answers:
                self.request.recv(1000)
                self.request.sendall(answer)
            self.request.recv(1000)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Greeter) as greeter:
        threading.Thread(target=greeter.serve_forever).start()
        yield greeter.server_address[1]
        greeter.shutdown()


def message(kind: bytes, content: bytes) -> bytes:
    """A message of the PostgreSQL protocol."""
    return kind + (len(content) + 4).to_bytes(4) + content


@pytest.mark.parametrize("command", COMMANDS)
def test_a_postgresql_that_is_too_old_is_reported_with_both_versions(refusal: Operator, command: str) -> None:
    parameters = {b"server_version": b"14.9", b"client_encoding": b"UTF8", b"integer_datetimes": b"on"}
    ready = b"".join(
        [
            message(b"R", bytes(4)),
            *(message(b"S", name + b"\0" + value + b"\0") for name, value in parameters.items()),
            message(b"K", bytes(8)),
            message(b"Z", b"I"),
        ]
    )
    with answering_server(ready) as port:
        assert refusal(command, f"postgresql://guest:hush@127.0.0.1:{port}/gerbang?sslmode=disable") == (
            f"PostgreSQL at 127.0.0.1:{port} is version 14, and Gerbang needs 15 or newer: upgrade it, or name another in "
            "GERBANG_DATABASE_URL."
        )


def test_a_server_that_is_not_postgresql_counts_as_unreachable(refusal: Operator) -> None:
    with answering_server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        sentence = refusal("migrate", f"postgresql://guest:hush@127.0.0.1:{port}/gerbang")
    assert sentence.startswith(f"The database at 127.0.0.1:{port} cannot be reached (")


# -- a database of another mode ---------------------------------------------------------------------------------------


def test_a_database_of_another_mode_or_key_is_reported_in_one_sentence(
    databases: Databases,
    refusal: Operator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = databases.fresh()
    monkeypatch.setenv("GERBANG_DATABASE_URL", url)
    assert main(["migrate"]) == 0
    capsys.readouterr()
    for command in COMMANDS:
        with monkeypatch.context() as live:
            live.setenv("GERBANG_MODE", "live")
            live.setenv("GERBANG_PUBLIC_URL", "https://pay.example.id")
            assert refusal(command, url) == (
                "This database is a sandbox's, and a sandbox never becomes live: give GERBANG_DATABASE_URL an empty "
                "database, or set GERBANG_MODE to sandbox."
            )
        with monkeypatch.context() as other:
            other.setenv("GERBANG_SECRET_KEY", "another key of the tests, also 32")
            assert refusal(command, url).startswith(
                "This database is sealed with another secret key: set GERBANG_SECRET_KEY to the one that it was first "
            )
    assert main(["merchant", "list"]) == 0


def test_the_key_of_a_data_folder_does_not_open_another_database(databases: Databases, tmp_path: Path) -> None:
    database = {"GERBANG_DATABASE_URL": databases.fresh(), "GERBANG_PORT": "0"}
    for _ in range(2):
        with program("run", "--data", str(tmp_path / "one"), **database) as running:
            running.url()
    for environment in ({}, {"GERBANG_SECRET_KEY": "another key of the tests, also 32"}):
        with program("run", "--data", str(tmp_path / "two"), **database, **environment) as refused:
            assert refused.ended() == 1
        assert refused.err.startswith("gerbang: This database is sealed with another secret key")
        assert (refused.out, len(refused.err.splitlines())) == ("", 1)
