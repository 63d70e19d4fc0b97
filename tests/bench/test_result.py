"""Goals, and the table that is printed."""

import pytest

from tests.bench.result import Goal, Result, percentile_95, table

AT_LEAST, AT_MOST = Goal(0.9, "at least"), Goal(10, "at most", of="numerator")


@pytest.mark.parametrize(
    ("goal", "numerator", "denominator", "met"),
    [
        (AT_LEAST, 9.0, 10.0, True),
        (AT_LEAST, 8.9, 10.0, False),
        (AT_MOST, 10.0, 0.1, True),
        (AT_MOST, 10.1, 1e9, False),
        (AT_LEAST, 1.0, 0.0, True),
    ],
)
def test_a_goal_bounds_the_ratio_or_the_numerator(goal: Goal, numerator: float, denominator: float, met: bool) -> None:
    assert Result("row", "what", numerator, denominator, goal).met is met


def test_the_table_names_numerator_denominator_ratio_goal_and_load() -> None:
    *_, line = table([Result("crowd", "jobs/s", 3.0, 4.0, AT_LEAST, load=0.5)]).splitlines()
    assert line == "| crowd | jobs/s | 3 | 4 | 0.75 | ≥ 0.9 | 0.5 | NO |"


def test_the_json_of_a_result() -> None:
    json = Result("crowd", "jobs/s", 3.0, 4.0, AT_LEAST, load=0.5).as_json()
    assert json == {
        "row": "crowd", "what": "jobs/s", "numerator": 3.0, "denominator": 4.0, "ratio": 0.75, "goal": "≥ 0.9",
        "load": 0.5, "met": False,
    }  # fmt: skip


def test_the_95th_percentile() -> None:
    assert percentile_95([float(n) for n in range(1, 101)]) == 95.0
