"""A brightness that depends on the seed, drawn in as many steps as asked for, with a preview after each."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from pipeline.clip import Clip
from pipeline.spec import Plan
from tests.faults.stages import script

BASE_FPS: Final = 8
NOISE: Final = 15  # for a file of some size
PREVIEW: Final = b"RIFF\x00\x00\x00\x00WEBPVP8 "


class Generate:
    def __init__(self, models_dir: Path, device: str) -> None:
        script.sign_in("generate")

    def __call__(self, plan: Plan, report: Callable[[int, int, bytes | None], None], check: Callable[[], None]) -> Clip:
        seconds = script.seconds(plan.prompt, "generate")
        for step in range(plan.num_inference_steps):
            script.sleep(seconds / plan.num_inference_steps, check)
            report(step + 1, plan.num_inference_steps, PREVIEW)
        script.misbehave(plan.prompt, "generate", reduced=script.is_reduced(plan))
        shape = (plan.base_frames, plan.base_height, plan.base_width, 3)
        shade = 16 + plan.seed % 200
        if "noise" not in plan.prompt:
            return Clip(np.full(shape, shade, np.uint8), BASE_FPS)
        random = np.random.default_rng(plan.seed)
        return Clip((shade + random.integers(-NOISE, NOISE + 1, shape)).astype(np.uint8), BASE_FPS)
