"""A model of scale: jobs that arrive at random and pass through replicated stages. Plain Python, without Ray.

Each job takes a slot of a dispatcher, draws its base clip, sends its spans through three stages within its window, and
joins them. A stage serves calls in the order of their arrival. A failure costs the call once more, and a restart.
"""

import random
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import simpy

STAGES: Final = ("preprocess", "generate", "interpolate", "upscale", "postprocess")
# Jobs at the start and at the end of a simulation that do not count: the system fills up, and empties.
MARGIN: Final = 0.1


@dataclass(frozen=True)
class Work:
    """Seconds of one job: whole stages, and per span."""

    generate: float
    interpolate: float
    upscale: float
    encode: float
    assemble: float
    spans: int
    # Of one call: dispatcher, router and copying.
    hop: float = 0.01
    preprocess: float = 0.02

    def on(self, stage: str) -> float:
        """Seconds that one job keeps a stage busy."""
        per_span = {"interpolate": self.interpolate, "upscale": self.upscale}
        if stage in per_span:
            return per_span[stage] * self.spans
        return self.encode * self.spans + self.assemble if stage == "postprocess" else float(getattr(self, stage))


@dataclass(frozen=True)
class Fleet:
    replicas: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STAGES, 1))
    # Jobs that all dispatchers together run at once.
    jobs_at_once: int = 4
    restart_seconds: float = 10.0

    @property
    def window(self) -> int:
        """Spans of one job in flight, as in `PipelineSettings.window`."""
        upscalers = self.replicas["upscale"]
        return upscalers + max(1, upscalers // 2)


@dataclass(frozen=True)
class Outcome:
    jobs_per_second: float
    # Seconds from the submission to the start, and to the end.
    wait_p50: float
    wait_p95: float
    total_p50: float
    total_p95: float
    # The part of the time that the replicas of each stage work.
    busy: dict[str, float]
    # From the first submission to the last end.
    all_seconds: float


@dataclass
class _Job:
    submitted: float
    started: float = 0.0
    ended: float = 0.0


def simulate(
    work: Work, fleet: Fleet, *, per_second: float, jobs: int = 2000, failures: float = 0.0, seed: int = 0
) -> Outcome:
    """`per_second`: arrivals; `failures`: the probability that a call fails once. Deterministic for one seed."""
    run = _Run(work, fleet, failures, random.Random(seed))
    run.environment.process(run.arrivals(per_second, jobs))
    run.environment.run()
    return run.outcome()


class _Run:
    def __init__(self, work: Work, fleet: Fleet, failures: float, chance: random.Random) -> None:
        self.environment = simpy.Environment()
        self._work, self._fleet, self._failures, self._chance = work, fleet, failures, chance
        self._stages = {stage: simpy.Resource(self.environment, capacity=fleet.replicas[stage]) for stage in STAGES}
        self._slots = simpy.Resource(self.environment, capacity=fleet.jobs_at_once)
        self._busy = dict.fromkeys(STAGES, 0.0)
        self._jobs: list[_Job] = []

    def arrivals(self, per_second: float, count: int) -> Iterator[Any]:
        for _ in range(count):
            self.environment.process(self._job())
            yield self.environment.timeout(self._chance.expovariate(per_second))

    def _job(self) -> Iterator[Any]:
        job = _Job(self.environment.now)
        self._jobs.append(job)
        with self._slots.request() as slot:
            yield slot
            job.started = self.environment.now
            yield from self._call("preprocess", self._work.preprocess)
            yield from self._call("generate", self._work.generate)
            window = simpy.Resource(self.environment, capacity=self._fleet.window)
            spans = [self.environment.process(self._span(window)) for _ in range(self._work.spans)]
            yield self.environment.all_of(spans)
            yield from self._call("postprocess", self._work.assemble)
        job.ended = self.environment.now

    def _span(self, window: Any) -> Iterator[Any]:
        with window.request() as place:
            yield place
            yield from self._call("interpolate", self._work.interpolate)
            yield from self._call("upscale", self._work.upscale)
            yield from self._call("postprocess", self._work.encode)

    def _call(self, stage: str, seconds: float) -> Iterator[Any]:
        yield self.environment.timeout(self._work.hop)
        with self._stages[stage].request() as replica:
            yield replica
            if self._failures and self._chance.random() < self._failures:
                seconds = 2 * seconds + self._fleet.restart_seconds
            self._busy[stage] += seconds
            yield self.environment.timeout(seconds)

    def outcome(self) -> Outcome:
        jobs = sorted(self._jobs, key=lambda job: job.ended)
        margin = int(MARGIN * len(jobs))
        counted = jobs[margin : len(jobs) - margin]
        seconds = counted[-1].ended - counted[0].ended
        waits = sorted(job.started - job.submitted for job in counted)
        totals = sorted(job.ended - job.submitted for job in counted)
        busy = {stage: self._busy[stage] / (self._fleet.replicas[stage] * self.environment.now) for stage in STAGES}
        return Outcome(
            (len(counted) - 1) / seconds, statistics.median(waits), waits[int(0.95 * len(waits))],
            statistics.median(totals), totals[int(0.95 * len(totals))], busy, jobs[-1].ended,
        )  # fmt: skip
