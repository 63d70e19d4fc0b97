"""Repeats each pixel."""

from pathlib import Path

from pipeline.clip import Clip
from pipeline.contract.errors import CheckStopped
from pipeline.contract.plan import Plan
from tests.faults.stages import script


class Upscale:
    def __init__(self, models_dir: Path, device: str) -> None:
        script.register_replica("upscale")

    def __call__(self, clip: Clip, plan: Plan, check: CheckStopped) -> Clip:
        script.run(plan.prompt, "upscale", check, reduced=script.is_reduced(plan))
        return Clip(clip.frames.repeat(plan.upscale, axis=1).repeat(plan.upscale, axis=2), clip.fps)
