"""Train the autoencoder: first completely, then whiten its latents, then only the decoder with a frozen encoder.

python -m pipeline.tiny.training.train_vae [--work .tiny-train] [--whole 4250] [--decoder 1500]
"""

import math
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch import Tensor

from pipeline.tiny import clips
from pipeline.tiny.training import dataset, loop, networks
from pipeline.tiny.training.loop import log

CLIPS, SEED = 7_000, 11
LEARNING_RATE = 1.5e-3
OBJECT_WEIGHT = 4.0
# Added to the latents, so that the decoder tolerates the small errors of diffusion.
LATENT_NOISE = 0.08
_EVERY = 250


def checkpoint(work: Path) -> Path:
    return work / "vae.pt"


def trained(work: Path) -> AutoencoderKL:
    """The autoencoder of the latest checkpoint with averaged weights, in evaluation mode."""
    state = loop.load(checkpoint(work))
    if state is None:
        raise FileNotFoundError(f"no trained autoencoder in {work}: run pipeline.tiny.training.train_vae first")
    vae = networks.autoencoder()
    vae.load_state_dict(state["average"]["weights"])
    return vae.eval().requires_grad_(False)


def reconstruction_loss(output: Tensor, target: Tensor, edges: float) -> Tensor:
    """L1 + MSE (+ edge term) with a higher weight on the object, mean weight 1. Both (N, 3, H, W) in -1..1."""
    weight = 1 + OBJECT_WEIGHT * dataset.object_mask(target)
    weight = weight / weight.mean(dim=(2, 3), keepdim=True)
    error = output - target
    loss = (weight * (error.abs() + error.square())).mean()
    if edges:
        across = (weight[..., 1:] * (error[..., 1:] - error[..., :-1]).abs()).mean()
        along = (weight[..., 1:, :] * (error[..., 1:, :] - error[..., :-1, :]).abs()).mean()
        loss = loss + edges * (across + along)
    return loss


@torch.no_grad()
def whiten(vae: AutoencoderKL, frames: NDArray[np.uint8]) -> None:
    """Give the latents zero mean and unit covariance, folded into quant_conv and post_quant_conv."""
    sample = networks.as_pixels(dataset.batch(frames))
    latents = torch.cat([vae.encode(part).latent_dist.mean for part in sample.split(64)])
    flat = latents.permute(0, 2, 3, 1).reshape(-1, networks.LATENT_CHANNELS).double()
    mean = flat.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov((flat - mean).T))
    spread = values.clamp_min(1e-8).sqrt()
    forth = (vectors / spread) @ vectors.T
    back = (vectors * spread) @ vectors.T
    count = networks.LATENT_CHANNELS
    quant, post = vae.quant_conv, vae.post_quant_conv
    kernel, bias = quant.weight[:count, :, 0, 0].double(), quant.bias[:count].double()
    quant.weight[:count] = (forth @ kernel).float()[..., None, None]
    quant.bias[:count] = (forth @ (bias - mean)).float()
    kernel = post.weight[:, :, 0, 0].double()
    post.bias += (kernel @ mean).float()
    post.weight.copy_((kernel @ back).float()[..., None, None])
    # Only the mean of the encoder is used; a sampled latent must equal it.
    quant.weight[count:] = 0
    quant.bias[count:] = -20.0


class Run:
    """A resumable training run."""

    def __init__(self, work: Path, whole: int, decoder: int, size: int) -> None:
        self.work, self.whole, self.total, self.size = work, whole, whole + decoder, size
        self.vae = networks.autoencoder().to(memory_format=torch.channels_last)
        self.average = loop.Average(self.vae, 0.995)
        self.step = 0
        self.optimiser = self._new_optimiser()
        self._resume()

    def _resume(self) -> None:
        state = loop.load(checkpoint(self.work))
        if state is None:
            return
        self.step = state["step"]
        # At exactly `whole` steps the decoder phase has not begun.
        if self.step > self.whole:
            self._freeze_encoder()
        self.vae.load_state_dict(state["model"])
        self.average.restore(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        log.info("resumed at step %d", self.step)

    def _freeze_encoder(self) -> None:
        self.vae.encoder.requires_grad_(False)
        self.vae.quant_conv.requires_grad_(False)
        self.optimiser = self._new_optimiser()

    def _new_optimiser(self) -> torch.optim.Optimizer:
        trainable = [p for p in self.vae.parameters() if p.requires_grad]
        return torch.optim.AdamW(trainable, lr=LEARNING_RATE, weight_decay=1e-4, betas=(0.9, 0.99))

    def _save(self) -> None:
        loop.save(
            checkpoint(self.work),
            step=self.step,
            model=self.vae.state_dict(),
            average=self.average.state(),
            optimiser=self.optimiser.state_dict(),
        )

    def _rate(self) -> float:
        """Warm-up, then cosine decay to 2 %, in each of the two phases."""
        first = self.step < self.whole
        begin, end = (0, self.whole) if first else (self.whole, self.total)
        done = (self.step - begin) / max(end - begin, 1)
        warm = min(1.0, (self.step - begin + 1) / 50)
        return LEARNING_RATE * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))

    def train(self, frames: NDArray[np.uint8]) -> None:
        """Train on frames, uint8 (N, 64, 64, 3)."""
        pace = loop.Pace()
        recent: list[float] = []
        while self.step < self.total:
            if self.step == self.whole and self.vae.encoder.conv_in.weight.requires_grad:
                self._begin_decoder_phase(frames)
            # The batch depends only on the step, so an interrupted run continues with the same data.
            rng = np.random.default_rng((SEED, self.step))
            chosen = np.sort(rng.choice(len(frames), self.size, replace=False))
            recent.append(self._update(networks.as_pixels(dataset.batch(frames[chosen]))))
            self.step += 1
            if self.step % _EVERY == 0 or self.step == self.total:
                mean = sum(recent) / len(recent)
                log.info("vae %d/%d loss %.4f, %.1f steps/s", self.step, self.total, mean, pace(self.step))
                recent = []
                self._save()

    def _begin_decoder_phase(self, frames: NDArray[np.uint8]) -> None:
        self.vae.load_state_dict(self.average.weights)
        whiten(self.vae, frames[:: max(1, len(frames) // 2000)])
        self._freeze_encoder()
        self.average = loop.Average(self.vae, 0.995)

    def _update(self, pixels: Tensor) -> float:
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        decoder_only = self.step >= self.whole
        with torch.set_grad_enabled(not decoder_only):
            latents = self.vae.encode(pixels).latent_dist.mean
        if decoder_only:
            latents = latents + LATENT_NOISE * torch.randn_like(latents)
        loss = reconstruction_loss(self.vae.decode(latents).sample, pixels, 0.5 if decoder_only else 0.0)
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for p in self.vae.parameters() if p.requires_grad], 1.0)
        self.optimiser.step()
        self.average.update(self.vae)
        return loss.item()


def main(argv: list[str] | None = None) -> None:
    options = loop.parser(__doc__)
    options.add_argument("--whole", type=int, default=4250, help="steps for encoder and decoder together")
    options.add_argument("--decoder", type=int, default=1500, help="steps for the decoder only")
    options.add_argument("--batch", type=int, default=8)
    chosen = options.parse_args(argv)
    loop.start(chosen.work, chosen.threads, SEED)
    frames = dataset.pool(chosen.work, CLIPS, SEED).frames
    Run(chosen.work, chosen.whole, chosen.decoder, chosen.batch).train(frames.reshape(-1, clips.SIDE, clips.SIDE, 3))


if __name__ == "__main__":
    main()
