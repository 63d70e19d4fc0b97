"""`aura bench simulate`: the replicas that a number of users needs, what they wait, and what a clip costs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench.simulation import STAGES, Fleet, Outcome, Work, simulate

# Replicas are added until no stage works for more than this part of the time.
BUSY: Final = 0.7
GPU_STAGES: Final = ("generate", "interpolate", "upscale")
SECONDS_PER_DAY: Final = 86_400
# The goals of tests/gpu/test_speed.py for one H200, not measured yet: 2 s at 24 fps and 2048x2048.
GOALS: Final = Work(generate=1.9, interpolate=0.08, upscale=0.42, encode=0.7, assemble=0.3, spans=3)


@dataclass(frozen=True)
class Demand:
    users: int
    clips_per_day: float
    # The busiest hour against the average of the day.
    peak: float

    @property
    def per_second(self) -> float:
        return self.users * self.clips_per_day * self.peak / SECONDS_PER_DAY


@dataclass(frozen=True)
class Answer:
    demand: Demand
    fleet: Fleet
    outcome: Outcome
    cost_per_clip: float


def answer(work: Work, demand: Demand, *, gpu_price: float, failures: float = 0.001, jobs: int = 2000) -> Answer:
    """The smallest fleet that is busy for at most `BUSY`; `gpu_price` is that of one GPU for one hour."""
    replicas = {stage: max(1, math.ceil(demand.per_second * work.on(stage) / BUSY)) for stage in STAGES}
    latency = sum(work.on(stage) for stage in STAGES)
    fleet = Fleet(replicas, jobs_at_once=max(4, math.ceil(2 * demand.per_second * latency)))
    outcome = simulate(work, fleet, per_second=demand.per_second, jobs=jobs, failures=failures)
    gpus = sum(replicas[stage] for stage in GPU_STAGES)
    clips_per_hour = demand.per_second * 3600 / demand.peak
    return Answer(demand, fleet, outcome, gpus * gpu_price / clips_per_hour)


def table(answers: Sequence[Answer]) -> str:
    """As Markdown."""
    lines = [
        "| users | clips/s in the busiest hour | generate | interpolate | upscale | postprocess | done/s "
        "| wait p50, p95 s | total p50, p95 s | cost per clip |",
        "|" + "---|" * 10,
    ]
    for found in answers:
        replicas, outcome = found.fleet.replicas, found.outcome
        cells = [
            f"{found.demand.users:,}", f"{found.demand.per_second:.3g}",
            *(str(replicas[stage]) for stage in ("generate", "interpolate", "upscale", "postprocess")),
            f"{outcome.jobs_per_second:.3g}", f"{outcome.wait_p50:.2g}, {outcome.wait_p95:.2g}",
            f"{outcome.total_p50:.2g}, {outcome.total_p95:.2g}", f"{found.cost_per_clip:.4f}",
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
