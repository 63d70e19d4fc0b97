"""Train UNet and motion adapter together on latents of drawn clips.

    python -m pipeline.tiny.training.train_generator [--work .tiny-train] [--steps 3000]

The model predicts x0. Most of the run uses 4 or 8 random frames of each clip at their true positions, which processes
several times more clips per second; the end uses all 16 frames. The last part adds oblong clips. The log compares the
x0 error at pure noise for ordered and shuffled frames: motion appears minutes after the two begin to differ.
"""

import random
import time
from pathlib import Path

import torch
from diffusers import UNetMotionModel
from diffusers.models.embeddings import SinusoidalPositionalEmbedding
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from pipeline.tiny import clips
from pipeline.tiny.training import loop, networks, train_text, train_vae
from pipeline.tiny.training.latents import Latents, encode_pool, visible_metric
from pipeline.tiny.training.loop import log

SEED = 31
# Side lengths (width, height), clips, seed.
SQUARE = (64, 64, 7_000, 11)
OBLONGS = ((80, 48, 600, 12), (48, 80, 600, 13))
# From this share of the run: clips per batch, frames per clip. Few frames first: motion is learned from many clips, and
# the frames of one clip are redundant.
BATCHES = ((0.00, 48, 4), (0.40, 32, 8), (0.80, 20, clips.FRAMES))
MUON_RATE, ADAM_RATE = 5e-3, 2e-3
EMPTY_CAPTIONS = 0.10
# Shares of the run: the learning rate starts to fall, timesteps concentrate on the middle, oblong clips are added.
COOL_DOWN, MIDDLE_TIMES, OBLONG = 0.40, 0.35, 0.65
OBLONG_SHARE = 0.20
# From this share of the run, shapes are sampled with the weights below.
HARD_SHAPES = 0.90
SHAPE_WEIGHTS: dict[str, float] = {"circle": 1.0, "square": 1.5, "triangle": 1.0, "star": 3.0}
_EVERY = 50


def checkpoint(work: Path) -> Path:
    return work / "generator.pt"


class TruePositions(SinusoidalPositionalEmbedding):
    """Adds the true positions of the chosen frames instead of 0, 1, 2 .... For training only."""

    chosen: Tensor | None = None  # int64 (B, frames)

    def forward(self, x: Tensor) -> Tensor:
        """Sequences (B * cells, frames, channels), with the cells of a clip contiguous."""
        if self.chosen is None:
            return super().forward(x)
        added = self.pe[0, self.chosen]
        return x + added.repeat_interleave(len(x) // len(added), dim=0)


def with_true_positions(model: UNetMotionModel) -> list[TruePositions]:
    """Replace the position modules of the temporal attention of a model."""
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
        # float32 (1000,)
        self.alphas = networks.scheduler().alphas_cumprod

    def add(self, clean: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        alpha = self.alphas[times][:, None, None, None, None]
        return alpha.sqrt() * clean + (1 - alpha).sqrt() * noise

    def weight(self, times: Tensor) -> Tensor:
        return 1 / (1 - self.alphas[times]).clamp(0.15, 1.0)

    def times(self, count: int, early: bool, generator: torch.Generator) -> Tensor:
        """Early: half of them high, which determine layout and motion. Later: mostly 60..600, which determine shape."""
        u, kind = torch.rand(count, generator=generator), torch.rand(count, generator=generator)
        uniform = 999 * torch.rand(count, generator=generator)
        high = torch.where(u < 0.08, torch.full_like(u, 999.0), 999 - 450 * u**1.5)
        middle = 60 + 540 * u
        chosen = torch.where(kind < 0.5, high, uniform) if early else torch.where(kind < 0.65, middle, uniform)
        if not early:
            chosen = torch.where(kind > 0.95, torch.full_like(u, 999.0), chosen)
        return chosen.round().long().clamp(0, 999)


def optimisers(model: nn.Module) -> list[torch.optim.Optimizer]:
    """Muon for the inner matrices; AdamW for the first and last layer, time embedding, biases and norms."""
    matrices: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        outer = name.startswith(("conv_in", "conv_out", "time_embedding"))
        (rest if outer or parameter.ndim < 2 else matrices).append(parameter)
    return [
        loop.Muon(matrices, MUON_RATE),
        torch.optim.AdamW(rest, lr=ADAM_RATE, weight_decay=0.0, betas=(0.9, 0.99)),
    ]


class Run:
    """A resumable training run. Its schedule follows the completed steps, or the elapsed minutes if given."""

    def __init__(self, work: Path, steps: int, minutes: float = 0.0) -> None:
        self.work, self.steps, self.minutes = work, steps, minutes
        self.step, self.seconds = 0, 0.0
        words = train_text.tokenizer(work)
        self.words: CLIPTokenizer = words
        self.text: CLIPTextModel = train_text.trained(work, words)
        self.vae = train_vae.trained(work).to(memory_format=torch.channels_last)
        self.square = encode_pool(work, self.vae, *SQUARE)
        # Encoded when first used, late in the run.
        self.oblongs: list[Latents] = []
        self.metric = visible_metric(self.vae, self.square)
        self.noise = Noise()
        self.model = networks.motion_unet(networks.unet(), networks.motion_adapter())
        self.model.to(memory_format=torch.channels_last)
        self.positions = with_true_positions(self.model)
        self.optimisers = optimisers(self.model)
        self.average = loop.Average(self.model, 0.99)
        self._resume()

    def _resume(self) -> None:
        state = loop.load(checkpoint(self.work))
        if state is None:
            return
        self.step, self.seconds = state["step"], state["seconds"]
        self.model.load_state_dict(state["model"])
        self.average.restore(state["average"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        log.info("resumed at step %d", self.step)

    def save(self) -> None:
        loop.save(
            checkpoint(self.work),
            step=self.step,
            seconds=self.seconds,
            model=self.model.state_dict(),
            average=self.average.state(),
            optimisers=[optimiser.state_dict() for optimiser in self.optimisers],
        )

    @property
    def progress(self) -> float:
        """Completed share of the run."""
        return self.seconds / (60 * self.minutes) if self.minutes else self.step / self.steps

    def train(self) -> None:
        pace = loop.Pace()
        losses: list[float] = []
        while self.progress < 1:
            started = time.monotonic()
            losses.append(self._update())
            self.step += 1
            self.seconds += time.monotonic() - started
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
        """Latents (B, F, 8, h, w), text (B, 24, 128), weight (B, h, w), frame indexes (B, F)."""
        count, length = next((n, f) for start, n, f in reversed(BATCHES) if self.progress >= start)
        pool = self.square
        if self.progress >= OBLONG and rng.random() < OBLONG_SHARE:
            self.oblongs = self.oblongs or [encode_pool(self.work, self.vae, *oblong) for oblong in OBLONGS]
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
        """Indexes of the clips of a batch. The end of the run samples more of the shapes that are learned last."""
        if self.progress < HARD_SHAPES:
            return rng.sample(range(len(pool.scenes)), count)
        return rng.choices(range(len(pool.scenes)), [SHAPE_WEIGHTS[scene.shape] for scene in pool.scenes], k=count)

    @torch.no_grad()
    def _hidden(self, texts: list[str]) -> Tensor:
        return self.text(train_text.token_ids(self.words, texts)).last_hidden_state

    def _predict(self, noisy: Tensor, times: Tensor, hidden: Tensor, chosen: Tensor | None) -> Tensor:
        """Noisy latents (B, F, 8, h, w) to predicted clean ones of the same shape."""
        for position in self.positions:
            position.chosen = chosen
        frames = noisy.shape[1]
        text = hidden.repeat_interleave(frames, dim=0)
        return self.model(noisy.transpose(1, 2), times, text).sample.transpose(1, 2)

    @torch.no_grad()
    def order_gap(self, count: int = 16) -> tuple[float, float]:
        """x0 error at pure noise for ordered and shuffled frames, on fixed training clips."""
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
    options = loop.parser(__doc__)
    options.add_argument("--steps", type=int, default=3000)
    options.add_argument("--minutes", type=float, default=0.0, help="duration of the run, instead of --steps")
    chosen = options.parse_args(argv)
    loop.start(chosen.work, chosen.threads, SEED)
    Run(chosen.work, chosen.steps, chosen.minutes).train()


if __name__ == "__main__":
    main()
