"""Seamless loops: the frames are rolled between the steps, so the model sees the seam at every place of the clip."""

from typing import Final

from torch import Tensor

# The share of the clip by which it is rolled after each step.
SHIFTED_SHARE: Final = 3 / 8


class LatentShift:
    """Rolls latents along their frames, and back. `frames` is the dimension of the frames."""

    def __init__(self, frames: int) -> None:
        self._dimension, self._shifted = frames, 0

    def roll(self, latents: Tensor) -> Tensor:
        shift = max(1, int(latents.shape[self._dimension] * SHIFTED_SHARE))
        self._shifted += shift
        return latents.roll(shift, self._dimension)

    def restore(self, latents: Tensor) -> Tensor:
        """The frames in their original order."""
        return latents.roll(-self._shifted, self._dimension)
