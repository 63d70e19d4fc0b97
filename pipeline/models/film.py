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

# Recursive midpoints reach every 1/64, so each frame is at most 1/128 away from its exact time.
HALVINGS: Final = 6
# Pixels of input per call of the network.
BATCH_PIXELS: Final = 4 * 512 * 512

# Frames x0 and x1 (B, 3, H, W) and times (B, 1) in 0..1 to the frames between.
Between = Callable[[Tensor, Tensor, Tensor], Tensor]
# Frames x0 and x1 to the frames halfway.
Middle = Callable[[Tensor, Tensor], Tensor]


class FrameInterpolator(Protocol):
    """Base frames as float RGB (T, 3, H, W) in 0..1 and N positions in 0..T-1 give (N, 3, H, W).

    Batches are divided by `smaller`, which is raised after out of memory.
    """

    smaller: int

    def __call__(self, base: Tensor, positions: Sequence[float], check: CheckStopped) -> Tensor: ...


class AnyTime:
    """For networks that draw a batch of frames at any times."""

    def __init__(self, between: Between) -> None:
        self.between = between
        self.smaller = 1

    def __call__(self, base: Tensor, positions: Sequence[float], check: CheckStopped) -> Tensor:
        indexes = [min(int(position), len(base) - 1) for position in positions]
        offsets = [position - index for position, index in zip(positions, indexes, strict=True)]
        frames = base[indexes]
        missing = [i for i, offset in enumerate(offsets) if offset > 0]
        batch_size = max(1, BATCH_PIXELS // (self.smaller * base.shape[-1] * base.shape[-2]))
        for batch in (missing[i : i + batch_size] for i in range(0, len(missing), batch_size)):
            check()
            before = torch.tensor([indexes[i] for i in batch])
            times = torch.tensor([[offsets[i]] for i in batch], dtype=base.dtype, device=base.device)
            frames[batch] = self.between(base[before], base[before + 1], times)
        return frames


class Midpoints:
    """For networks that draw only the middle: other times are midpoints of midpoints, each drawn once.

    All midpoints of one level of halving are independent of each other and are drawn in batches.
    """

    def __init__(self, middle: Middle) -> None:
        self.middle = middle
        self.smaller = 1

    def __call__(self, base: Tensor, positions: Sequence[float], check: CheckStopped) -> Tensor:
        steps = 2**HALVINGS
        wanted = [round(position * steps) for position in positions]
        drawn = {i * steps: base[i : i + 1] for i in range(len(base))}
        batch_size = max(1, BATCH_PIXELS // (self.smaller * base.shape[-1] * base.shape[-2]))
        for half in (steps >> level for level in range(1, HALVINGS + 1)):
            missing = sorted(_midpoints(wanted, half) - drawn.keys())
            for batch in (missing[i : i + batch_size] for i in range(0, len(missing), batch_size)):
                check()
                first, second = (torch.cat([drawn[at + offset] for at in batch]) for offset in (-half, half))
                drawn |= zip(batch, self.middle(first, second).split(1), strict=True)
        return torch.cat([drawn[position] for position in wanted])


def _midpoints(wanted: Sequence[int], half: int) -> set[int]:
    """The midpoints of intervals of `2 * half` 64ths that contain a wanted position inside."""
    return {at - at % (2 * half) + half for at in wanted if at % (2 * half)}


def load(
    entry: InterpolatorModel, path: Path, device: str | torch.device, dtype: torch.dtype = torch.float32
) -> FrameInterpolator:
    """The interpolator in `path`. Raises StageFailed for a file that ignores the time or cannot draw batches."""
    if entry.file_format == "saved-model":
        between = pad_to_multiple(_load_saved_model(path), entry.align)
        return Midpoints(lambda first, second: between(first, second, torch.full((len(first), 1), 0.5)))
    if entry.half and dtype is torch.float16 and path.with_name(entry.half).exists():
        path = path.with_name(entry.half)
    network = _load_torchscript(path, device, dtype)
    _check_times(network, entry, torch.device(device), dtype)
    return AnyTime(pad_to_multiple(network, entry.align))


def _check_times(network: Between, entry: InterpolatorModel, device: torch.device, dtype: torch.dtype) -> None:
    """Draw two times between a black and a white frame. Older releases have the same file name and ignore the time."""
    black = torch.zeros((2, 3, entry.align, entry.align), device=device, dtype=dtype)
    times = torch.tensor([[0.25], [0.75]], device=device, dtype=dtype)
    message = f"the file of {entry.name} is from a release that {{}}: run `aura models pull {entry.name}`"
    try:
        with torch.inference_mode():
            early, late = network(black, black + 1, times)
    except (RuntimeError, torch.jit.Error) as error:
        raise StageFailed("interpolate", message.format("cannot draw batches")) from error
    if torch.equal(early, late):
        raise StageFailed("interpolate", message.format("ignores the requested time"))


def pad_to_multiple(between: Between, align: int) -> Between:
    """Wrap a network that needs sides of multiples of `align`: pad by repeating the edge, crop the result."""

    def padded(first: Tensor, second: Tensor, times: Tensor) -> Tensor:
        height, width = first.shape[-2:]
        padding = (0, -width % align, 0, -height % align)
        first, second = (functional.pad(frame, padding, mode="replicate") for frame in (first, second))
        return between(first, second, times)[..., :height, :width]

    return padded


def _load_torchscript(path: Path, device: str | torch.device, dtype: torch.dtype) -> Between:
    with warnings.catch_warnings():
        # torch deprecates TorchScript, but FILM is published in no newer format.
        warnings.simplefilter("ignore", DeprecationWarning)
        model = torch.jit.load(str(path), map_location=device).eval()
    return model.to(dtype)


def _load_saved_model(path: Path) -> Between:
    try:
        import tensorflow  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError as error:
        message = "FILM's SavedModel needs TensorFlow, which is not installed: install `film`, the TorchScript port"
        raise StageFailed("interpolate", message) from error
    model: Any = tensorflow.saved_model.load(str(path))

    def between(first: Tensor, second: Tensor, times: Tensor) -> Tensor:
        frames = [tensorflow.constant(x.float().permute(0, 2, 3, 1).cpu().numpy()) for x in (first, second)]
        time = tensorflow.constant(times.float().numpy())
        image = model({"x0": frames[0], "x1": frames[1], "time": time}, training=False)["image"]
        return torch.from_numpy(image.numpy()).permute(0, 3, 1, 2).to(first)

    return between
