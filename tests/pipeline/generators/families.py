"""Small models of every family in their published layouts, opened as the stage opens them."""

import base64
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from pipeline.clip import Clip
from pipeline.contract.catalog import MODELS
from pipeline.contract.plan import Plan
from pipeline.generators.base import DiffusersGenerator, Generator
from pipeline.generators.open import open_generator
from pipeline.models.hardware import Device

Plans = Callable[..., Plan]
Parts = Callable[[str], dict[str, Path]]
FOLDERS = {
    "animatediff-sdxl": "animatediff-sdxl", "modelscope": "modelscope", "zeroscope": "zeroscope", "svd": "svd",
    "wan-1.3b": "wan", "wan2.2-5b": "wan2.2", "ltx-video": "ltx", "cogvideox-2b": "cogvideox",
}  # fmt: skip
PLANS: dict[str, dict[str, Any]] = {
    "animatediff-sdxl": {"scheduler": "ddim"},
    "modelscope": {"scheduler": "dpm++"},
    "zeroscope": {"scheduler": "ddim"},
    "svd": {"scheduler": "own", "base_frames": 10, "drawn_frames": 14},
    "wan-1.3b": {"scheduler": "own", "base_frames": 8, "drawn_frames": 9, "negative_prompt": "blue"},
    "wan2.2-5b": {"scheduler": "own", "base_frames": 8, "drawn_frames": 9},
    "ltx-video": {"scheduler": "own", "base_frames": 9},
    "cogvideox-2b": {"scheduler": "own", "base_frames": 8, "drawn_frames": 9},
}


def picture() -> str:
    pixels = np.random.default_rng(3).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def open_small(name: str, parts: Parts, **changes: Any) -> DiffusersGenerator:
    """Without previews, which take time at first, unless `changes` ask for them."""
    model = replace(MODELS[name], memory=None, **{"preview": "none", **changes})
    generator = open_generator(model, parts(name), Device("cpu"), Path)
    assert isinstance(generator, DiffusersGenerator)
    return generator


def plan_for(plan: Plans, name: str, **changes: Any) -> Plan:
    values = {"model": name, "base_frames": 8, "num_inference_steps": 2, "guidance_scale": 3.0, **PLANS[name]}
    if MODELS[name].family == "stable-video-diffusion":
        values["image"] = picture()
    return plan(**{**values, **changes})


def draw(generator: Generator, requested: Plan) -> Clip:
    with torch.inference_mode():
        return generator.draw(requested, lambda *_: None, lambda: None)
