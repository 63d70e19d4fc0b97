"""FILM in its two published forms: TorchScript draws any time between two frames, the SavedModel only the middle.

Both are wrapped as a `FrameInterpolator`: base frames and positions in, frames out. Position 2.25 lies a quarter of
the way from base frame 2 to base frame 3; a whole number is the base frame itself.
"""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.contract.catalog import InterpolatorModel
from pipeline.contract.errors import CheckStopped, StageFailed
from pipeline.models.tensors import dtype_for

# Recursive midpoints reach every 1/64, so each frame is at most 1/128 away from its exact time.
HALVINGS: Final = 6
# Pixels of input per call of the network.
BATCH_PIXELS: Final = 4 * 512 * 512

# Frames x0 and x1 (B, 3, H, W) and times (B, 1) in 0..1 to the frames between.
Between = Callable[[Tensor, Tensor, Tensor], Tensor]
# Frames x0 and x1 to the frames halfway.
Middle = Callable[[Tensor, Tensor], Tensor]


class FrameInterpolator(Protocol):
    """Base frames as float RGB (T, 3, H, W) in 0..1 and N positions in 0..T-1 give (N, 3, H, W)."""

    def __call__(self, base: Tensor, positions: Sequence[float], check: CheckStopped) -> Tensor: ...


class AnyTime:
    """For networks that draw a batch of frames at any times."""

    def __init__(self, between: Between) -> None:
        self.between = between

    def __call__(self, base: Tensor, positions: Sequence[float], check: CheckStopped) -> Tensor:
        indexes = [min(int(position), len(base) - 1) for position in positions]
        offsets = [position - index for position, index in zip(positions, indexes, strict=True)]
        frames = base[indexes]
        missing = [i for i, offset in enumerate(offsets) if offset > 0]
        batch_size = max(1, BATCH_PIXELS // (base.shape[-1] * base.shape[-2]))
        for batch in (missing[i : i + batch_size] for i in range(0, len(missing), batch_size)):
            check()
            before = torch.tensor([indexes[i] for i in batch])
            times = torch.tensor([[offsets[i]] for i in batch], dtype=base.dtype, device=base.device)
            frames[batch] = self.between(base[before], base[before + 1], times)
        return frames


class Midpoints:
    """For networks that draw only the middle: other times are midpoints of midpoints, each drawn once."""

    def __init__(self, middle: Middle) -> None:
        self.middle = middle

    def __call__(self, base: Tensor, positions: Sequence[float], check: CheckStopped) -> Tensor:
        steps = 2**HALVINGS
        drawn = {i * steps: base[i : i + 1] for i in range(len(base))}
        return torch.cat([self._draw(round(position * steps), drawn, check) for position in positions])

    def _draw(self, wanted: int, drawn: dict[int, Tensor], check: CheckStopped) -> Tensor:
        """The frame at `wanted` 64ths of a base frame, by halving the interval around it."""
        half = 2**HALVINGS // 2
        left = wanted - wanted % (2 * half)
        while wanted not in drawn:
            if left + half not in drawn:
                check()
                drawn[left + half] = self.middle(drawn[left], drawn[left + 2 * half])
            left += half if wanted >= left + half else 0
            half //= 2
        return drawn[wanted]


def load(entry: InterpolatorModel, path: Path, device: str) -> FrameInterpolator:
    if entry.file_format == "saved-model":
        between = pad_to_multiple(_load_saved_model(path), entry.align)
        half = torch.tensor([[0.5]])
        return Midpoints(lambda first, second: between(first, second, half))
    return AnyTime(pad_to_multiple(_load_torchscript(path, device), entry.align))


def pad_to_multiple(between: Between, align: int) -> Between:
    """Wrap a network that needs sides of multiples of `align`: pad by repeating the edge, crop the result."""

    def padded(first: Tensor, second: Tensor, times: Tensor) -> Tensor:
        height, width = first.shape[-2:]
        padding = (0, -width % align, 0, -height % align)
        first, second = (functional.pad(frame, padding, mode="replicate") for frame in (first, second))
        return between(first, second, times)[..., :height, :width]

    return padded


def _load_torchscript(path: Path, device: str) -> Between:
    with warnings.catch_warnings():
        # torch deprecates TorchScript, but FILM is published in no newer format.
        warnings.simplefilter("ignore", DeprecationWarning)
        model = torch.jit.load(str(path), map_location=device).eval()
    return model.to(dtype_for(device))


def _load_saved_model(path: Path) -> Between:
    try:
        import tensorflow  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError as error:
        message = "FILM's SavedModel needs TensorFlow, which is not installed: install `film`, the TorchScript port"
        raise StageFailed("interpolate", message) from error
    model: Any = tensorflow.saved_model.load(str(path))

    def between(first: Tensor, second: Tensor, times: Tensor) -> Tensor:
        frames = [tensorflow.constant(x.float().permute(0, 2, 3, 1).cpu().numpy()) for x in (first, second)]
        time = tensorflow.fill((first.shape[0], 1), tensorflow.constant(float(times[0, 0]), tensorflow.float32))
        image = model({"x0": frames[0], "x1": frames[1], "time": time}, training=False)["image"]
        return torch.from_numpy(image.numpy()).permute(0, 3, 1, 2).to(first)

    return between
