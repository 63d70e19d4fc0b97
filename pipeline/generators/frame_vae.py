"""Decoding latents with a VAE for single frames, in batches."""

from collections.abc import Iterator
from typing import Any, Final

import torch
from torch import Tensor

from pipeline.clip import Frames
from pipeline.contract.errors import CheckStopped
from pipeline.models.fit import Fit
from pipeline.models.tensors import to_frames

# As many as diffusers decodes at once: batches of another size differ in the last bit.
MAX_FRAMES: Final = 16


def decode_frames(pipeline: Any, latents: Tensor, fit: Fit, check: CheckStopped) -> Iterator[Frames]:
    """Latents (1, C, T, h, w) to uint8 (t, H, W, 3) in batches of at most `fit.decoded_pixels`.

    A VAE that overflows in half precision (`force_upcast`) decodes in single precision.
    """
    vae = pipeline.vae
    original = vae.dtype
    upcast = original == torch.float16 and vae.config.force_upcast
    if upcast:
        vae.to(torch.float32)
    frames = (1 / vae.config.scaling_factor * latents)[0].transpose(0, 1).to(vae.dtype)
    pixels = frames.shape[-1] * frames.shape[-2] * pipeline.vae_scale_factor**2
    try:
        for batch in frames.split(min(MAX_FRAMES, max(1, fit.decoded_pixels // pixels))):
            check()
            yield to_frames(vae.decode(batch).sample.float().div(2).add(0.5))
    finally:
        if upcast:
            vae.to(original)
