"""Train UNet and motion adapter together on latents of drawn clips.

    python -m pipeline.tiny.train_generator [--work .tiny-train] [--steps 3000]

Predicts x0. Each clip is first learned from 4 or 8 random frames of 16 at their true positions (several times the
clips a second), at the end from all 16; the last part mixes in oblong clips. Watch the x0 error at pure noise in the
log, with frames in order against frames out of order: motion shows minutes after that gap opens.
"""

import random
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, UNetMotionModel
from diffusers.models.embeddings import SinusoidalPositionalEmbedding
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from pipeline.tiny import clips, dataset, networks, train_text, train_vae, training
from pipeline.tiny.training import log

SEED = 31
# Side lengths (width, height), clips, seed.
SQUARE = (64, 64, 7_000, 11)
OBLONGS = ((80, 48, 600, 12), (48, 80, 600, 13))
# From this share of the run on: clips in a batch, frames of each. Few frames first: clips a second decide when motion
# comes, and the frames of a clip say much the same.
BATCHES = ((0.00, 48, 4), (0.40, 32, 8), (0.80, 20, clips.FRAMES))
MUON_RATE, ADAM_RATE = 5e-3, 2e-3
EMPTY_CAPTIONS = 0.10
OBJECT_WEIGHT = 5.0
# Shares of the run: when the learning rate starts to fall, timesteps turn to the middle, oblong clips join.
COOL_DOWN, MIDDLE_TIMES, OBLONG = 0.40, 0.35, 0.65
OBLONG_SHARE = 0.20
HARD_SHAPES = 0.90
TIMES_AS_OFTEN: dict[str, float] = {"circle": 1.0, "square": 1.5, "triangle": 1.0, "star": 3.0}
_EVERY = 50


def checkpoint(work: Path) -> Path:
    return work / "generator.pt"


@dataclass(frozen=True)
class Latents:
    """Encoded clips: values float16 (N, 16, 8, h, w), weight float32 (N, h, w) of mean 1 per clip."""

    scenes: list[clips.Scene]
    values: NDArray[np.float16]
    weight: Tensor


@torch.no_grad()
def encoded(work: Path, vae: AutoencoderKL, width: int, height: int, count: int, seed: int) -> Latents:
    """The latents of a pool, encoded once and kept under work."""
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
    """float (8, 8): latent errors times this are about as large as the pixel errors they decode to.

    Whitened latents give unseen details the weight of colour and outline; their effects differ by 200 to 1.
    A quarter of the plain metric stays, for the decoder is linear only nearby.
    """
    generator = torch.Generator().manual_seed(SEED)
    count, step = 64, 0.3
    chosen = np.linspace(0, len(latents.values) - 1, count).astype(int)
    clean = torch.from_numpy(np.stack([latents.values[i, i % clips.FRAMES] for i in chosen])).float()
    weight = latents.weight[chosen][:, None]
    on_object = weight.gt(weight.amin(dim=(2, 3), keepdim=True)).float()
    shape = on_object.shape
    signs = torch.randint(0, 2, shape, generator=generator).mul(2).sub(1) * on_object
    signs = signs * torch.rand(shape, generator=generator).lt(0.25)  # cells apart, so that effects do not overlap
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


class TruePositions(SinusoidalPositionalEmbedding):
    """Adds the positions of the frames that were chosen instead of 0, 1, 2 ...; training only."""

    chosen: Tensor | None = None  # int64 (B, frames)

    def forward(self, x: Tensor) -> Tensor:
        """Sequences (B * places, frames, channels), places of one clip in a row."""
        if self.chosen is None:
            return super().forward(x)
        added = self.pe[0, self.chosen]
        return x + added.repeat_interleave(len(x) // len(added), dim=0)


def with_true_positions(model: UNetMotionModel) -> list[TruePositions]:
    """Replace the position modules of the temporal attention in place."""
    replaced = []
    for module in model.modules():
        old = getattr(module, "pos_embed", None)
        if isinstance(old, SinusoidalPositionalEmbedding):
            new = TruePositions(old.pe.shape[-1], old.pe.shape[1])
            module.pos_embed = new
            replaced.append(new)
    return replaced


class Noise:
    """The scheduler's forward process and its timesteps for training."""

    def __init__(self) -> None:
        self.alphas = networks.scheduler().alphas_cumprod  # float32 (1000,)

    def add(self, clean: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        alpha = self.alphas[times][:, None, None, None, None]
        return alpha.sqrt() * clean + (1 - alpha).sqrt() * noise

    def weight(self, times: Tensor) -> Tensor:
        return 1 / (1 - self.alphas[times]).clamp(0.15, 1.0)

    def times(self, count: int, early: bool, generator: torch.Generator) -> Tensor:
        """Early: half of them high, where layout and motion are decided; then mostly 60..600, where shape is."""
        u, kind = torch.rand(count, generator=generator), torch.rand(count, generator=generator)
        uniform = 999 * torch.rand(count, generator=generator)
        high = torch.where(u < 0.08, torch.full_like(u, 999.0), 999 - 450 * u**1.5)
        middle = 60 + 540 * u
        chosen = torch.where(kind < 0.5, high, uniform) if early else torch.where(kind < 0.65, middle, uniform)
        if not early:
            chosen = torch.where(kind > 0.95, torch.full_like(u, 999.0), chosen)
        return chosen.round().long().clamp(0, 999)


def optimisers(model: nn.Module) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside, AdamW for ends, time embedding, biases and norms."""
    matrices: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        outer = name.startswith(("conv_in", "conv_out", "time_embedding"))
        (rest if outer or parameter.ndim < 2 else matrices).append(parameter)
    return [
        training.Muon(matrices, MUON_RATE),
        torch.optim.AdamW(rest, lr=ADAM_RATE, weight_decay=0.0, betas=(0.9, 0.99)),
    ]


class Run:
    """One training run that can stop and go on; its schedule follows the steps done, or the minutes where given."""

    def __init__(self, work: Path, steps: int, minutes: float = 0.0) -> None:
        self.work, self.steps, self.minutes = work, steps, minutes
        self.step, self.seconds = 0, 0.0
        words = train_text.tokenizer(work)
        self.words: CLIPTokenizer = words
        self.text: CLIPTextModel = train_text.trained(work, words)
        self.vae = train_vae.trained(work).to(memory_format=torch.channels_last)
        self.square = encoded(work, self.vae, *SQUARE)
        self.oblongs: list[Latents] = []  # encoded when first wanted: late
        self.metric = visible_metric(self.vae, self.square)
        self.noise = Noise()
        self.model = networks.motion_unet(networks.unet(), networks.motion_adapter())
        self.model.to(memory_format=torch.channels_last)
        self.positions = with_true_positions(self.model)
        self.optimisers = optimisers(self.model)
        self.average = training.Average(self.model, 0.99)
        self._resume()

    def _resume(self) -> None:
        state = training.load(checkpoint(self.work))
        if state is None:
            return
        self.step, self.seconds = state["step"], state["seconds"]
        self.model.load_state_dict(state["model"])
        self.average.restore(state["average"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        log.info("resumed at step %d", self.step)

    def save(self) -> None:
        training.save(
            checkpoint(self.work),
            step=self.step,
            seconds=self.seconds,
            model=self.model.state_dict(),
            average=self.average.state(),
            optimisers=[optimiser.state_dict() for optimiser in self.optimisers],
        )

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        return self.seconds / (60 * self.minutes) if self.minutes else self.step / self.steps

    def train(self) -> None:
        pace = training.Pace()
        losses: list[float] = []
        while self.progress < 1:
            begun = time.monotonic()
            losses.append(self._update())
            self.step += 1
            self.seconds += time.monotonic() - begun
            if self.step % _EVERY == 0 or self.progress >= 1:
                rate = pace(self.step)
                mean = sum(losses) / len(losses)
                losses = []
                log.info("generator %d (%.0f%%) loss %.4f, %.2f steps/s", self.step, 100 * self.progress, mean, rate)
                self.save()
            if self.step % (4 * _EVERY) == 0:
                ordered, shuffled = self.order_gap()
                log.info("x0 error at pure noise: ordered %.4f, shuffled %.4f", ordered, shuffled)

    def _update(self) -> float:
        rng = random.Random(SEED * 1_000_003 + self.step)
        generator = torch.Generator().manual_seed(SEED * 1_000_003 + self.step)
        for optimiser, rate in zip(self.optimisers, (MUON_RATE, ADAM_RATE), strict=True):
            cool = min(1.0, max(0.0, (1 - self.progress) / (1 - COOL_DOWN)))
            optimiser.param_groups[0]["lr"] = rate * cool * min(1.0, (self.step + 1) / 20)
        clean, hidden, weight, chosen = self._batch(rng, generator)
        times = self.noise.times(len(clean), self.progress < MIDDLE_TIMES, generator)
        noisy = self.noise.add(clean, torch.randn(clean.shape, generator=generator), times)
        output = self._predict(noisy, times, hidden, chosen)
        visible = torch.einsum("bfchw,cd->bfdhw", output - clean, self.metric)
        error = visible.square().mean(dim=(1, 2))  # (B, h, w)
        loss = ((error * weight).mean(dim=(1, 2)) * self.noise.weight(times)).mean()
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
        self.average.update(self.model)
        return loss.item()

    def _batch(self, rng: random.Random, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Latents (B, F, 8, h, w), text (B, 24, 128), weight (B, h, w), frame numbers (B, F)."""
        count, length = next((n, f) for start, n, f in reversed(BATCHES) if self.progress >= start)
        pool = self.square
        if self.progress >= OBLONG and rng.random() < OBLONG_SHARE:
            self.oblongs = self.oblongs or [encoded(self.work, self.vae, *oblong) for oblong in OBLONGS]
            pool = rng.choice(self.oblongs)
        picked = self._picked(pool, count, rng)
        clean = torch.from_numpy(pool.values[picked]).float()
        frames = torch.arange(clips.FRAMES).expand(count, -1)
        if length < clips.FRAMES:
            shuffled = torch.rand(count, clips.FRAMES, generator=generator).argsort(dim=1)
            frames = shuffled[:, :length].sort(dim=1).values
            clean = clean[torch.arange(count)[:, None], frames]
        texts = ["" if rng.random() < EMPTY_CAPTIONS else clips.caption(pool.scenes[i], rng).text for i in picked]
        return clean, self._hidden(texts), pool.weight[picked], frames

    def _picked(self, pool: Latents, count: int, rng: random.Random) -> list[int]:
        """Numbers of the clips of a batch: at the very end more of the shapes that are learned last."""
        if self.progress < HARD_SHAPES:
            return rng.sample(range(len(pool.scenes)), count)
        return rng.choices(range(len(pool.scenes)), [TIMES_AS_OFTEN[scene.shape] for scene in pool.scenes], k=count)

    @torch.no_grad()
    def _hidden(self, texts: list[str]) -> Tensor:
        return self.text(train_text.token_ids(self.words, texts)).last_hidden_state

    def _predict(self, noisy: Tensor, times: Tensor, hidden: Tensor, chosen: Tensor | None) -> Tensor:
        """Latents (B, F, 8, h, w) -> predicted clean ones of the same shape."""
        for position in self.positions:
            position.chosen = chosen
        frames = noisy.shape[1]
        text = hidden.repeat_interleave(frames, dim=0)
        return self.model(noisy.transpose(1, 2), times, text).sample.transpose(1, 2)

    @torch.no_grad()
    def order_gap(self, count: int = 16) -> tuple[float, float]:
        """x0 error at pure noise, frames in order and out of order, on fixed training clips."""
        pool = self.square
        rng, generator = random.Random(5), torch.Generator().manual_seed(5)
        picked = rng.sample(range(len(pool.scenes)), count)
        clean = torch.from_numpy(pool.values[picked]).float()
        noise = torch.randn(clean.shape, generator=generator)
        hidden = self._hidden([clips.prompt(pool.scenes[i]) for i in picked])
        output = self._predict(noise, torch.full((count,), 999), hidden, None)
        shuffled = clean[:, torch.randperm(clips.FRAMES, generator=generator)]
        return (output - clean).square().mean().item(), (output - shuffled).square().mean().item()


def main(argv: list[str] | None = None) -> None:
    options = training.parser(__doc__)
    options.add_argument("--steps", type=int, default=3000)
    options.add_argument("--minutes", type=float, default=0.0, help="end after so much time instead of --steps")
    chosen = options.parse_args(argv)
    training.start(chosen.work, chosen.threads, SEED)
    Run(chosen.work, chosen.steps, chosen.minutes).train()


if __name__ == "__main__":
    main()
