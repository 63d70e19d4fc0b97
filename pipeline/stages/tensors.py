"""Between frames as bytes and frames as numbers, and the fit to an exact size."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.clip import Frames
from pipeline.errors import OutOfMemory


def device_named(name: str) -> str:
    """`auto` is the GPU where there is one."""
    if name != "auto":
        return name
    return "cuda" if torch.cuda.is_available() else "cpu"


def dtype_on(device: str) -> torch.dtype:
    return torch.float32 if torch.device(device).type == "cpu" else torch.float16


def to_numbers(frames: Frames, device: str) -> Tensor:
    """uint8 (T, H, W, 3) to float RGB (T, 3, H, W) in 0..1, channels last. The bytes travel, not the numbers."""
    moved = torch.from_numpy(np.array(frames)).to(device)
    return moved.permute(0, 3, 1, 2).to(dtype_on(device)).div(255)


def to_frames(numbers: Tensor) -> Frames:
    """Float (T, 3, H, W) in 0..1 to uint8 (T, H, W, 3), rounded on the device."""
    rounded = numbers.float().mul(255).round().clamp(0, 255).to(torch.uint8)
    frames: Frames = rounded.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return frames


def fitted(numbers: Tensor, width: int, height: int) -> Tensor:
    """Exactly width x height without stretching: cuts what is too wide or too high, then resizes.

    Antialiased bicubic, which averages areas when it makes smaller.
    """
    inner = _cut(numbers, width, height)
    if inner.shape[-2:] == (height, width):
        return inner
    return functional.interpolate(inner.float(), size=(height, width), mode="bicubic", antialias=True).clamp(0, 1)


def _cut(numbers: Tensor, width: int, height: int) -> Tensor:
    """The largest part in the middle that has the aspect ratio of width x height."""
    high, wide = numbers.shape[-2:]
    part_wide, part_high = min(wide, round(high * width / height)), min(high, round(wide * height / width))
    left, top = (wide - part_wide) // 2, (high - part_high) // 2
    return numbers[..., top : top + part_high, left : left + part_wide]


@contextmanager
def out_of_memory(stage: str) -> Iterator[None]:
    """Names the stage that ran out of the device's memory."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise OutOfMemory(stage) from error
