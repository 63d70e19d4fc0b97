"""What the terminal shows while the system starts."""

import io
import threading
from collections.abc import Callable

import pytest
from rich.console import Console

from cli.system.data_dir import STOPPING, DataDir
from cli.system.startup import wait_for_start
from tests.cli.system.conftest import wait_until


@pytest.fixture(params=[True, False], ids=["terminal", "file"])
def console(request: pytest.FixtureRequest) -> Console:
    return Console(file=io.StringIO(), force_terminal=request.param, width=80)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_each_change_is_shown_until_the_system_is_ready(data_dir: DataDir, console: Console) -> None:
    data_dir.status_file.write_text("waiting for Ray")
    with data_dir.lock():
        thread = threading.Thread(target=wait_for_start, args=(data_dir, console))
        thread.start()
        wait_until(lambda: "waiting for Ray" in printed(console))
        data_dir.status_file.write_text("waiting for generate, upscale")
        wait_until(lambda: "waiting for generate, upscale" in printed(console))
        assert thread.is_alive()
        data_dir.status_file.unlink()
        thread.join(5)
        assert not thread.is_alive()
    if not console.is_terminal:
        assert printed(console).splitlines() == ["waiting for Ray", "waiting for generate, upscale"]


ENDS: dict[str, Callable[[DataDir], object]] = {
    "running": lambda data_dir: data_dir.status_file.unlink(missing_ok=True),
    "stopping": lambda data_dir: data_dir.status_file.write_text(STOPPING),
}


@pytest.mark.parametrize("case", ENDS)
def test_nothing_is_shown_for_a_system_that_does_not_start(data_dir: DataDir, console: Console, case: str) -> None:
    ENDS[case](data_dir)
    with data_dir.lock():
        wait_for_start(data_dir, console)
    assert "waiting" not in printed(console)


def test_a_status_left_behind_by_a_killed_system_is_ignored(data_dir: DataDir, console: Console) -> None:
    data_dir.status_file.write_text("waiting for Ray")
    wait_for_start(data_dir, console)
    assert "waiting" not in printed(console)
