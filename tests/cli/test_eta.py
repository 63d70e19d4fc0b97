"""The measure of the estimates itself."""

import json
import statistics
from pathlib import Path
from typing import Any

import pytest

from cli.eta import errors, load, report
from pipeline.progress import Tracker
from tests.pipeline.test_spec import plan


def job(pace: float) -> dict[str, Any]:
    """A job of ten steps and three spans at `pace` seconds each."""
    steps = [(pace * step, "generated", step, 10) for step in range(1, 11)]
    spans = [(pace * (10 + span), "encoded", span, 3) for span in range(4)]
    return {
        "plan": plan(frames=48).model_dump(mode="json"),
        "events": steps + spans,
        "seconds": pace * 14,
    }


def test_the_first_job_of_all_is_given_no_estimate_before_its_last_phase_is_known() -> None:
    assert not [left for left, _ in errors([job(2)]) if left > 10]


def test_jobs_that_are_alike_are_estimated_well() -> None:
    relative = [error for _, error in errors([job(2)] * 3)]
    assert len(relative) > 20
    assert max(relative) < 0.2


def test_a_job_that_is_twice_as_slow_as_known_is_seen_as_an_error() -> None:
    relative = [error for _, error in errors([job(2), job(4)])]
    assert max(relative) > 0.3


def test_the_report_counts_jobs_and_names_the_median(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.json").write_text(json.dumps(job(2)))
    assert report(tmp_path).startswith("3 jobs, ")
    assert "median relative error" in report(tmp_path)


def test_a_folder_without_estimates_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no estimate was shown in the 0 traces"):
        report(tmp_path)


def test_a_trace_holds_what_a_replay_needs() -> None:
    tracker = Tracker({})
    tracker.planned(plan(frames=48))
    tracker.generated(1, 10)
    tracker.encoded(0, 3)
    trace = json.loads(json.dumps(tracker.trace()))
    assert [event[1:] for event in trace["events"]] == [["generated", 1, 10], ["encoded", 0, 3]]
    assert list(errors([trace])) == []


def test_the_recorded_jobs_are_estimated_as_well_as_the_docs_say() -> None:
    """docs/PERFORMANCE.md names the figure of this very command."""
    relative = [error for _, error in errors(load(Path(__file__).parents[1] / "bench" / "traces"))]
    assert len(relative) > 300
    assert statistics.median(relative) < 0.30
