"""The table of docs/RELIABILITY.md: one row for each test with the marker `fault`, printed at the end of the run."""

from collections.abc import Iterator
from typing import Any

import pytest

TABLE = pytest.StashKey[list["Row"]]()


class Row:
    """One row of the table: the injected fault, the promise, the measurement, and whether the promise held."""

    def __init__(self, fault: str, promise: str) -> None:
        self.fault, self.promise = fault, promise
        self.measured = ""
        self.held = "not run"


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
