"""FILM, twice: the TorchScript port takes any time between two frames, the published SavedModel only the middle.

Both become an `Interpolator`: base frames and positions in, frames out. Position 2.25 lies a quarter of the way from
base frame 2 to base frame 3; a whole number is the base frame itself.
"""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.errors import StageFailed
from pipeline.models.registry import Interpolator as Entry

HALVINGS: Final = 6  # midpoints of midpoints reach every 1/64, so no frame is further than 1/128 from its time
BATCH_PIXELS: Final = 4 * 512 * 512

Check = Callable[[], None]
Between = Callable[[Tensor, Tensor, Tensor], Tensor]
Middle = Callable[[Tensor, Tensor], Tensor]


class Interpolator(Protocol):
    """Base frames as float RGB (T, 3, H, W) in 0..1 and N positions in 0..T-1 give (N, 3, H, W)."""

    def __call__(self, base: Tensor, positions: Sequence[float], check: Check) -> Tensor: ...


def split(position: float, frames: int) -> tuple[int, float]:
    """The base frame before a position, and how far it is (0..1) to the next one."""
    before = min(int(position), frames - 1)
    return before, position - before


class AnyTime:
    """`between(x0, x1, dt)` draws a batch of frames at the times dt of shape (B, 1)."""

    def __init__(self, between: Between) -> None:
        self.between = between

    def __call__(self, base: Tensor, positions: Sequence[float], check: Check) -> Tensor:
        places = [split(position, len(base)) for position in positions]
        frames = base[[before for before, _ in places]]
        new = [i for i, (_, time) in enumerate(places) if time > 0]
        at_once = max(1, BATCH_PIXELS // (base.shape[-1] * base.shape[-2]))
        for some in (new[i : i + at_once] for i in range(0, len(new), at_once)):
            check()
            before = torch.tensor([places[i][0] for i in some])
            times = torch.tensor([[places[i][1]] for i in some], dtype=base.dtype, device=base.device)
            frames[some] = self.between(base[before], base[before + 1], times)
        return frames


class Midpoints:
    """`middle(x0, x1)` draws the frame half way; other times are midpoints of midpoints, each drawn once."""

    def __init__(self, middle: Middle) -> None:
        self.middle = middle

    def __call__(self, base: Tensor, positions: Sequence[float], check: Check) -> Tensor:
        steps = 2**HALVINGS
        drawn = {i * steps: base[i : i + 1] for i in range(len(base))}
        return torch.cat([self._at(round(position * steps), drawn, check) for position in positions])

    def _at(self, wanted: int, drawn: dict[int, Tensor], check: Check) -> Tensor:
        """The frame at `wanted` 64ths: the interval around it is halved until it is hit."""
        half = 2**HALVINGS // 2
        left = wanted - wanted % (2 * half)
        while wanted not in drawn:
            if left + half not in drawn:
                check()
                drawn[left + half] = self.middle(drawn[left], drawn[left + 2 * half])
            left += half if wanted >= left + half else 0
            half //= 2
        return drawn[wanted]


def aligned(between: Between, align: int) -> Between:
    """`between` for networks that need sides of multiples of `align`: pads by repeating the edge, and cuts."""

    def padded(first: Tensor, second: Tensor, times: Tensor) -> Tensor:
        height, width = first.shape[-2:]
        edge = (0, -width % align, 0, -height % align)
        first, second = (functional.pad(frame, edge, mode="replicate") for frame in (first, second))
        return between(first, second, times)[..., :height, :width]

    return padded


def load(entry: Entry, path: Path, device: str) -> Interpolator:
    if entry.kind == "saved-model":
        between = aligned(_saved_model(path), entry.align)
        half = torch.tensor([[0.5]])
        return Midpoints(lambda first, second: between(first, second, half))
    return AnyTime(aligned(_torchscript(path, device), entry.align))


def _torchscript(path: Path, device: str) -> Between:
    with warnings.catch_warnings():  # torch warns of every TorchScript file; FILM comes as nothing else
        warnings.simplefilter("ignore", DeprecationWarning)
        model = torch.jit.load(str(path), map_location=device).eval()
    return model.float() if torch.device(device).type == "cpu" else model.half()


def _saved_model(path: Path) -> Between:
    try:
        import tensorflow  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError as error:
        missing = "FILM's SavedModel needs TensorFlow, which is not installed: fetch `film`, the TorchScript port"
        raise StageFailed("interpolate", missing) from error
    model: Any = tensorflow.saved_model.load(str(path))

    def between(first: Tensor, second: Tensor, times: Tensor) -> Tensor:
        frames = [tensorflow.constant(x.float().permute(0, 2, 3, 1).cpu().numpy()) for x in (first, second)]
        time = tensorflow.fill((first.shape[0], 1), tensorflow.constant(float(times[0, 0]), tensorflow.float32))
        image = model({"x0": frames[0], "x1": frames[1], "time": time}, training=False)["image"]
        return torch.from_numpy(image.numpy()).permute(0, 3, 1, 2).to(first)

    return between
