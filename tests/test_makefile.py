"""The Makefile in a project folder that was moved or copied with its virtual environment."""

import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path

from tests.support.programs import ROOT, clean_environment


def made(folder: Path) -> Path:
    """A copy of the project as `make run` leaves it, with the packages of this environment."""
    folder.mkdir()
    for name in ("gerbang", "pyproject.toml", "README.md", "LICENSE"):
        (folder / name).symlink_to(ROOT / name)
    for name in ("Makefile", "requirements-run.lock"):
        shutil.copy2(ROOT / name, folder)
    venv.create(folder / ".venv", symlinks=True)
    packages = next((folder / ".venv" / "lib").glob("python3*")) / "site-packages"
    (packages / "ours.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    program = folder / ".venv" / "bin" / "gerbang"
    program.write_text(f"#!{folder}/.venv/bin/python\nfrom gerbang.cli import main\nmain()\n")
    program.chmod(0o755)
    for stamp in (".python", ".run"):
        (folder / ".venv" / stamp).touch()
    return folder


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in clean_environment().items() if not name.startswith("MAKE")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_moved_folder_runs_and_its_command_is_repaired(tmp_path: Path) -> None:
    made(tmp_path / "here").rename(tmp_path / "there and back")
    moved = tmp_path / "there and back"
    ended = run(moved, "make", "run", "ARGS=--help")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("This folder was moved: setting .venv/bin/gerbang right ...\nUsage: gerbang run ")
    assert run(moved, ".venv/bin/gerbang", "--version").stdout.startswith("gerbang ")
    again = run(moved, "make", "run", "ARGS=--help")
    assert again.stdout.startswith("Usage: gerbang run ")


def test_an_environment_without_its_python_is_made_again(tmp_path: Path) -> None:
    folder = made(tmp_path / "here")
    for python in (folder / ".venv" / "bin").glob("python*"):
        python.unlink()
        python.symlink_to("/nowhere/python")
    planned = run(folder, "make", "--dry-run", "run")
    assert planned.returncode == 0, planned.stderr
    assert "-m venv --clear .venv" in planned.stdout
    assert "Preparing .venv with" in planned.stdout


def test_libraries_of_others_are_installed_for_all_tests_and_for_nothing_else(tmp_path: Path) -> None:
    folder = made(tmp_path / "here")
    for name in ("requirements.lock", "requirements-strangers.lock"):
        shutil.copy2(ROOT / name, folder)
    planned = {what: run(folder, "make", "--dry-run", what) for what in ("test", "test-fast", "lint", "run")}
    assert {what: plan.returncode for what, plan in planned.items()} == dict.fromkeys(planned, 0)
    assert [what for what, plan in planned.items() if "requirements-strangers.lock" in plan.stdout] == ["test"]
    assert "--no-deps --require-hashes" in planned["test"].stdout
