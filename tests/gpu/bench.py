"""Speed and memory of the full-size networks with random weights: ours against plain diffusers in the same run.

    python -m tests.gpu.bench [--size full|small] [--device cuda] [--json FILE]

`full` is 512 x 512 x 16 with 25 steps and needs a GPU. `small` runs the same code with small networks on a CPU.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch

import pipeline.generators
from pipeline.clip import Clip
from pipeline.contract.catalog import MODELS
from pipeline.contract.hardware import Hardware
from pipeline.contract.plan import Plan
from pipeline.generators import architectures
from pipeline.generators.animatediff import AnimateDiff
from pipeline.models.fit import Fit
from pipeline.models.hardware import Device
from pipeline.models.realesrgan import RRDBNet, SRVGGNetCompact
from pipeline.stages.upscale import Upscale
from pipeline.tiny.training import networks, tokens

Figures = dict[str, float]
assert pipeline.generators


@dataclass(frozen=True)
class Size:
    """Sides in pixels, frames, steps, and the networks: full-size or small ones."""

    side: int
    frames: int
    steps: int
    full: bool


SIZES = {"full": Size(512, 16, 25, True), "small": Size(32, 4, 2, False)}


class RandomAnimateDiff(AnimateDiff):
    """AnimateDiff whose networks have random weights instead of files."""

    def load(self) -> Any:
        tokenizer = tokens.tokenizer(self.parts["tokens"])
        full = self.parts["size"].name == "full"
        text = architectures.clip_text() if full else networks.text_encoder(len(tokenizer), 2, 1)
        adapter = diffusers.MotionAdapter() if full else networks.motion_adapter()
        scheduler = diffusers.DDIMScheduler(beta_start=0.00085, beta_end=0.012, steps_offset=1, clip_sample=False)
        return diffusers.AnimateDiffPipeline(
            vae=architectures.frame_vae() if full else networks.autoencoder(), text_encoder=text, tokenizer=tokenizer,
            unet=architectures.sd15_unet() if full else networks.unet(), motion_adapter=adapter, scheduler=scheduler,
        ).to(self.device, self.dtype)  # fmt: skip


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def median_seconds(call: Callable[[], object], device: torch.device, repeats: int) -> float:
    """The median time of `call` after one call that is not counted."""
    call()
    times = []
    for _ in range(repeats):
        synchronize(device)
        began = time.perf_counter()
        call()
        synchronize(device)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def peak_gib(call: Callable[[], object], device: torch.device) -> float:
    """The peak of the device's memory during `call`; 0 on a CPU."""
    if device.type != "cuda":
        call()
        return 0.0
    torch.cuda.reset_peak_memory_stats(device)
    call()
    return torch.cuda.max_memory_allocated(device) / 2**30


def plan_for(size: Size, steps: int, guidance: float = 7.5) -> Plan:
    return Plan(
        prompt="a red circle", negative_prompt="", seed=1, model="animatediff", revision="", scheduler="ddim",
        num_inference_steps=steps, guidance_scale=guidance, base_width=size.side, base_height=size.side,
        base_frames=size.frames, upscale=4, width=4 * size.side, height=4 * size.side, fps=8, frames=size.frames,
        format="mp4",
    )  # type: ignore[arg-type]  # fmt: skip


def generator(size: Size, scratch: Path, *, device: str, compiled: bool) -> RandomAnimateDiff:
    model = replace(MODELS["animatediff"], preview="none", memory=None)
    parts = {"tokens": scratch / "tokens", "size": scratch / ("full" if size.full else "small")}
    return RandomAnimateDiff(model, parts, Device.of(Hardware(device, compiled=compiled)), Path)


def measure_generator(size: Size, scratch: Path, device: str, repeats: int) -> Figures:
    figures: Figures = {}
    plan = plan_for(size, size.steps)
    for compiled in (False, True) if size.full else (False,):
        ours = generator(size, scratch, device=device, compiled=compiled)
        place = ours.device
        suffix = "_compiled" if compiled else ""

        def draw(plan: Plan, drawer: RandomAnimateDiff = ours) -> Clip:
            with torch.inference_mode():
                return drawer.draw(plan, lambda *_: None, lambda: None)

        one, all_steps = (median_seconds(partial(draw, plan_for(size, n)), place, repeats) for n in (1, size.steps))
        figures[f"step_ms{suffix}"] = 1000 * (all_steps - one) / max(1, size.steps - 1)
        figures[f"clip_s{suffix}"] = all_steps
        figures[f"four_steps_clip_s{suffix}"] = median_seconds(partial(draw, plan_for(size, 4, 1.0)), place, repeats)
        figures[f"peak_gib{suffix}"] = peak_gib(partial(draw, plan), place)
    plain = ours.prepare(plan, Fit())

    def plain_call() -> object:
        arguments = {**ours.arguments(plan), "output_type": "np"}
        with torch.inference_mode():
            return plain(**arguments)

    figures["plain_clip_s"] = median_seconds(plain_call, place, repeats)
    figures["plain_peak_gib"] = peak_gib(plain_call, place)
    return figures


def measure_upscalers(size: Size, scratch: Path, device: str, repeats: int) -> Figures:
    """Milliseconds per frame from the uint8 frame to the enlarged uint8 frame."""
    full = {"realesrgan-x4plus": RRDBNet(4), "realesr-general-x4v3": SRVGGNetCompact(64, 32, 4)}
    small = {"realesrgan-x4plus": RRDBNet(4, 8, 1, 8), "realesr-general-x4v3": SRVGGNetCompact(8, 2, 4)}
    (scratch / "realesrgan").mkdir(exist_ok=True)
    frames = np.random.default_rng(0).integers(0, 256, (size.frames, size.side, size.side, 3), dtype=np.uint8)
    figures: Figures = {}
    for name, network in (full if size.full else small).items():
        for file in ("RealESRGAN_x4plus.pth", "realesr-general-x4v3.pth", "realesr-general-wdn-x4v3.pth"):
            torch.save({"params": network.state_dict()}, scratch / "realesrgan" / file)
        stage = Upscale(scratch, device)
        plan = plan_for(size, 1).model_copy(update={"upscaler": name})

        def enlarge(stage: Upscale = stage, plan: Plan = plan) -> Clip:
            return stage(Clip(frames, 8), plan, lambda: None)

        figures[f"{name}_ms"] = 1000 * median_seconds(enlarge, stage.device, repeats) / size.frames
        figures[f"{name}_peak_gib"] = peak_gib(enlarge, stage.device)
    return figures


def run(name: str, device: str, scratch: Path, repeats: int = 5) -> Figures:
    size = SIZES[name]
    return {
        **measure_generator(size, scratch, device, repeats), **measure_upscalers(size, scratch, device, repeats)
    }  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--size", choices=SIZES, default="full" if torch.cuda.is_available() else "small")
    options.add_argument("--device", default="auto")
    options.add_argument("--json", type=Path)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        figures = run(chosen.size, chosen.device, Path(scratch))
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    text = json.dumps({"size": chosen.size, "device": where, **{k: round(v, 4) for k, v in figures.items()}}, indent=1)
    print(text)  # noqa: T201
    if chosen.json:
        chosen.json.write_text(text)


if __name__ == "__main__":
    main()
