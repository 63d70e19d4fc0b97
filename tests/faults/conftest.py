"""Fixtures of the fault tests: one system of real processes for all tests, and the table of promises at the end."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.faults.harness import Harness
from tests.faults.system import System

TABLE = pytest.StashKey[list["Row"]]()


class Row:
    """One row of the table: the injected fault, the promise, the measurement, and whether the promise held."""

    def __init__(self, fault: str, promise: str) -> None:
        self.fault, self.promise = fault, promise
        self.measured = ""
        self.held = "not run"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults", default="short", choices=("short", "all"), help="all: the complete table")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fault(fault, promise, short=False): a row of the table; short: in every run")


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


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Row:
    """The row of this test. The test sets `row.measured`."""
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
    if rows := config.stash.get(TABLE, []):
        terminalreporter.section("faults and promises")
        for line in markdown_table(rows):
            terminalreporter.write_line(line)


def markdown_table(rows: list[Row]) -> Iterator[str]:
    yield "| fault | promise | measured | held |"
    yield "| --- | --- | --- | --- |"
    for row in rows:
        yield f"| {row.fault} | {row.promise} | {row.measured} | {row.held} |"
