"""Measure a set of weights on held-out prompts with fixed seeds, and print the figures.

python -m pipeline.tiny.evaluate [--prompts 100] [--steps 20] [--folder pipeline/tiny/weights] [--json FILE]
"""

import argparse
import json
import math
import random
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from diffusers import AnimateDiffPipeline, MotionAdapter
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pipeline.contract.catalog import TINY
from pipeline.models import realesrgan
from pipeline.models.weights import SHIPPED
from pipeline.tiny import clips, layout
from pipeline.tiny.judge import Verdict, judge

# The defaults of a request.
STEPS, GUIDANCE = TINY.num_inference_steps, TINY.guidance_scale
SEED = 1000
ATTRIBUTES = ("background", "colour", "shape", "motion")


@dataclass
class Figures:
    """Shares are 0..1, times in seconds, gains in decibel."""

    prompts: int
    background: float
    colour: float
    shape: float
    motion: float
    all_four: float
    each_motion: dict[str, float]
    each_shape: dict[str, float]
    seconds_per_clip: float
    interpolation_gain_db: float = math.nan
    upscaling_gain_db: dict[str, float] = field(default_factory=dict)
    seed_difference: float = math.nan
    guidance_difference: float = math.nan
    negative_difference: float = math.nan


def generator(folder: Path) -> AnimateDiffPipeline:
    """The pipeline, loaded like a published base model and adapter, in float32 on the CPU."""
    adapter = MotionAdapter.from_pretrained(folder / layout.ADAPTER, local_files_only=True)
    pipe = AnimateDiffPipeline.from_pretrained(folder / layout.BASE, motion_adapter=adapter, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def interpolator(folder: Path) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The TorchScript model(x0, x1, dt)."""
    with warnings.catch_warnings():
        # torch deprecates TorchScript, but FILM is published in no newer format.
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.load(str(folder / layout.FILM))


def held_out_scenes(count: int) -> list[clips.Scene]:
    """Held-out combinations of colour, shape and background, with motions and shapes in equal numbers."""
    rng = random.Random(SEED)
    scenes: list[clips.Scene] = []
    while len(scenes) < count:
        motion = clips.MOTIONS[len(scenes) % len(clips.MOTIONS)]
        shape = clips.SHAPES[(len(scenes) + len(scenes) // len(clips.MOTIONS)) % len(clips.SHAPES)]
        if motion == "spin" and shape == "circle":
            shape = "star"
        scene = clips.random_scene(rng, held_out=True, motion=motion)
        if scene.shape == shape:
            scenes.append(scene)
    return scenes


def generate(
    pipe: AnimateDiffPipeline,
    text: str,
    seed: int,
    *,
    steps: int = STEPS,
    guidance: float = GUIDANCE,
    negative: str | None = None,
    size: tuple[int, int] = (clips.SIDE, clips.SIDE),
) -> NDArray[np.uint8]:
    """One clip, uint8 (16, height, width, 3). `size` is (width, height)."""
    negatives = None if negative is None else [negative]
    return generate_batch(pipe, [text], [seed], steps=steps, guidance=guidance, negatives=negatives, size=size)[0]


def generate_batch(
    pipe: AnimateDiffPipeline,
    texts: list[str],
    seeds: list[int],
    *,
    steps: int = STEPS,
    guidance: float = GUIDANCE,
    negatives: list[str] | None = None,
    size: tuple[int, int] = (clips.SIDE, clips.SIDE),
) -> NDArray[np.uint8]:
    """Clips drawn at once, uint8 (N, 16, height, width, 3). They differ from single ones by rounding only."""
    output = pipe(
        texts,
        negative_prompt=negatives,
        num_frames=clips.FRAMES,
        width=size[0],
        height=size[1],
        num_inference_steps=steps,
        guidance_scale=guidance,
        generator=[torch.Generator().manual_seed(seed) for seed in seeds],
        output_type="np",
    )
    frames: NDArray[np.float32] = np.asarray(output.frames)
    return np.rint(frames * 255).astype(np.uint8)


def evaluate(
    folder: Path = SHIPPED,
    prompts: int = 100,
    *,
    steps: int = STEPS,
    guidance: float = GUIDANCE,
    size: tuple[int, int] = (clips.SIDE, clips.SIDE),
    others: bool = True,
    batch: int = 1,
) -> Figures:
    """All figures of a set of weights; without `others` only those of the generator. Draws `batch` clips at once."""
    pipe = generator(folder)
    scenes = held_out_scenes(prompts)
    # Warm-up: the first call includes the one-time initialisation of torch.
    generate(pipe, "", 0, steps=1, size=size)
    started = time.perf_counter()
    texts, seeds = [clips.prompt(scene) for scene in scenes], [SEED + i for i in range(len(scenes))]
    videos = [
        video
        for i in range(0, len(scenes), batch)
        for video in generate_batch(
            pipe, texts[i : i + batch], seeds[i : i + batch], steps=steps, guidance=guidance, size=size
        )
    ]
    seconds = (time.perf_counter() - started) / len(scenes)
    figures = score(scenes, [judge(video) for video in videos], seconds)
    if others:
        figures.interpolation_gain_db = interpolation_gain(folder)
        figures.upscaling_gain_db = {f"x{scale}": upscaling_gain(folder, scale) for scale in layout.UPSCALERS}
        figures.seed_difference, figures.guidance_difference, figures.negative_difference = differences(pipe)
    return figures


def score(scenes: list[clips.Scene], verdicts: list[Verdict], seconds: float) -> Figures:
    """Shares of correct verdicts."""
    pairs = list(zip(scenes, verdicts, strict=True))
    correct = {name: [getattr(v, name) == getattr(s, name) for s, v in pairs] for name in ATTRIBUTES}
    motions, shapes = defaultdict(list), defaultdict(list)
    for i, scene in enumerate(scenes):
        motions[scene.motion].append(correct["motion"][i])
        shapes[scene.shape].append(correct["shape"][i])
    return Figures(
        prompts=len(scenes),
        background=float(np.mean(correct["background"])),
        colour=float(np.mean(correct["colour"])),
        shape=float(np.mean(correct["shape"])),
        motion=float(np.mean(correct["motion"])),
        all_four=float(np.mean([all(each) for each in zip(*correct.values(), strict=True)])),
        each_motion={name: float(np.mean(motions[name])) for name in clips.MOTIONS if name in motions},
        each_shape={name: float(np.mean(shapes[name])) for name in clips.SHAPES if name in shapes},
        seconds_per_clip=seconds,
    )


def differences(pipe: AnimateDiffPipeline) -> tuple[float, float, float]:
    """Mean absolute pixel differences (0..255) caused by another seed, stronger guidance, a negative prompt."""
    text = "a red circle moving right on a blue background"
    plain = generate(pipe, text, 1)
    variants = (
        generate(pipe, text, 2),
        generate(pipe, text, 1, guidance=6.0),
        generate(pipe, text, 1, negative="a small blue star"),
    )
    first, second, third = (float(np.abs(v.astype(int) - plain.astype(int)).mean()) for v in variants)
    return first, second, third


def _tensor(frames: NDArray[np.uint8]) -> Tensor:
    """uint8 (N, H, W, 3) to float (N, 3, H, W) in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float() / 255


def _decibel(error: float) -> float:
    return -10 * math.log10(error)


@torch.no_grad()
def interpolation_gain(folder: Path, count: int = 20) -> float:
    """PSNR gain in dB over a cross-fade, at 1/4, 1/2 and 3/4 between the frames of held-out clips."""
    model = interpolator(folder)
    ours, fades = [], []
    for i, scene in enumerate(held_out_scenes(count)):
        fine = _tensor(clips.clip(scene, SEED + i, frames=4 * (clips.FRAMES - 1) + 1))
        x0, x1 = fine[:-1:4], fine[4::4]
        for quarter in (1, 2, 3):
            truth, t = fine[quarter::4], quarter / 4
            ours.append((model(x0, x1, torch.full((len(x0), 1), t)) - truth).square().mean().item())
            fades.append(((1 - t) * x0 + t * x1 - truth).square().mean().item())
    return _decibel(float(np.mean(ours))) - _decibel(float(np.mean(fades)))


@torch.no_grad()
def upscaling_gain(folder: Path, scale: int, count: int = 20) -> float:
    """PSNR gain in dB over bicubic, against held-out clips drawn at the larger size."""
    model = realesrgan.load(folder / layout.UPSCALERS[scale])
    ours, bicubic = [], []
    for i, scene in enumerate(held_out_scenes(count)):
        small = _tensor(clips.clip(scene, SEED + i)[::5])
        truth = _tensor(clips.clip(scene, SEED + i, scale * clips.SIDE, scale * clips.SIDE)[::5])
        ours.append((model(small).clamp(0, 1) - truth).square().mean().item())
        large = functional.interpolate(small, scale_factor=scale, mode="bicubic", align_corners=False).clamp(0, 1)
        bicubic.append((large - truth).square().mean().item())
    return _decibel(float(np.mean(ours))) - _decibel(float(np.mean(bicubic)))


def report(figures: Figures) -> str:
    """The figures as readable text."""
    motions = ", ".join(f"{name} {share:.0%}" for name, share in figures.each_motion.items())
    shapes = ", ".join(f"{name} {share:.0%}" for name, share in figures.each_shape.items())
    lines = [
        f"{figures.prompts} held-out prompts",
        f"  background {figures.background:.0%}   colour {figures.colour:.0%}   shape {figures.shape:.0%}"
        f"   motion {figures.motion:.0%}   all four {figures.all_four:.0%}",
        f"  motions: {motions}",
        f"  shapes:  {shapes}",
        f"  {figures.seconds_per_clip:.2f} s per clip of {clips.FRAMES} frames",
    ]
    if figures.upscaling_gain_db:
        gains = ", ".join(f"{name} {gain:+.1f} dB" for name, gain in figures.upscaling_gain_db.items())
        lines += [
            f"  interpolation {figures.interpolation_gain_db:+.1f} dB over a cross-fade",
            f"  upscaling over bicubic: {gains}",
            f"  mean pixel change (of 255) by another seed {figures.seed_difference:.1f}, by guidance 6"
            f" {figures.guidance_difference:.1f}, by a negative prompt {figures.negative_difference:.1f}",
        ]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--prompts", type=int, default=100)
    options.add_argument("--steps", type=int, default=STEPS)
    options.add_argument("--guidance", type=float, default=GUIDANCE)
    options.add_argument("--width", type=int, default=clips.SIDE)
    options.add_argument("--height", type=int, default=clips.SIDE)
    options.add_argument("--folder", type=Path, default=SHIPPED)
    options.add_argument("--generator-only", action="store_true", help="skip interpolator, upscalers and differences")
    options.add_argument("--json", type=Path, help="also write the figures to this file")
    chosen = options.parse_args(argv)
    figures = evaluate(
        chosen.folder,
        chosen.prompts,
        steps=chosen.steps,
        guidance=chosen.guidance,
        size=(chosen.width, chosen.height),
        others=not chosen.generator_only,
    )
    print(report(figures))
    if chosen.json:
        chosen.json.write_text(json.dumps(asdict(figures), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
