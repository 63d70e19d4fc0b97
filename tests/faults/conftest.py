"""Fixtures of the fault tests: one system of real processes for all tests."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.faults.harness import Harness
from tests.faults.system import System


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults", default="short", choices=("short", "all"), help="all: the complete table")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("fault"):
            item.add_marker("ray")
            item.add_marker("slow")
    if config.getoption("faults", default="short") == "all":
        return
    deselected = [item for item in items if (mark := item.get_closest_marker("fault")) and not mark.kwargs.get("short")]
    items[:] = [item for item in items if item not in deselected]
    config.hook.pytest_deselected(items=deselected)


@pytest.fixture(scope="package")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Started once. A test ends single processes of it; `harness` restarts them for the next test."""
    system = System(tmp_path_factory.mktemp("faults"))
    try:
        system.start()
        yield system
    finally:
        system.stop()


@pytest.fixture
async def harness(system: System) -> AsyncIterator[Harness]:
    """A healthy system with an empty queue and a new account. After the test it is healed and checked."""
    system.heal()
    harness = Harness(system)
    await harness.open()
    try:
        yield harness
        system.heal()
        await harness.check()
    finally:
        await harness.close()
