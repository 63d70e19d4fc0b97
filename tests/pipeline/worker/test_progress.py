"""Progress that never falls, and an estimate that is null until it is known."""

import pytest

from pipeline.contract.estimate import planned_units
from pipeline.contract.progress import Stage
from pipeline.worker.progress import Tracker
from tests.pipeline.contract.test_plan import create_plan as plan

PLAN = plan(frames=48)
UNITS = planned_units(PLAN)
RATES = {"generate": 10 / UNITS["generate"], "spans": 20 / UNITS["spans"], "assemble": 2 / UNITS["assemble"]}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def run_job(tracker: Tracker, clock: Clock, waited: float = 0) -> list[tuple[float, float | None]]:
    """A whole job at the pace of RATES after waiting for the generator: value and eta after each event."""
    seen = []

    def record(seconds: float) -> None:
        seen.append((tracker.progress().value, tracker.eta_seconds()))
        clock.now += seconds

    tracker.planned(PLAN)
    clock.now += waited
    tracker.generated(0, 10)
    record(1)
    for step in range(1, 11):
        tracker.generated(step, 10)
        record(1)
    tracker.encoded(0, 3)
    record(20 / 3)
    for span in range(1, 4):
        tracker.encoded(span, 3)
        record(20 / 3)
    return seen


def test_value_never_falls_and_stays_below_one_until_the_end() -> None:
    for rates in ({}, RATES):
        clock = Clock()
        values = [value for value, _ in run_job(Tracker(rates, clock=clock), clock)]
        assert values == sorted(values)
        assert values[0] == 0
        assert 0.9 < values[-1] < 1


def test_with_known_rates_the_estimate_is_exact_from_the_start() -> None:
    clock = Clock()
    etas = [eta for _, eta in run_job(Tracker(RATES, clock=clock), clock)]
    assert etas[0] == pytest.approx(32)
    assert etas[6] == pytest.approx(26, abs=1)
    assert etas[-1] == pytest.approx(2)


def test_without_rates_the_estimate_is_unknown() -> None:
    clock = Clock()
    etas = [eta for _, eta in run_job(Tracker({}, clock=clock), clock)]
    assert etas[:12] == [None] * 12


def test_a_slow_job_corrects_the_estimate() -> None:
    clock = Clock()
    tracker = Tracker(RATES, clock=clock)
    tracker.planned(PLAN)
    clock.now += 20
    tracker.generated(5, 10)  # twice as slow as known
    assert tracker.eta_seconds() == pytest.approx(22 + 10, abs=6)


def test_stages_that_are_not_needed_are_reported_as_skipped() -> None:
    tracker = Tracker({})
    tracker.planned(plan(frames=16, upscale=1))
    status = {stage.name: stage.status for stage in tracker.progress().stages}
    assert status[Stage.INTERPOLATE] == status[Stage.UPSCALE] == "skipped"
    assert status[Stage.GENERATE] == "running"


def test_the_measured_rates_give_the_estimate_of_the_next_job() -> None:
    clock = Clock()
    tracker = Tracker({}, clock=clock)
    run_job(tracker, clock)
    tracker.finished({"upscale": 1.5})
    measured = tracker.measured()
    assert measured["spans"] == pytest.approx(RATES["spans"])
    durations = {stage.name: stage.duration_ms for stage in tracker.progress().stages}
    assert durations[Stage.UPSCALE] == 1500


def test_waiting_for_the_generator_is_not_measured() -> None:
    clock = Clock()
    tracker = Tracker(RATES, clock=clock)
    etas = [eta for _, eta in run_job(tracker, clock, waited=100)]
    tracker.finished({})
    assert etas[0] == pytest.approx(32)
    assert tracker.measured()["generate"] == pytest.approx(RATES["generate"], rel=0.2)


def test_the_estimate_is_unknown_while_the_job_waits_for_the_generator() -> None:
    tracker = Tracker(RATES)
    tracker.planned(PLAN)
    assert tracker.eta_seconds() is None
    assert tracker.progress().message == "waiting for the generator"
    tracker.generated(0, 10)
    assert tracker.eta_seconds() == pytest.approx(32)


def test_a_resumed_job_measures_no_generate_rate() -> None:
    clock = Clock()
    tracker = Tracker({}, clock=clock)
    tracker.planned(PLAN)
    for span in range(4):
        clock.now += 1
        tracker.encoded(span, 3)
    tracker.finished({})
    assert set(tracker.measured()) == {"spans", "assemble"}
    assert tracker.progress().stages[1].status == "skipped"
