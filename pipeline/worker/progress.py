"""The progress of a job and its estimated time, from what it has done and from the measured rates of earlier jobs.

The phases of a job, and their units of work: `pipeline.contract.estimate`.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pipeline.contract.estimate import PHASES, planned_units
from pipeline.contract.plan import Plan
from pipeline.contract.progress import Progress, Stage, StageProgress

WEIGHTS_WITHOUT_RATES: Final = {"generate": 0.70, "spans": 0.27, "assemble": 0.03}
AFTER_GENERATE: Final = (Stage.INTERPOLATE, Stage.UPSCALE, Stage.POSTPROCESS)


@dataclass
class Phase:
    began: float | None = None
    ended: float | None = None
    done: float = 0.0

    def elapsed(self, now: float) -> float:
        return 0.0 if self.began is None else (self.ended or now) - self.began


class Tracker:
    """A ProgressListener that computes the Progress and the remaining seconds.

    `rates` are seconds per unit by phase, for the model of the job. While a phase without a rate has made no progress,
    the estimate is unknown.
    """

    def __init__(self, rates: Mapping[str, float], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rates = rates
        self._clock = clock
        self._phases = {name: Phase() for name in PHASES}
        self._plan: Plan | None = None
        self._planned_at = 0.0
        self._progress = Progress(stage=Stage.PREPROCESS, message="preparing")
        self._set(Stage.PREPROCESS, "running", 0.0)
        self.version = 0
        self.preview: bytes | None = None
        # The received events: seconds since the plan, `generated` or `encoded`, the number done, the total.
        self.events: list[tuple[float, str, int, int]] = []

    def planned(self, plan: Plan) -> None:
        self._plan, self._planned_at = plan, self._clock()
        self._set(Stage.PREPROCESS, "done", 1.0)
        self._set(Stage.GENERATE, "running", 0.0)
        if not plan.interpolated:
            self._set(Stage.INTERPOLATE, "skipped", 1.0)
        if plan.upscale == 1:
            self._set(Stage.UPSCALE, "skipped", 1.0)
        self._describe(Stage.GENERATE, "waiting for the generator", 0, plan.num_inference_steps)

    def generated(self, step: int, steps: int, preview: bytes | None = None) -> None:
        """Step 0 is reported when the generator begins this job; the time before it was waiting, not work."""
        self._record("generated", step, steps)
        if self._phases["generate"].began is None:
            self._phases["generate"].began = self._planned_at if step else self._clock()
        self._phases["generate"].done = step / steps
        self.preview = preview or self.preview
        self._set(Stage.GENERATE, "running", step / steps)
        self._describe(Stage.GENERATE, f"denoising step {step} of {steps}", step, steps)

    def encoded(self, spans: int, of: int) -> None:
        self._record("encoded", spans, of)
        if spans == 0:
            self._end("generate")
            self._begin("spans")
            self._set(Stage.GENERATE, "skipped" if self._resumed else "done", 1.0)
        self._phases["spans"].done = spans / of
        for stage in AFTER_GENERATE:
            self._set(stage, "done" if spans == of and stage is not Stage.POSTPROCESS else "running", spans / of)
        if spans == of:
            self._end("spans")
            self._begin("assemble")
        self._describe(self._finishing_stage(), f"finished span {spans} of {of}", spans, of)

    def finished(self, seconds: Mapping[str, float]) -> None:
        """Mark every stage as done. `seconds` is the working time by stage."""
        self._end("assemble")
        for stage in self._progress.stages:
            self._set(stage.name, "done", 1.0)
            if stage.name in seconds:
                stage.duration_ms = round(seconds[stage.name] * 1000)
        self._describe(Stage.POSTPROCESS, "done", None, None)

    def progress(self) -> Progress:
        """The current state. `value` is the share of the expected time; it never falls."""
        value = sum(self._weight(name) * self._phases[name].done for name in PHASES)
        self._progress.value = max(self._progress.value, round(min(value, 0.999), 4))
        return self._progress.model_copy(deep=True)

    def eta_seconds(self) -> float | None:
        """Seconds until the end. None while a rate is unknown or the job waits for the generator."""
        if self._plan is None or self._is_waiting:
            return None
        left = [self._left(name) for name in PHASES]
        return None if None in left else round(sum(seconds or 0 for seconds in left), 1)

    def measured(self) -> dict[str, float]:
        """Seconds per unit of the phases that have ended. Skipped phases are left out."""
        if self._plan is None:
            return {}
        planned = planned_units(self._plan)
        return {
            name: phase.elapsed(0) / planned[name]
            for name, phase in self._phases.items()
            if phase.began is not None and phase.ended is not None and planned[name]
        }

    def trace(self) -> dict[str, Any]:
        """The plan and the events of a finished job, for replay by `aura bench eta`."""
        if self._plan is None:
            raise ValueError("the job has no plan yet")
        return {
            "plan": self._plan.model_dump(mode="json"),
            "events": self.events,
            "seconds": self._clock() - self._planned_at,
        }

    @property
    def _is_waiting(self) -> bool:
        generate = self._phases["generate"]
        return generate.began is None and generate.ended is None

    @property
    def _resumed(self) -> bool:
        """Whether `generate` was skipped because a base clip was kept."""
        return self._phases["generate"].began is None

    def _record(self, kind: str, done: int, of: int) -> None:
        self.events.append((self._clock() - self._planned_at, kind, done, of))

    def _expected(self, name: str) -> float | None:
        if self._plan is None or name not in self._rates:
            return None
        return self._rates[name] * planned_units(self._plan)[name]

    def _left(self, name: str) -> float | None:
        """Remaining seconds of a phase. With rising progress its own pace replaces the expected duration."""
        phase, expected = self._phases[name], self._expected(name)
        if phase.ended is not None:
            return 0.0
        elapsed = phase.elapsed(self._clock())
        paced = elapsed / phase.done if phase.done >= 0.1 else None
        if expected is None:
            return None if paced is None else max(paced - elapsed, 0.0)
        total = expected if paced is None else phase.done * paced + (1 - phase.done) * expected
        return max(total - elapsed, total * (1 - phase.done) * 0.5)

    def _weight(self, name: str) -> float:
        expected = {phase: self._expected(phase) for phase in PHASES}
        known = {phase: seconds for phase, seconds in expected.items() if seconds is not None}
        if len(known) < len(PHASES) or not sum(known.values()):
            return WEIGHTS_WITHOUT_RATES[name]
        return known[name] / sum(known.values())

    def _finishing_stage(self) -> Stage:
        stages = {stage.name: stage.status for stage in self._progress.stages}
        return next((stage for stage in AFTER_GENERATE if stages[stage] == "running"), Stage.POSTPROCESS)

    def _begin(self, name: str) -> None:
        self._phases[name].began = self._clock()

    def _end(self, name: str) -> None:
        self._phases[name].ended = self._clock()
        self._phases[name].done = 1.0

    def _set(self, name: Stage, status: str, value: float) -> None:
        stage = self._find(name)
        if stage.status != "skipped":
            stage.status, stage.value = status, max(stage.value, value)

    def _find(self, name: Stage) -> StageProgress:
        return next(stage for stage in self._progress.stages if stage.name is name)

    def _describe(self, stage: Stage, message: str, step: int | None, steps: int | None) -> None:
        self._progress.stage, self._progress.message = stage, message
        self._progress.step, self._progress.steps = step, steps
        self.version += 1
