"""Conversions between uint8 frames and tensors, the exact resize, devices and their precision."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.clip import Frames
from pipeline.contract.errors import OutOfMemory


def dtype_for(device: str | torch.device) -> torch.dtype:
    """Half precision on a GPU, single precision on a CPU."""
    return torch.float32 if torch.device(device).type == "cpu" else torch.float16


def to_tensor(frames: Frames, device: str | torch.device, dtype: torch.dtype | None = None) -> Tensor:
    """uint8 (T, H, W, 3) to float RGB (T, 3, H, W) in 0..1, channels last in memory.

    The bytes are copied to the device and converted there.
    """
    moved = torch.from_numpy(np.array(frames)).to(device)
    return moved.permute(0, 3, 1, 2).to(dtype or dtype_for(device)).div(255)


def to_frames(tensor: Tensor) -> Frames:
    """Float RGB (T, 3, H, W) in 0..1 to uint8 (T, H, W, 3), rounded on the device."""
    rounded = tensor.float().mul(255).round().clamp(0, 255).to(torch.uint8)
    frames: Frames = rounded.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return frames


def crop_and_resize(tensor: Tensor, width: int, height: int) -> Tensor:
    """Float RGB (T, 3, H, W) at exactly width x height, cropped to the aspect ratio instead of stretched.

    The resize is bicubic with antialiasing, which averages areas when it shrinks.
    """
    cropped = _center_crop(tensor, width, height)
    if cropped.shape[-2:] == (height, width):
        return cropped
    return functional.interpolate(cropped.float(), size=(height, width), mode="bicubic", antialias=True).clamp(0, 1)


def _center_crop(tensor: Tensor, width: int, height: int) -> Tensor:
    """The largest centred part with the aspect ratio of width x height."""
    old_height, old_width = tensor.shape[-2:]
    new_width = min(old_width, round(old_height * width / height))
    new_height = min(old_height, round(old_width * height / width))
    left, top = (old_width - new_width) // 2, (old_height - new_height) // 2
    return tensor[..., top : top + new_height, left : left + new_width]


@contextmanager
def out_of_memory(stage: str) -> Iterator[None]:
    """Raise OutOfMemory with the name of the stage instead of torch's error."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise OutOfMemory(stage) from error
