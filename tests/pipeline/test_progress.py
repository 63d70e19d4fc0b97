"""Progress that never falls, and an estimate that is unknown until it can be known."""

import pytest

from pipeline.progress import Tracker, work
from pipeline.spec import Stage
from tests.pipeline.test_spec import plan

PLAN = plan(frames=48)
UNITS = work(PLAN)
RATES = {"generate": 10 / UNITS["generate"], "spans": 20 / UNITS["spans"], "assemble": 2 / UNITS["assemble"]}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def story(tracker: Tracker, clock: Clock, waited: float = 0) -> list[tuple[float, float | None]]:
    """A whole job at the pace of RATES, once the generator is free: value and eta after each event."""
    seen = []

    def note(seconds: float) -> None:
        seen.append((tracker.progress().value, tracker.eta_seconds()))
        clock.now += seconds

    tracker.planned(PLAN)
    clock.now += waited
    tracker.generated(0, 10)
    note(1)
    for step in range(1, 11):
        tracker.generated(step, 10)
        note(1)
    tracker.encoded(0, 3)
    note(20 / 3)
    for span in range(1, 4):
        tracker.encoded(span, 3)
        note(20 / 3)
    return seen


def test_value_never_falls_and_stays_below_one_until_the_end() -> None:
    for rates in ({}, RATES):
        clock = Clock()
        values = [value for value, _ in story(Tracker(rates, clock=clock), clock)]
        assert values == sorted(values)
        assert values[0] == 0
        assert 0.9 < values[-1] < 1


def test_with_known_rates_the_estimate_is_right_from_the_start() -> None:
    clock = Clock()
    etas = [eta for _, eta in story(Tracker(RATES, clock=clock), clock)]
    assert etas[0] == pytest.approx(32)
    assert etas[6] == pytest.approx(26, abs=1)
    assert etas[-1] == pytest.approx(2)


def test_without_rates_the_estimate_is_unknown() -> None:
    clock = Clock()
    etas = [eta for _, eta in story(Tracker({}, clock=clock), clock)]
    assert etas[:12] == [None] * 12


def test_a_slow_job_corrects_the_estimate() -> None:
    clock = Clock()
    tracker = Tracker(RATES, clock=clock)
    tracker.planned(PLAN)
    clock.now += 20
    tracker.generated(5, 10)  # twice as slow as known
    assert tracker.eta_seconds() == pytest.approx(22 + 10, abs=6)


def test_stages_that_are_not_needed_are_named_as_skipped() -> None:
    tracker = Tracker({})
    tracker.planned(plan(frames=16, upscale=1))
    status = {stage.name: stage.status for stage in tracker.progress().stages}
    assert status[Stage.INTERPOLATE] == status[Stage.UPSCALE] == "skipped"
    assert status[Stage.GENERATE] == "running"


def test_what_was_measured_is_what_the_next_job_expects() -> None:
    clock = Clock()
    tracker = Tracker({}, clock=clock)
    story(tracker, clock)
    tracker.finished({"upscale": 1.5})
    measured = tracker.measured()
    assert measured["spans"] == pytest.approx(RATES["spans"])
    durations = {stage.name: stage.duration_ms for stage in tracker.progress().stages}
    assert durations[Stage.UPSCALE] == 1500


def test_waiting_for_the_generator_is_no_work() -> None:
    clock = Clock()
    tracker = Tracker(RATES, clock=clock)
    etas = [eta for _, eta in story(tracker, clock, waited=100)]
    tracker.finished({})
    assert etas[0] == pytest.approx(32)
    assert tracker.measured()["generate"] == pytest.approx(RATES["generate"], rel=0.2)


def test_nobody_knows_when_its_turn_comes() -> None:
    tracker = Tracker(RATES)
    tracker.planned(PLAN)
    assert tracker.eta_seconds() is None
    assert tracker.progress().message == "waiting for the generator"
    tracker.generated(0, 10)
    assert tracker.eta_seconds() == pytest.approx(32)


def test_a_resumed_job_teaches_nothing_about_generating() -> None:
    clock = Clock()
    tracker = Tracker({}, clock=clock)
    tracker.planned(PLAN)
    for span in range(4):
        clock.now += 1
        tracker.encoded(span, 3)
    tracker.finished({})
    assert set(tracker.measured()) == {"spans", "assemble"}
    assert tracker.progress().stages[1].status == "skipped"
