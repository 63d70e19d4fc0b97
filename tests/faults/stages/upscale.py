"""Each pixel four times."""

from collections.abc import Callable
from pathlib import Path

from pipeline.clip import Clip
from pipeline.spec import Plan
from tests.faults.stages import script


class Upscale:
    def __init__(self, models_dir: Path, device: str) -> None:
        script.sign_in("upscale")

    def __call__(self, clip: Clip, plan: Plan, check: Callable[[], None]) -> Clip:
        script.obey(plan.prompt, "upscale", check, reduced=script.is_reduced(plan))
        return Clip(clip.frames.repeat(plan.upscale, axis=1).repeat(plan.upscale, axis=2), clip.fps)
