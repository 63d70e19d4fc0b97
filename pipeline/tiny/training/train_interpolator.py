"""Train the frame interpolator on clips at four times the frame rate, half of them reconstructed by the autoencoder.

python -m pipeline.tiny.training.train_interpolator [--work .tiny-train] [--steps 2000]
"""

import math
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch import Tensor

from pipeline.tiny import clips
from pipeline.tiny.training import dataset, loop, networks, train_vae
from pipeline.tiny.training.film import TinyFilm
from pipeline.tiny.training.loop import log

CLIPS, RECONSTRUCTED, SEED = 600, 200, 41
# Drawn frames per frame of a clip.
FINE = 4
LENGTH = FINE * (clips.FRAMES - 1) + 1
BATCH = 16
LEARNING_RATE = 1.5e-3
MOVING_WEIGHT = 6.0


def checkpoint(work: Path) -> Path:
    return work / "interpolator.pt"


def trained(work: Path) -> TinyFilm:
    state = loop.load(checkpoint(work))
    if state is None:
        raise FileNotFoundError(
            f"no trained interpolator in {work}: run pipeline.tiny.training.train_interpolator first"
        )
    model = TinyFilm()
    model.load_state_dict(state["average"]["weights"])
    return model.eval().requires_grad_(False)


@torch.no_grad()
def reconstruct(vae: AutoencoderKL, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frames (N, H, W, 3) with the artefacts of the small generator: encoded and decoded by the autoencoder."""
    parts = []
    for start in range(0, len(frames), 64):
        pixels = networks.as_pixels(dataset.batch(frames[start : start + 64]))
        latents = vae.encode(pixels.contiguous(memory_format=torch.channels_last)).latent_dist.mean
        parts.append(networks.as_frames(vae.decode(latents).sample).numpy())
    return np.concatenate(parts)


def sources(work: Path) -> list[NDArray[np.uint8]]:
    """Fine clips (N, LENGTH, 64, 64, 3): drawn, and reconstructed."""
    drawn = dataset.pool(work, CLIPS, SEED, length=LENGTH).frames
    path = work / "reconstructed.npy"
    if not path.exists():
        vae = train_vae.trained(work).to(memory_format=torch.channels_last)
        reconstructed = np.stack([reconstruct(vae, drawn[i]) for i in range(RECONSTRUCTED)])
        np.save(path, reconstructed)
    return [drawn, np.load(path, mmap_mode="r")]


def triplets(frames: NDArray[np.uint8], rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Two neighbouring frames, the frame between, its time: three float (B, 3, H, W) in 0..1 and (B, 1)."""
    x0, x1, middle, times = [], [], [], []
    for _ in range(BATCH):
        clip = frames[rng.integers(len(frames))]
        start, between = FINE * int(rng.integers(clips.FRAMES - 1)), int(rng.integers(1, FINE))
        three = clip[[start, start + FINE, start + between]]
        # Half of them reversed in time, which adds motions that no scene has.
        if rng.random() < 0.5:
            three, between = three[[1, 0, 2]], FINE - between
        x0.append(three[0])
        x1.append(three[1])
        middle.append(three[2])
        times.append([between / FINE])
    images = [torch.from_numpy(np.stack(part)).permute(0, 3, 1, 2).float() / 255 for part in (x0, x1, middle)]
    return images[0], images[1], images[2], torch.tensor(times)


def loss(output: Tensor, x0: Tensor, x1: Tensor, target: Tensor) -> Tensor:
    """L1 and MSE, with a higher weight where the frames differ."""
    moving = (x0 - x1).abs().amax(1, keepdim=True).gt(0.05).float()
    weight = 1 + MOVING_WEIGHT * moving
    error = output - target
    return (weight * (error.abs() + 10 * error.square())).mean()


def train(work: Path, steps: int) -> None:
    pools = sources(work)
    model = TinyFilm()
    optimiser = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=1e-4, betas=(0.9, 0.99))
    average, step = loop.Average(model, 0.99), 0
    state = loop.load(checkpoint(work))
    if state is not None:
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        average.restore(state["average"])
        step = state["step"]
    pace = loop.Pace()
    while step < steps:
        rng = np.random.default_rng((SEED, step))
        x0, x1, target, times = triplets(pools[step % 2], rng)
        value = loss(model(x0, x1, times), x0, x1, target)
        rate = LEARNING_RATE * min(1.0, (step + 1) / 100)
        optimiser.param_groups[0]["lr"] = rate * 0.5 * (1 + math.cos(math.pi * step / steps))
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        average.update(model)
        step += 1
        if step % 250 == 0 or step == steps:
            log.info("interpolator %d/%d loss %.4f, %.1f steps/s", step, steps, value.item(), pace(step))
            loop.save(
                checkpoint(work),
                step=step,
                model=model.state_dict(),
                average=average.state(),
                optimiser=optimiser.state_dict(),
            )


def main(argv: list[str] | None = None) -> None:
    options = loop.parser(__doc__)
    options.add_argument("--steps", type=int, default=2000)
    chosen = options.parse_args(argv)
    loop.start(chosen.work, chosen.threads, SEED)
    train(chosen.work, chosen.steps)


if __name__ == "__main__":
    main()
