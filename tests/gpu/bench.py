"""Speed and memory of the full-size networks with random weights: ours against plain diffusers in the same run.

    python -m tests.gpu.bench [--size full|frame|small] [--device cuda] [--precision fp16] [--only PART ...]

`full` is 512 x 512 x 16 with 25 steps, and a job of 2 s at 24 fps and 2048 x 2048. It needs a GPU. `frame` is one frame
of 128 x 128 with the full-size networks, which a CPU can draw. `small` runs the same code with small networks on a CPU.
"""

import argparse
import gc
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

import pipeline.generators
from pipeline.clip import Clip, Video
from pipeline.contract.catalog import MODELS
from pipeline.contract.entries import Model
from pipeline.contract.hardware import Hardware
from pipeline.contract.plan import Plan
from pipeline.contract.spec import Spec
from pipeline.models.hardware import Device
from pipeline.stages.generate import Generate
from pipeline.stages.interpolate import Interpolate
from pipeline.stages.postprocess import Postprocess
from pipeline.stages.preprocess import Preprocess
from pipeline.stages.upscale import Upscale
from tests.gpu import networks
from tests.gpu.networks import FAST, QUALITY, SIZES, RandomAnimateDiff, Size

Figures = dict[str, float]
assert pipeline.generators


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def release() -> None:
    """Free what the last measurement left, so that the next one has the memory of the card for itself."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


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
    """The peak of the device's memory during `call`; 0 on a CPU, where nothing is called."""
    if device.type != "cuda":
        return 0.0
    torch.cuda.reset_peak_memory_stats(device)
    call()
    return torch.cuda.max_memory_allocated(device) / 2**30


def plan_for(size: Size, steps: int = 1, guidance: float = 7.5) -> Plan:
    return Plan(
        prompt="a red circle", negative_prompt="", seed=1, model="animatediff", revision="", scheduler="ddim",
        num_inference_steps=steps, guidance_scale=guidance, base_width=size.side, base_height=size.side,
        base_frames=size.frames, upscale=4, width=4 * size.side, height=4 * size.side, fps=24, frames=3 * size.frames,
        format="mp4",
    )  # type: ignore[arg-type]  # fmt: skip


def random_clip(size: Size) -> Clip:
    shape = (size.frames, size.side, size.side, 3)
    return Clip(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8), 8)


def draw(drawer: RandomAnimateDiff, plan: Plan) -> Clip:
    with torch.inference_mode():
        return drawer.draw(plan, lambda *_: None, lambda: None)


def step_times(call: Callable[[Plan], object], size: Size, device: torch.device, repeats: int) -> Figures:
    """A clip of the size's steps, and one step of it without the text, the decoding and what a clip begins with."""
    one, clip = (median_seconds(partial(call, plan_for(size, steps)), device, repeats) for steps in (1, size.steps))
    return {"step_ms": 1000 * (clip - one) / max(1, size.steps - 1), "clip_s": clip}


def measure_generator(
    size: Size, scratch: Path, device: Hardware | str, repeats: int, *, compiled: bool = False
) -> Figures:
    ours = networks.generator(size, scratch, device=device, compiled=compiled)
    figures = step_times(partial(draw, ours), size, ours.device, repeats)
    few = partial(draw, ours, plan_for(size, 4, 1.0))
    figures["four_steps_clip_s"] = median_seconds(few, ours.device, repeats)
    figures["peak_gib"] = peak_gib(partial(draw, ours, plan_for(size, size.steps)), ours.device)
    return {f"{name}_compiled": value for name, value in figures.items()} if compiled else figures


def measure_plain(size: Size, scratch: Path, device: Hardware | str, repeats: int) -> Figures:
    """The same clip by diffusers alone: nothing of ours, nothing compiled."""
    where = Device.of(device)
    pipe: Any = networks.random_pipeline(size.full, scratch).to(where.torch_device, where.dtype())
    pipe.set_progress_bar_config(disable=True)

    def call(plan: Plan) -> object:
        with torch.inference_mode():
            return pipe(
                plan.prompt, num_frames=plan.base_frames, width=plan.base_width, height=plan.base_height,
                num_inference_steps=plan.num_inference_steps, guidance_scale=plan.guidance_scale,
                generator=torch.Generator("cpu").manual_seed(plan.seed), output_type="np",
            )  # fmt: skip

    figures = step_times(call, size, where.torch_device, repeats)
    figures["peak_gib"] = peak_gib(partial(call, plan_for(size, size.steps)), where.torch_device)
    return {f"plain_{name}": value for name, value in figures.items()}


def film_call(size: Size, scratch: Path, device: Hardware | str) -> tuple[Interpolate, Callable[[], object]]:
    """The stage, and a call that draws three frames for each base frame, in spans as a job does."""
    networks.write_film(size, scratch)
    stage, plan, base = Interpolate(scratch, device), plan_for(size), random_clip(size)
    return stage, lambda: [stage(base, plan, span, lambda: None) for span in plan.spans]


def measure_film(size: Size, scratch: Path, device: Hardware | str, repeats: int) -> Figures:
    """Milliseconds per frame of the video, of which the base frames are a third, from uint8 to uint8."""
    stage, call = film_call(size, scratch, device)
    call()  # TorchScript optimises in its second call
    per_frame = 1000 * median_seconds(call, stage.device, repeats) / (3 * size.frames)
    return {"film_ms": per_frame, "film_peak_gib": peak_gib(call, stage.device)}


def upscale_call(size: Size, scratch: Path, device: Hardware | str, name: str) -> tuple[Upscale, Callable[[], object]]:
    networks.write_upscalers(size, scratch)
    stage, clip = Upscale(scratch, device), random_clip(size)
    plan = plan_for(size).model_copy(update={"upscaler": name})
    return stage, lambda: stage(clip, plan, lambda: None)


def measure_upscalers(size: Size, scratch: Path, device: Hardware | str, repeats: int) -> Figures:
    """Milliseconds per frame from the uint8 frame to the enlarged uint8 frame."""
    figures: Figures = {}
    for name in (QUALITY, FAST):
        stage, call = upscale_call(size, scratch, device, name)
        figures[f"{name}_ms"] = 1000 * median_seconds(call, stage.device, repeats) / size.frames
        figures[f"{name}_peak_gib"] = peak_gib(call, stage.device)
    return figures


class RandomGenerate(Generate):
    """The stage, with a generator that is already loaded."""

    def __init__(self, drawer: RandomAnimateDiff, models_dir: Path, device: Hardware | str) -> None:
        super().__init__(models_dir, device)
        self._drawer = drawer

    def load(self, model: Model) -> RandomAnimateDiff:
        return self._drawer


def job_call(size: Size, scratch: Path, device: Hardware | str) -> tuple[torch.device, Callable[[], Video]]:
    """A whole job: the five stages one after the other in one process, a span after the other."""
    networks.write_models(size, scratch)
    drawer = networks.generator(size, scratch, device=device, compiled=size.compiled)
    spec = Spec(
        prompt="a red circle", model="animatediff", seed=1, fps=24, duration_seconds=size.seconds,
        num_inference_steps=size.steps, width=4 * size.side, height=4 * size.side,
    )  # fmt: skip
    preprocess, generate = Preprocess(scratch), RandomGenerate(drawer, scratch, device)
    interpolate, upscale, postprocess = Interpolate(scratch, device), Upscale(scratch, device), Postprocess()

    def check() -> None:
        return

    def call() -> Video:
        with patch.dict(MODELS, {"animatediff": drawer.model}):
            plan = preprocess(spec)
            base = generate(plan, lambda *_: None, check)
            encoded = []
            for span in plan.spans:
                frames = interpolate(base, plan, span, check)
                encoded.append(postprocess.encode(upscale(frames, plan, check), plan, span, check))
            return postprocess.assemble(encoded, plan)

    return drawer.device, call


def measure_job(size: Size, scratch: Path, device: Hardware | str, repeats: int) -> Figures:
    where, call = job_call(size, scratch, device)
    return {"job_s": median_seconds(call, where, repeats)}


PARTS: dict[str, Callable[[Size, Path, Hardware | str, int], Figures]] = {
    "generator": measure_generator, "compiled": partial(measure_generator, compiled=True), "plain": measure_plain,
    "film": measure_film, "upscalers": measure_upscalers, "job": measure_job,
}  # fmt: skip


def run(
    size: Size, device: Hardware | str, scratch: Path, repeats: int = 5, only: tuple[str, ...] = tuple(PARTS)
) -> Figures:
    """One part after the other: each has the card for itself."""
    figures: Figures = {}
    for name in only:
        if name != "compiled" or size.compiled:
            figures |= PARTS[name](size, scratch, device, repeats)
            release()
    return figures


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--size", choices=SIZES, default="full" if torch.cuda.is_available() else "small")
    options.add_argument("--device", default="auto")
    options.add_argument("--precision", choices=("auto", "fp32", "fp16", "bf16"), default="auto")
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--only", nargs="+", choices=PARTS, default=[*PARTS])
    options.add_argument("--json", type=Path)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        hardware = Hardware(chosen.device, chosen.precision)
        figures = run(SIZES[chosen.size], hardware, Path(scratch), chosen.repeats, tuple(chosen.only))
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    text = json.dumps({"size": chosen.size, "device": where, **{k: round(v, 4) for k, v in figures.items()}}, indent=1)
    print(text)  # noqa: T201
    if chosen.json:
        chosen.json.write_text(text)


if __name__ == "__main__":
    main()
