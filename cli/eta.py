"""`aura bench eta`: how far the estimates of recorded jobs were from what really happened.

A trace is what a dispatcher with TRACES_DIR writes for each finished job. The traces are replayed in the order of their
names through the very code that makes the estimates; each job learns from the ones before it, as in production.
"""

import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pipeline.progress import Tracker
from pipeline.spec import Plan

Json = dict[str, Any]

LEAST_SECONDS_LEFT: Final = 1.0
"""Below a second nobody looks at an estimate, and its relative error means nothing."""
LEARN: Final = 0.3
"""The weight of the newest job in a rate; the database weighs a little differently (`db/rates.py`)."""


class Replay:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def errors(traces: list[Json]) -> Iterator[tuple[float, float]]:
    """(seconds really left, relative error) at every event of every job at which an estimate was shown."""
    rates: dict[str, float] = {}
    for trace in traces:
        clock = Replay()
        tracker = Tracker(rates, clock=clock)
        tracker.planned(Plan.model_validate(trace["plan"]))
        for at, what, done, of in trace["events"]:
            clock.now = at
            getattr(tracker, what)(done, of)
            left, eta = trace["seconds"] - at, tracker.eta_seconds()
            if eta is not None and left >= LEAST_SECONDS_LEFT:
                yield left, abs(eta - left) / left
        clock.now = trace["seconds"]
        tracker.finished({})
        for phase, rate in tracker.measured().items():
            rates[phase] = rates.get(phase, rate) * (1 - LEARN) + rate * LEARN


def load(folder: Path) -> list[Json]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def report(folder: Path) -> str:
    traces = load(folder)
    relative = [error for _, error in errors(traces)]
    if not relative:
        raise ValueError(f"no estimate was shown in the {len(traces)} traces of {folder}")
    ninth = statistics.quantiles(relative, n=10)[-1]
    return (
        f"{len(traces)} jobs, {len(relative)} estimates: median relative error {statistics.median(relative):.0%}, "
        f"nine of ten below {ninth:.0%}"
    )
