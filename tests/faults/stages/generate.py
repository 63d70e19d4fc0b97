"""Frames of one brightness, which the seed determines. Reports each step, with a preview."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from pipeline.clip import Clip
from pipeline.contract.errors import CheckStopped
from pipeline.contract.plan import Plan
from tests.faults.stages import script

BASE_FPS: Final = 8
# Amplitude of the noise that makes the files larger.
NOISE: Final = 15
PREVIEW: Final = b"RIFF\x00\x00\x00\x00WEBPVP8 "


class Generate:
    def __init__(self, models_dir: Path, device: str) -> None:
        script.register_replica("generate")

    def __call__(self, plan: Plan, on_step: Callable[[int, int, bytes | None], None], check: CheckStopped) -> Clip:
        seconds = script.sleep_seconds(plan.prompt, "generate")
        for step in range(plan.num_inference_steps):
            script.sleep(seconds / plan.num_inference_steps, check)
            on_step(step + 1, plan.num_inference_steps, PREVIEW)
        script.inject_faults(plan.prompt, "generate", reduced=script.is_reduced(plan))
        shape = (plan.base_frames, plan.base_height, plan.base_width, 3)
        brightness = 16 + plan.seed % 200
        if "noise" not in plan.prompt:
            return Clip(np.full(shape, brightness, np.uint8), BASE_FPS)
        random = np.random.default_rng(plan.seed)
        return Clip((brightness + random.integers(-NOISE, NOISE + 1, shape)).astype(np.uint8), BASE_FPS)
