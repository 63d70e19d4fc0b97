"""`aura bench eta`: how far the estimates of recorded jobs were from their real duration.

A dispatcher with TRACES_DIR writes one trace for each finished job. The traces are replayed in the order of their names
through the code that computes the estimates in production; each job uses the rates learnt from the jobs before it.
"""

import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pipeline.contract.plan import Plan
from pipeline.worker.progress import Tracker

Trace = dict[str, Any]

# Estimates of the last second are not measured: their relative error has no practical meaning.
MIN_SECONDS_LEFT: Final = 1.0
# Weight of the newest job in a rate. The database weighs the first jobs more (`db/stage_rates.py`).
LEARNING_RATE: Final = 0.3


class ReplayClock:
    """A clock that is set by the replay."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def errors(traces: list[Trace]) -> Iterator[tuple[float, float]]:
    """(seconds left, relative error of the estimate) at every event of every job that had an estimate."""
    rates: dict[str, float] = {}
    for trace in traces:
        clock = ReplayClock()
        tracker = Tracker(rates, clock=clock)
        tracker.planned(Plan.model_validate(trace["plan"]))
        for at, event, done, total in trace["events"]:
            clock.now = at
            getattr(tracker, event)(done, total)
            left, eta = trace["seconds"] - at, tracker.eta_seconds()
            if eta is not None and left >= MIN_SECONDS_LEFT:
                yield left, abs(eta - left) / left
        clock.now = trace["seconds"]
        tracker.finished({})
        for phase, rate in tracker.measured().items():
            rates[phase] = rates.get(phase, rate) * (1 - LEARNING_RATE) + rate * LEARNING_RATE


def load(folder: Path) -> list[Trace]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


@dataclass(frozen=True)
class Accuracy:
    """The relative errors of the estimates of recorded jobs."""

    jobs: int
    estimates: int
    median: float
    percentile_90: float

    def __str__(self) -> str:
        return (
            f"{self.jobs} jobs, {self.estimates} estimates: median relative error {self.median:.0%}, "
            f"90% of them below {self.percentile_90:.0%}"
        )


def accuracy(folder: Path) -> Accuracy:
    """ValueError if no trace has an estimate."""
    traces = load(folder)
    relative = [error for _, error in errors(traces)]
    if not relative:
        raise ValueError(f"the {len(traces)} traces of {folder} contain no estimate")
    percentile_90 = statistics.quantiles(relative, n=10)[-1]
    return Accuracy(len(traces), len(relative), statistics.median(relative), percentile_90)
