"""Repeats the nearest base frame."""

from pathlib import Path

from pipeline.clip import Clip
from pipeline.contract.errors import CheckStopped
from pipeline.contract.plan import Plan, Span
from tests.faults.stages import script


class Interpolate:
    def __init__(self, models_dir: Path, device: str) -> None:
        script.register_replica("interpolate")

    def __call__(self, base: Clip, plan: Plan, span: Span, check: CheckStopped) -> Clip:
        script.run(plan.prompt, "interpolate", check)
        return Clip(base.frames[[round(position) for position in plan.positions(span)]], plan.fps)
