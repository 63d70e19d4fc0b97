"""The error of the estimates, measured by replaying traces."""

import json
import statistics
from pathlib import Path
from typing import Any

import pytest

from cli.eta import accuracy, errors, load
from pipeline.worker.progress import Tracker
from tests.pipeline.contract.test_plan import create_plan


def job(pace: float) -> dict[str, Any]:
    """A trace of a job with ten steps and three spans of `pace` seconds each."""
    steps = [(pace * step, "generated", step, 10) for step in range(1, 11)]
    spans = [(pace * (10 + span), "encoded", span, 3) for span in range(4)]
    return {
        "plan": create_plan(frames=48).model_dump(mode="json"),
        "events": steps + spans,
        "seconds": pace * 14,
    }


def test_the_first_job_has_no_estimate_before_its_last_phase() -> None:
    assert not [left for left, _ in errors([job(2)]) if left > 10]


def test_the_estimates_of_equal_jobs_have_a_small_error() -> None:
    relative = [error for _, error in errors([job(2)] * 3)]
    assert len(relative) > 20
    assert max(relative) < 0.2


def test_a_job_that_takes_twice_as_long_as_the_one_before_has_a_large_error() -> None:
    relative = [error for _, error in errors([job(2), job(4)])]
    assert max(relative) > 0.3


def test_the_summary_has_the_number_of_jobs_and_the_median(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.json").write_text(json.dumps(job(2)))
    found = accuracy(tmp_path)
    assert found.jobs == 3
    assert str(found).startswith("3 jobs, ")
    assert "median relative error" in str(found)


def test_a_folder_without_traces_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the 0 traces of .* contain no estimate"):
        accuracy(tmp_path)


def test_the_trace_of_a_tracker_can_be_replayed() -> None:
    tracker = Tracker({})
    tracker.planned(create_plan(frames=48))
    tracker.generated(1, 10)
    tracker.encoded(0, 3)
    trace = json.loads(json.dumps(tracker.trace()))
    assert [event[1:] for event in trace["events"]] == [["generated", 1, 10], ["encoded", 0, 3]]
    assert list(errors([trace])) == []


def test_the_recorded_jobs_have_the_median_error_of_the_docs() -> None:
    """docs/PERFORMANCE.md states this figure."""
    relative = [error for _, error in errors(load(Path(__file__).parents[1] / "bench" / "traces"))]
    assert len(relative) > 300
    assert statistics.median(relative) < 0.30
