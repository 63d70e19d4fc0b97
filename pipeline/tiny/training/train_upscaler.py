"""Train the two upscalers on frames drawn at both sizes, a third of the small ones reconstructed by the autoencoder.

    python -m pipeline.tiny.training.train_upscaler [--work .tiny-train] [--steps 3000] [--scale 2 4]

The loss is MSE on crops centred on edges. With L1 on random crops the network only learns the enlarged input.
"""

import math
import random
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.models.realesrgan import SRVGGNetCompact
from pipeline.tiny import clips, layout
from pipeline.tiny.training import loop, train_vae
from pipeline.tiny.training.loop import log
from pipeline.tiny.training.train_interpolator import reconstruct

NUM_FEAT, NUM_CONV = 32, 8
SCENES, FRAMES_EACH, SEED = 900, 2, 51
# CROP is the side of the small crop in pixels.
BATCH, CROP = 24, 20
LEARNING_RATE = 2e-3


def checkpoint(work: Path, scale: int) -> Path:
    return work / f"upscaler-x{scale}.pt"


def network(scale: int) -> SRVGGNetCompact:
    return SRVGGNetCompact(NUM_FEAT, NUM_CONV, scale)


def trained(work: Path, scale: int) -> SRVGGNetCompact:
    state = loop.load(checkpoint(work, scale))
    if state is None:
        raise FileNotFoundError(
            f"no trained x{scale} upscaler in {work}: run pipeline.tiny.training.train_upscaler first"
        )
    model = network(scale)
    model.load_state_dict(state["average"]["weights"])
    return model.eval().requires_grad_(False)


def pairs(work: Path, scale: int) -> tuple[list[NDArray[np.uint8]], NDArray[np.uint8]]:
    """Small frames (N, 64, 64, 3), drawn and reconstructed, and the same frames drawn at the larger size."""
    rng = random.Random(SEED)
    small: list[NDArray[np.uint8]] = []
    large: list[NDArray[np.uint8]] = []
    for i in range(SCENES):
        scene, picked = clips.random_scene(rng), rng.sample(range(clips.FRAMES), FRAMES_EACH)
        for side, drawn in ((clips.SIDE, small), (scale * clips.SIDE, large)):
            path = clips.track(scene, random.Random(SEED * 1_000_003 + i), side, side)
            few = clips.Track(path.x[picked], path.y[picked], path.radius[picked], path.angle[picked])
            drawn.append(clips.draw(scene, few, side, side))
    plain = np.concatenate(small)
    vae = train_vae.trained(work).to(memory_format=torch.channels_last)
    return [plain, reconstruct(vae, plain)], np.concatenate(large)


def edge_points(frames: NDArray[np.uint8]) -> list[NDArray[np.int64]]:
    """The pixels (K, 2) on the outline of the object, for each frame (H, W, 3)."""
    points = []
    for frame in frames.astype(np.int16):
        inside = np.abs(frame - frame[:1, :1]).max(-1) > 40
        edge = np.zeros_like(inside)
        edge[1:] |= inside[1:] != inside[:-1]
        edge[:, 1:] |= inside[:, 1:] != inside[:, :-1]
        points.append(np.argwhere(edge))
    return points


def crops(
    small: NDArray[np.uint8], large: NDArray[np.uint8], points: list[NDArray[np.int64]], rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Crops centred on edges: float (B, 3, 20, 20) and (B, 3, 20*scale, 20*scale) in 0..1, rotated and mirrored."""
    scale = large.shape[1] // small.shape[1]
    inputs: list[NDArray[np.uint8]] = []
    targets: list[NDArray[np.uint8]] = []
    for _ in range(BATCH):
        i = int(rng.integers(len(small)))
        y, x = points[i][rng.integers(len(points[i]))] - CROP // 2 + rng.integers(-3, 4, 2)
        y, x = (int(np.clip(v, 0, clips.SIDE - CROP)) for v in (y, x))
        turn, mirror = int(rng.integers(4)), bool(rng.integers(2))
        pair = (
            small[i, y : y + CROP, x : x + CROP],
            large[i, scale * y : scale * (y + CROP), scale * x : scale * (x + CROP)],
        )
        for part, crop in zip((inputs, targets), pair, strict=True):
            turned = np.rot90(crop, turn)
            part.append(np.ascontiguousarray(turned[:, ::-1] if mirror else turned))
    a, b = (torch.from_numpy(np.stack(part)).permute(0, 3, 1, 2).float() / 255 for part in (inputs, targets))
    return a, b


def train(work: Path, steps: int, scale: int) -> None:
    inputs, large = pairs(work, scale)
    points = edge_points(inputs[0])
    model = network(scale)
    torch.nn.init.zeros_(model.body[-1].bias)  # type: ignore[arg-type]
    with torch.no_grad():
        model.body[-1].weight.mul_(0.1)  # type: ignore[operator]
    optimiser = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.0, betas=(0.9, 0.99))
    average, step = loop.Average(model, 0.99), 0
    state = loop.load(checkpoint(work, scale))
    if state is not None:
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        average.restore(state["average"])
        step = state["step"]
    pace = loop.Pace()
    while step < steps:
        rng = np.random.default_rng((SEED, scale, step))
        x, target = crops(inputs[step % 3 == 0], large, points, rng)
        value = (model(x) - target).square().mean()
        rate = LEARNING_RATE * min(1.0, (step + 1) / 100)
        optimiser.param_groups[0]["lr"] = rate * 0.5 * (1 + math.cos(math.pi * step / steps))
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        average.update(model)
        step += 1
        if step % 250 == 0 or step == steps:
            log.info("upscaler x%d %d/%d loss %.5f, %.1f steps/s", scale, step, steps, value.item(), pace(step))
            loop.save(
                checkpoint(work, scale),
                step=step,
                model=model.state_dict(),
                average=average.state(),
                optimiser=optimiser.state_dict(),
            )


def main(argv: list[str] | None = None) -> None:
    options = loop.parser(__doc__)
    options.add_argument("--steps", type=int, default=3000)
    options.add_argument("--scale", type=int, nargs="+", choices=list(layout.UPSCALERS), default=list(layout.UPSCALERS))
    chosen = options.parse_args(argv)
    loop.start(chosen.work, chosen.threads, SEED)
    for scale in chosen.scale:
        train(chosen.work, chosen.steps, scale)


if __name__ == "__main__":
    main()
