"""The nearest base frame instead of one in between."""

from collections.abc import Callable
from pathlib import Path

from pipeline.clip import Clip
from pipeline.spec import Plan, Span
from tests.faults.stages import script


class Interpolate:
    def __init__(self, models_dir: Path, device: str) -> None:
        script.sign_in("interpolate")

    def __call__(self, base: Clip, plan: Plan, span: Span, check: Callable[[], None]) -> Clip:
        script.obey(plan.prompt, "interpolate", check)
        return Clip(base.frames[[round(position) for position in plan.positions(span)]], plan.fps)
