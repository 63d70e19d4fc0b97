"""The colours of latents without the VAE: a linear projection, fitted once to the VAE of a model."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import torch
from diffusers import AutoencoderKL, AutoencoderKLTemporalDecoder
from torch import Tensor
from torch.nn import functional

# Images that the projection is fitted to, and the sides of their latents.
IMAGES: Final = 6
LATENT_SIDE: Final = 8
# Added to the variance of each channel, as a share of the mean: keeps channels without colour out of the projection.
RIDGE: Final = 1e-3
# VAEs for single frames. The others take videos.
FRAME_VAES: Final = (AutoencoderKL, AutoencoderKLTemporalDecoder)


@dataclass(frozen=True, slots=True)
class Projection:
    """`factors` (C, 3) and `offset` (3,): from the channels of latents to red, green and blue in -1..1."""

    factors: Tensor
    offset: Tensor

    def __call__(self, latents: Tensor) -> Tensor:
        """Latents (1, C, T, h, w) as the denoiser works on them, to RGB (T, 3, h, w) in 0..1."""
        factors, offset = (tensor.to(latents.device) for tensor in (self.factors, self.offset))
        colours = torch.einsum("ctyx,cr->tryx", latents[0].float(), factors) + offset.view(3, 1, 1)
        return colours.div(2).add(0.5).clamp(0, 1)


@torch.no_grad()
def fit(pipeline: Any, device: torch.device) -> Projection:
    """The least squares of what the VAE decodes on its latents of smooth colourful images."""
    vae = pipeline.vae
    dtype, place = vae.dtype, vae.device
    side = LATENT_SIDE * spatial_compression(pipeline)
    # The first latent frame of a VAE for videos stands for one frame, the second one for several.
    frames = 1 + temporal_compression(pipeline)
    vae.to(device)
    if dtype != torch.float32:
        # Some VAEs overflow in half precision.
        vae.to(torch.float32)
    try:
        pairs = [_encode_and_decode(vae, image.to(device), frames) for image in smooth_images(side)]
    finally:
        vae.to(place)
        if dtype != torch.float32:
            vae.to(dtype)
    latents, colours = (torch.cat(tensors).double().cpu() for tensors in zip(*pairs, strict=True))
    factors, offset = _least_squares(latents, colours)
    scale, shift = normalisation(vae)
    return Projection((scale[:, None] * factors).float(), (shift @ factors + offset).float())


def spatial_compression(pipeline: Any) -> int:
    """Pixels per latent along a side."""
    names = ("vae_scale_factor", "vae_scale_factor_spatial", "vae_spatial_compression_ratio")
    return int(next(getattr(pipeline, name) for name in names if hasattr(pipeline, name)))


def temporal_compression(pipeline: Any) -> int:
    """Frames per latent frame; 1 without one."""
    names = ("vae_scale_factor_temporal", "vae_temporal_compression_ratio")
    return int(next((getattr(pipeline, name) for name in names if hasattr(pipeline, name)), 1))


def normalisation(vae: Any) -> tuple[Tensor, Tensor]:
    """Per channel the scale and the shift from the latents of the denoiser to those of the VAE."""
    mean, std = (getattr(vae, name, None) for name in ("latents_mean", "latents_std"))
    if mean is None:
        mean, std = (getattr(vae.config, name, None) for name in ("latents_mean", "latents_std"))
    # The pipelines of frame VAEs ignore mean and deviation.
    if mean is None or isinstance(vae, FRAME_VAES):
        channels = getattr(vae.config, "latent_channels", None) or vae.config.z_dim
        mean, std = torch.zeros(channels), torch.ones(channels)
    mean, std = (torch.as_tensor(values, dtype=torch.float64, device="cpu") for values in (mean, std))
    return std / (getattr(vae.config, "scaling_factor", None) or 1.0), mean


def smooth_images(side: int) -> Iterator[Tensor]:
    """RGB (3, side, side) in -1..1: colours drawn at random, blended into each other; the same in every run."""
    generator = torch.Generator().manual_seed(0)
    for index in range(IMAGES):
        cells = torch.rand((1, 3, 2 + index, 2 + index), generator=generator) * 2 - 1
        yield functional.interpolate(cells, (side, side), mode="bilinear")[0]


def _encode_and_decode(vae: Any, image: Tensor, frames: int) -> tuple[Tensor, Tensor]:
    """The latents (N, C) of an image, and the mean colours (N, 3) that the VAE decodes at their places."""
    if isinstance(vae, FRAME_VAES):
        found = vae.encode(image[None]).latent_dist.mode()
        options = {} if isinstance(vae, AutoencoderKL) else {"num_frames": 1}
        latents, decoded = found[:, :, None], vae.decode(found, **options).sample[:, :, None]
    else:
        latents = vae.encode(image[None, :, None].expand(-1, -1, frames, -1, -1)).latent_dist.mode()
        times = (latents.new_zeros(1),) if getattr(vae.config, "timestep_conditioning", False) else ()
        decoded = vae.decode(latents, *times).sample
    colours = functional.adaptive_avg_pool3d(decoded, latents.shape[2:])
    return latents[0].flatten(1).T, colours[0].flatten(1).T


def _least_squares(latents: Tensor, colours: Tensor) -> tuple[Tensor, Tensor]:
    """Ridge regression of colours (N, 3) on latents (N, C): factors (C, 3) and offset (3,)."""
    mean, middle = latents.mean(0), colours.mean(0)
    centred = latents - mean
    covariance = centred.T @ centred
    ridge = RIDGE * covariance.diagonal().mean() * torch.eye(len(covariance), dtype=covariance.dtype)
    factors = torch.linalg.solve(covariance + ridge, centred.T @ (colours - middle))
    return factors, middle - mean @ factors
