"""The data folder: one that cannot be used is told in a sentence, and nothing in it is touched."""

import os
import pwd
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gerbang.folders import NOBODYS, FolderWrong, data_folder, write_private
from gerbang.settings import Settings, SettingsWrong
from tests.support.programs import program, short_folder

CHOOSE = "Choose another folder with --data or GERBANG_DATA."
ASKED_BY_SOMEBODY = """
import os, pwd, sys
from pathlib import Path
from gerbang.folders import FolderWrong, data_folder
if os.geteuid() == 0:
    nobody = pwd.getpwnam("nobody")
    os.setgroups([]); os.setgid(nobody.pw_gid); os.setuid(nobody.pw_uid)
try:
    print(data_folder(Path(sys.argv[1])))
except FolderWrong as wrong:
    print(wrong)
"""
"""What an ordinary user is told: root may write everywhere."""


@pytest.fixture
def above() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


def told_somebody(folder: Path) -> str:
    asked = [sys.executable, "-c", ASKED_BY_SOMEBODY, str(folder)]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def somebody() -> tuple[int, str]:
    own = os.geteuid()
    entry = pwd.getpwnam("nobody") if own == 0 else pwd.getpwuid(own)
    return entry.pw_uid, entry.pw_name


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


@pytest.mark.parametrize("database", [{}, {"GERBANG_DATABASE_URL": "postgresql://127.0.0.1:9/gerbang"}])
def test_a_folder_with_somebody_elses_files_is_refused_and_stays_as_it_is(
    above: Path, database: dict[str, str]
) -> None:
    (above / "thesis.txt").write_text("My thesis")
    with program("run", "--port", "0", "--data", str(above), **database) as refused:
        assert refused.ended() == 1
    assert refused.err == (
        f"gerbang: {above} holds files that are not Gerbang's, such as thesis.txt, and nothing is written among them. "
        "Choose a new or an empty folder with --data or GERBANG_DATA.\n"
    )
    assert contents(above) == {"thesis.txt": b"My thesis"}


def test_a_new_disk_and_a_folder_that_is_kept_in_git_are_empty_enough(above: Path) -> None:
    for name in NOBODYS:
        (above / name).touch()
    assert data_folder(above) == above.resolve()
    (above / "secret.key").touch()
    (above / "README").touch()
    assert data_folder(above) == above.resolve(), "a note beside what is ours"


def test_a_file_where_a_folder_should_be_is_named(above: Path) -> None:
    (above / "file").touch()
    for folder, what in ((above / "file", "it"), (above / "file" / "var", str(above / "file"))):
        with program("run", "--port", "0", "--data", str(folder)) as refused:
            assert refused.ended() == 1
        assert refused.err == f"gerbang: {folder} cannot be used: {what} is a file. {CHOOSE}\n"


def test_a_folder_that_is_missing_is_made_with_those_above_it(above: Path) -> None:
    assert data_folder(above / "a" / "b") == (above / "a" / "b").resolve()
    assert (above / "a" / "b").stat().st_mode & 0o077 in (0, 0o011)


def test_a_new_data_folder_is_not_kept_in_git_and_one_that_is_in_use_is_left_as_it_is(above: Path) -> None:
    for name in ("fresh", "empty", "decided", "used"):
        if name != "fresh":
            (above / name).mkdir()
    (above / "decided" / ".gitignore").write_text("*.log\n")
    (above / "used" / "secret.key").touch()
    git = ["git", "-C", str(above), "-c", "core.excludesFile="]
    subprocess.run([*git, "init", "--quiet"], check=True)
    for name in ("fresh", "empty", "decided", "used"):
        data_folder(above / name)
        (above / name / "secret.key").touch()
    seen = subprocess.run([*git, "status", "--short", "-uall"], capture_output=True, text=True, check=True).stdout
    assert seen.split()[1::2] == ["decided/.gitignore", "decided/secret.key", "used/secret.key"]
    assert (above / "decided" / ".gitignore").read_text() == "*.log\n"


def test_where_it_cannot_listen_no_database_is_made(above: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for host, why in (("localhost", "Address already in use"), ("nowhere.invalid", "has no such address")):
            with program("run", "--host", host, "--port", port, "--data", str(above / "var")) as refused:
                assert refused.ended() == 1
            assert refused.err.startswith(f"gerbang: Cannot listen on {host} port {port}: ")
            assert why in refused.err
    assert {each.name for each in (above / "var").iterdir()} == {".gitignore", "gerbang.lock"}


def test_a_link_to_what_is_not_there_is_told_as_that(above: Path) -> None:
    (above / "link").symlink_to(above / "nowhere")
    for folder, what in ((above / "link", "it"), (above / "link" / "var", str(above / "link"))):
        with pytest.raises(FolderWrong) as refused:
            data_folder(folder)
        assert str(refused.value) == (
            f"{folder} cannot be used: {what} is a link to {above / 'nowhere'}, which does not exist. {CHOOSE}"
        )


def test_a_home_is_found_also_where_no_shell_has_put_it_in(above: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(above))
    for text, meant in (("~/x", above / "x"), ("~", above), ("./~", Path("~")), ("a~b", Path("a~b"))):
        assert Settings.from_environment({"GERBANG_DATA": text}).data == meant
    with pytest.raises(SettingsWrong, match="GERBANG_DATA takes a folder, not '~nobody-of-this-name/x'"):
        Settings.from_environment({"GERBANG_DATA": "~nobody-of-this-name/x"})


def test_a_folder_of_another_users_says_whose_it_is(above: Path) -> None:
    """The whole system's, to which nobody but its administrator writes."""
    _, name = somebody()
    assert told_somebody(Path("/etc")).startswith("/etc holds files that are not Gerbang's, such as ")
    new = Path("/etc/gerbang-of-a-test/var")
    assert told_somebody(new) == f"{new} cannot be used: /etc belongs to root, and this is {name}. {CHOOSE}"


def test_a_folder_that_does_not_let_its_owner_write_says_so(above: Path) -> None:
    uid, _ = somebody()
    own = above / "own"
    own.mkdir()
    os.chown(own, uid, -1)
    own.chmod(0o500)
    assert told_somebody(own) == (f"{own} cannot be used: it does not let its owner write (chmod u+rwx does). {CHOOSE}")
    own.chmod(0o700)
    assert told_somebody(own) == str(own.resolve())


def test_a_name_that_no_system_takes_is_told(above: Path) -> None:
    with pytest.raises(FolderWrong, match="cannot be used: File name too long"):
        data_folder(above / ("a" * 300))


def test_a_name_that_is_no_text_is_told(above: Path) -> None:
    with pytest.raises(FolderWrong, match="its name has characters that cannot be printed"):
        data_folder(above / "\udcff")
    assert not list(above.iterdir())


def test_a_disk_that_is_full_while_keys_are_written_leaves_nothing_half_written(above: Path) -> None:
    """As far as it can be had without a disk: a limit of the process's, which the system tells in the same way."""
    code = (
        "import resource, signal, sys; from pathlib import Path; from gerbang.folders import *\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (5, 5))\n"
        "try:\n    write_private(Path(sys.argv[1]), 'a secret')\n"
        "except FolderWrong as wrong:\n    print(wrong)"
    )
    write_private(above / "secret.key", "old")
    ended = subprocess.run(
        [sys.executable, "-c", code, str(above / "secret.key")], capture_output=True, text=True, check=True
    )
    assert ended.stdout == (
        f"{above / 'secret.key'} cannot be written: File too large. Correct that, or choose another folder with --data.\n"
    )
    assert contents(above) == {"secret.key": b"old"}
