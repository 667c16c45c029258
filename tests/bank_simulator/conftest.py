"""A folder with keys of every profile, made once; each test gets a copy."""

from pathlib import Path

import pytest

from gerbang import bank_simulator
from tests.support.simulated_banks import copied


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("banks")
    for profile in bank_simulator.PROFILES:
        bank_simulator.prepare(folder, profile, "http://127.0.0.1:9100", "http://127.0.0.1:8000")
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    return copied(prepared, tmp_path / "bank")
