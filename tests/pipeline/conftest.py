import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.clip import Clip, Frames
from pipeline.contract.plan import Plan

COLOURS = (
    (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255), (255, 0, 255), (128, 128, 128),
    (255, 255, 255), (0, 0, 0), (200, 120, 60),
)  # fmt: skip


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small models as random weights whose output depends on the seed."""
    from pipeline.tiny.training import random_weights

    folder = tmp_path_factory.mktemp("models")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        random_weights.build(folder / "tiny")
    _randomize_last_layer(folder / "tiny" / "base" / "unet" / "diffusion_pytorch_model.safetensors")
    return folder


def _randomize_last_layer(path: Path) -> None:
    """The last layer of an untrained UNet is zero, so its output would not depend on the noise."""
    weights = load_file(path)
    last = weights["conv_out.weight"]
    weights["conv_out.weight"] = torch.randn(last.shape, generator=torch.Generator().manual_seed(0)).to(last) * 0.05
    save_file(weights, path)


@pytest.fixture
def plan() -> Callable[..., Plan]:
    """Create a plan of 2 s at 512 x 512 and 24 fps with the given changes."""

    def create(**changes: Any) -> Plan:
        defaults = {
            "prompt": "a red circle moving right on a blue background", "negative_prompt": "", "seed": 7,
            "model": "tiny", "revision": "r", "scheduler": "ddim", "num_inference_steps": 3, "guidance_scale": 2.0,
            "base_width": 64, "base_height": 64, "base_frames": 16, "upscale": 4, "width": 512, "height": 512,
            "fps": 24, "frames": 48, "format": "mp4",
        }  # fmt: skip
        return Plan.model_validate({**defaults, **changes})

    return create


@pytest.fixture
def bars() -> Callable[[int, int, int], Frames]:
    """Draw frames of ten vertical bars with a white square that moves from left to right."""

    def draw(count: int, width: int, height: int) -> Frames:
        edges = np.linspace(0, width, len(COLOURS) + 1).astype(int)
        row = np.concatenate([np.tile(c, (b - a, 1)) for c, a, b in zip(COLOURS, edges, edges[1:], strict=False)])
        frames = np.tile(row.astype(np.uint8), (count, height, 1, 1))
        side = height // 8
        for index, frame in enumerate(frames):
            left = round(index / max(1, count - 1) * (width - side))
            frame[height // 2 : height // 2 + side, left : left + side] = 255
        return frames

    return draw


@pytest.fixture
def noise() -> Callable[..., Clip]:
    def draw(frames: int, height: int, width: int, fps: float = 8) -> Clip:
        pixels = np.random.default_rng(0).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)
        return Clip(pixels, fps)

    return draw


@pytest.fixture
def never_stop() -> Callable[[], None]:
    """A check for calls that are not canceled."""
    return lambda: None
