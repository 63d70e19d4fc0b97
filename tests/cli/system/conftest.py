"""An empty data directory, and a wait with a timeout."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.system.data_dir import DataDir


@pytest.fixture
def data_dir(tmp_path: Path) -> DataDir:
    created = DataDir(tmp_path / "aura")
    created.create()
    return created


def wait_until(condition: Callable[[], object], timeout: float = 30) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"the condition did not become true within {timeout} s"
        time.sleep(0.02)
