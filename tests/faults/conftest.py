"""The fault tests: one system of real processes for all of them, and the table of promises at the end."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.faults.system import System
from tests.faults.world import World

TABLE = pytest.StashKey[list["Row"]]()


class Row:
    """One line of the table: what was done, what is promised, what was seen."""

    def __init__(self, fault: str, promise: str) -> None:
        self.fault, self.promise = fault, promise
        self.measured = ""
        self.held = "not reached"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults", default="short", choices=("short", "all"), help="all: every fault, and random chaos")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fault(what, promise, short=False): a row of the table; short: in every run")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("fault"):
            item.add_marker("ray")
            item.add_marker("slow")
    if config.getoption("faults", default="short") == "all":
        return
    left_out = [item for item in items if (mark := item.get_closest_marker("fault")) and not mark.kwargs.get("short")]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="package")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Started once: a test ends only what it is about, and `world` starts that again."""
    system = System(tmp_path_factory.mktemp("faults"))
    try:
        system.start()
        yield system
    finally:
        system.stop()


@pytest.fixture
async def world(system: System) -> AsyncIterator[World]:
    """A healthy system with an empty queue and a new account; at the end everything is healed and checked."""
    system.heal()
    world = World(system)
    await world.open()
    try:
        yield world
        system.heal()
        await world.check()
    finally:
        await world.close()


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Row:
    """This test's line of the table; `row.measured` is what the test wants to say."""
    mark = request.node.get_closest_marker("fault")
    case = f" ({request.node.callspec.id})" if hasattr(request.node, "callspec") else ""
    row = Row(mark.args[0] + case, mark.args[1])
    request.config.stash.setdefault(TABLE, []).append(row)
    request.node.stash[TABLE] = [row]
    return row


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome: Any = yield
    for row in item.stash.get(TABLE, []):
        report = outcome.get_result()
        if report.when == "call" or report.failed:
            row.held = "yes" if report.passed else "NO"


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    rows = config.stash.get(TABLE, [])
    if rows:
        terminalreporter.section("faults and promises")
        for line in table(rows):
            terminalreporter.write_line(line)


def table(rows: list[Row]) -> Iterator[str]:
    yield "| fault | promise | measured | held |"
    yield "| --- | --- | --- | --- |"
    for row in rows:
        yield f"| {row.fault} | {row.promise} | {row.measured} | {row.held} |"
