"""The data folder: one that cannot be used is refused with a sentence, and nothing in it is changed."""

import os
import pwd
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gerbang.folders import IGNORED, FolderWrong, data_folder, write_private
from gerbang.settings import Settings, SettingsWrong
from tests.support.programs import program, short_folder

CHOOSE = "Choose another folder with --data or GERBANG_DATA."
AS_UNPRIVILEGED_USER = """
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
"""Prints the result of `data_folder` for a user without privileges, since root may write everywhere."""


@pytest.fixture
def parent() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


def result_for_user(folder: Path) -> str:
    asked = [sys.executable, "-c", AS_UNPRIVILEGED_USER, str(folder)]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def unprivileged_user() -> tuple[int, str]:
    own = os.geteuid()
    entry = pwd.getpwnam("nobody") if own == 0 else pwd.getpwuid(own)
    return entry.pw_uid, entry.pw_name


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


@pytest.mark.parametrize("database", [{}, {"GERBANG_DATABASE_URL": "postgresql://127.0.0.1:9/gerbang"}])
def test_a_folder_with_other_files_is_refused_and_unchanged(parent: Path, database: dict[str, str]) -> None:
    (parent / "thesis.txt").write_text("My thesis")
    with program("run", "--port", "0", "--data", str(parent), **database) as refused:
        assert refused.ended() == 1
    assert refused.err == (
        f"gerbang: {parent} holds files that are not Gerbang's, such as thesis.txt, and nothing is written among them. "
        "Choose a new or an empty folder with --data or GERBANG_DATA.\n"
    )
    assert contents(parent) == {"thesis.txt": b"My thesis"}


def test_a_new_file_system_and_a_folder_with_a_gitignore_count_as_empty(parent: Path) -> None:
    for name in IGNORED:
        (parent / name).touch()
    assert data_folder(parent) == parent.resolve()
    (parent / "secret.key").touch()
    (parent / "README").touch()
    assert data_folder(parent) == parent.resolve(), "a note beside what is ours"


def test_a_file_in_place_of_a_folder_is_named_in_the_error(parent: Path) -> None:
    (parent / "file").touch()
    for folder, what in ((parent / "file", "it"), (parent / "file" / "var", str(parent / "file"))):
        with program("run", "--port", "0", "--data", str(folder)) as refused:
            assert refused.ended() == 1
        assert refused.err == f"gerbang: {folder} cannot be used: {what} is a file. {CHOOSE}\n"


def test_a_missing_folder_is_created_with_its_parents(parent: Path) -> None:
    assert data_folder(parent / "a" / "b") == (parent / "a" / "b").resolve()
    assert (parent / "a" / "b").stat().st_mode & 0o077 in (0, 0o011)


def test_a_new_data_folder_gets_a_gitignore_and_one_in_use_is_unchanged(parent: Path) -> None:
    for name in ("fresh", "empty", "decided", "used"):
        if name != "fresh":
            (parent / name).mkdir()
    (parent / "decided" / ".gitignore").write_text("*.log\n")
    (parent / "used" / "secret.key").touch()
    git = ["git", "-C", str(parent), "-c", "core.excludesFile="]
    subprocess.run([*git, "init", "--quiet"], check=True)
    for name in ("fresh", "empty", "decided", "used"):
        data_folder(parent / name)
        (parent / name / "secret.key").touch()
    seen = subprocess.run([*git, "status", "--short", "-uall"], capture_output=True, text=True, check=True).stdout
    assert seen.split()[1::2] == ["decided/.gitignore", "decided/secret.key", "used/secret.key"]
    assert (parent / "decided" / ".gitignore").read_text() == "*.log\n"


def test_no_database_is_made_if_the_port_cannot_be_bound(parent: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for host, why in (("localhost", "Address already in use"), ("nowhere.invalid", "has no such address")):
            with program("run", "--host", host, "--port", port, "--data", str(parent / "var")) as refused:
                assert refused.ended() == 1
            assert refused.err.startswith(f"gerbang: Cannot listen on {host} port {port}: ")
            assert why in refused.err
    assert {each.name for each in (parent / "var").iterdir()} == {".gitignore", "gerbang.lock"}


def test_a_broken_link_is_reported_as_one(parent: Path) -> None:
    (parent / "link").symlink_to(parent / "nowhere")
    for folder, what in ((parent / "link", "it"), (parent / "link" / "var", str(parent / "link"))):
        with pytest.raises(FolderWrong) as refused:
            data_folder(folder)
        assert str(refused.value) == (
            f"{folder} cannot be used: {what} is a link to {parent / 'nowhere'}, which does not exist. {CHOOSE}"
        )


def test_a_tilde_is_expanded_to_the_home_folder(parent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(parent))
    for text, meant in (("~/x", parent / "x"), ("~", parent), ("./~", Path("~")), ("a~b", Path("a~b"))):
        assert Settings.from_environment({"GERBANG_DATA": text}).data == meant
    with pytest.raises(SettingsWrong, match="GERBANG_DATA takes a folder, not '~nobody-of-this-name/x'"):
        Settings.from_environment({"GERBANG_DATA": "~nobody-of-this-name/x"})


def test_the_error_on_a_folder_of_another_user_names_its_owner(parent: Path) -> None:
    """With /etc, which only root may write to."""
    _, name = unprivileged_user()
    assert result_for_user(Path("/etc")).startswith("/etc holds files that are not Gerbang's, such as ")
    new = Path("/etc/gerbang-of-a-test/var")
    assert result_for_user(new) == f"{new} cannot be used: /etc belongs to root, and this is {name}. {CHOOSE}"


def test_the_error_on_a_read_only_folder_says_so(parent: Path) -> None:
    uid, _ = unprivileged_user()
    own = parent / "own"
    own.mkdir()
    os.chown(own, uid, -1)
    own.chmod(0o500)
    assert result_for_user(own) == (
        f"{own} cannot be used: it does not let its owner write (chmod u+rwx does). {CHOOSE}"
    )
    own.chmod(0o700)
    assert result_for_user(own) == str(own.resolve())


def test_a_name_that_is_too_long_is_reported(parent: Path) -> None:
    with pytest.raises(FolderWrong, match="cannot be used: File name too long"):
        data_folder(parent / ("a" * 300))


def test_a_name_that_cannot_be_printed_is_reported(parent: Path) -> None:
    with pytest.raises(FolderWrong, match="its name has characters that cannot be printed"):
        data_folder(parent / "\udcff")
    assert not list(parent.iterdir())


def test_a_disk_that_is_full_leaves_no_file_half_written(parent: Path) -> None:
    """A limit on file sizes stands in for the full disk: the system reports it in the same way."""
    code = (
        "import resource, signal, sys; from pathlib import Path; from gerbang.folders import *\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (5, 5))\n"
        "try:\n    write_private(Path(sys.argv[1]), 'a secret')\n"
        "except FolderWrong as wrong:\n    print(wrong)"
    )
    write_private(parent / "secret.key", "old")
    ended = subprocess.run(
        [sys.executable, "-c", code, str(parent / "secret.key")], capture_output=True, text=True, check=True
    )
    assert ended.stdout == (
        f"{parent / 'secret.key'} cannot be written: File too large. Correct that, or choose another folder with --data.\n"
    )
    assert contents(parent) == {"secret.key": b"old"}
