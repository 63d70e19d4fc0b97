"""Previews of a run: a few small frames of its latents as an animated WebP."""

from typing import Final

import torch
from torch import Tensor

from pipeline.clip import Frames
from pipeline.encoders import webp

# Previews per run, without the one of the last step.
PREVIEWS: Final = 6
PREVIEW_FRAMES: Final = 8
PREVIEW_BYTES: Final = 64_000
PREVIEW_SIDE: Final = 256

# Contribution of each of the four latent channels of Stable Diffusion 1.x to red, green and blue in -1..1.
# A least-squares fit of frames to their latents, for previews only.
LATENT_TO_RGB: Final = (
    (0.298, 0.207, 0.208),
    (0.187, 0.286, 0.173),
    (-0.158, 0.189, 0.264),
    (-0.184, -0.271, -0.473),
)


def choose_frames(count: int) -> list[int]:
    """The indexes of the frames of a preview."""
    return list(webp.spread(count, PREVIEW_FRAMES))


def approximate_rgb(latents: Tensor) -> Tensor:
    """Latents (1, 4, T, h, w) of Stable Diffusion 1.x to RGB (T, 3, h, w) in 0..1, without the VAE."""
    factors = torch.tensor(LATENT_TO_RGB, device=latents.device)
    return torch.einsum("ctyx,cr->tryx", latents[0].float(), factors).div(2).add(0.5).clamp(0, 1)


def encode(frames: Frames, fps: float) -> bytes:
    return webp.encode_animation(frames, fps, PREVIEW_BYTES, PREVIEW_SIDE)
