"""The latents of drawn clips, and a metric that weighs latent errors like the pixel errors they cause."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch import Tensor

from pipeline.tiny import clips
from pipeline.tiny.training import dataset, networks
from pipeline.tiny.training.loop import log

# Seed of the perturbations of the metric.
SEED = 31
OBJECT_WEIGHT = 5.0


@dataclass(frozen=True)
class Latents:
    """Encoded clips: values float16 (N, 16, 8, h, w), weight float32 (N, h, w) with mean 1 per clip."""

    scenes: list[clips.Scene]
    values: NDArray[np.float16]
    weight: Tensor


@torch.no_grad()
def encode_pool(work: Path, vae: AutoencoderKL, width: int, height: int, count: int, seed: int) -> Latents:
    """The latents of a pool, encoded once and cached in `work`."""
    drawn = dataset.pool(work, count, seed, width, height)
    path = work / f"latents-{width}x{height}-{count}-{seed}.npy"
    if not path.exists():
        partial = path.with_suffix(".partial")
        shape = (count, clips.FRAMES, networks.LATENT_CHANNELS, height // 8, width // 8)
        values = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float16, shape=shape)
        for i in range(count):
            pixels = networks.as_pixels(dataset.batch(drawn.frames[i])).contiguous(memory_format=torch.channels_last)
            values[i] = vae.encode(pixels).latent_dist.mean.numpy()
        values.flush()
        partial.replace(path)
        log.info("encoded %d clips of %dx%d", count, width, height)
    masks = torch.from_numpy(dataset.cell_mask(drawn.frames)).float()
    weight = 1 + OBJECT_WEIGHT * masks
    weight = weight / weight.mean(dim=(1, 2), keepdim=True)
    return Latents(drawn.scenes, np.load(path), weight)


@torch.no_grad()
def visible_metric(vae: AutoencoderKL, latents: Latents) -> Tensor:
    """float (8, 8): latent errors multiplied by this are about as large as the pixel errors they decode to.

    All channels of whitened latents have the same variance, but their effects on pixels differ by 200 to 1.
    A quarter of the unchanged metric is mixed in, because the decoder is linear only for small errors.
    """
    generator = torch.Generator().manual_seed(SEED)
    count, step = 64, 0.3
    chosen = np.linspace(0, len(latents.values) - 1, count).astype(int)
    clean = torch.from_numpy(np.stack([latents.values[i, i % clips.FRAMES] for i in chosen])).float()
    weight = latents.weight[chosen][:, None]
    on_object = weight.gt(weight.amin(dim=(2, 3), keepdim=True)).float()
    shape = on_object.shape
    signs = torch.randint(0, 2, shape, generator=generator).mul(2).sub(1) * on_object
    # A sparse selection of cells, so that their effects do not overlap.
    signs = signs * torch.rand(shape, generator=generator).lt(0.25)
    plain = vae.decode(clean).sample
    effects = []
    for channel in range(networks.LATENT_CHANNELS):
        moved = clean.clone()
        moved[:, channel : channel + 1] += step * signs
        effects.append((vae.decode(moved).sample - plain).flatten())
    together = torch.stack(effects)
    gram = (together @ together.T).double()
    size = networks.LATENT_CHANNELS
    gram = 0.75 * size * gram / gram.trace() + 0.25 * torch.eye(size, dtype=torch.float64)
    values, vectors = torch.linalg.eigh(gram)
    return (vectors * values.sqrt()).float()
