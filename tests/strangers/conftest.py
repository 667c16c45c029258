"""The libraries, loaded once for each process of a test run; and a simulated bank with keys that are made once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gerbang import bank_simulator
from tests.support.simulated_banks import copied
from tests.support.strangers import Strangers


@pytest.fixture(scope="session")
def strangers() -> Iterator[Strangers]:
    strangers = Strangers()
    yield strangers
    strangers.stop()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("banks of strangers")
    for profile in ("bni", "dana"):
        bank_simulator.prepare(folder, profile, "http://127.0.0.1:9100", "http://127.0.0.1:8000")
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    return copied(prepared, tmp_path / "bank")
