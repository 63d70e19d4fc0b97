"""Whether a plan fits the memory of a device, and with which measures: offload, decoding fewer frames, tiling."""

from dataclasses import dataclass
from typing import Final, Literal

from pipeline.contract.catalog import Model
from pipeline.contract.entries import Memory
from pipeline.contract.errors import OutOfMemory
from pipeline.contract.hardware import Budget
from pipeline.contract.plan import Plan

# What CUDA and PyTorch need besides tensors, and what fragmentation costs.
CONTEXT_BYTES: Final = 500 * 2**20
FRAGMENTATION: Final = 1.10
# Frames that are decoded at once if memory is ample: 4 frames at 512 x 512.
DECODED_PIXELS: Final = 4 * 512 * 512


@dataclass(frozen=True, slots=True)
class Fit:
    """The measures for one plan. `decoded_pixels` bounds the frames that are decoded at once."""

    offload: bool = False
    tiling: bool = False
    decoded_pixels: int = DECODED_PIXELS


@dataclass(frozen=True, slots=True)
class Verdict:
    """`impossible` if the plan exceeds the memory even with all measures; `peak` is in bytes."""

    fit: Fit
    peak: int
    kind: Literal["unknown", "fits", "measures", "impossible"]


def peak_bytes(memory: Memory, plan: Plan, area: int, *, offload: bool, decoded_frames: int) -> int:
    """The peak of denoising and decoding, for weights in half precision."""
    share = plan.base_width * plan.base_height / area
    denoising = FRAGMENTATION * (memory.fixed + memory.frame * plan.frames_to_draw * share)
    decoding = FRAGMENTATION * memory.decoded * decoded_frames * share
    # With offload, one part is on the device at a time.
    alone = max(memory.largest, memory.denoiser + denoising, decoding)
    return int(alone if offload else memory.weights + max(denoising, decoding)) + CONTEXT_BYTES


def judge(model: Model, plan: Plan, budget: Budget) -> Verdict:
    """The least measures with which the plan fits."""
    available, memory = budget.available, model.memory
    pixels = plan.base_width * plan.base_height
    ample = max(1, min(plan.frames_to_draw, DECODED_PIXELS // pixels))
    if available is None or memory is None:
        return Verdict(Fit(offload=bool(budget.offload)), 0, "unknown")
    # Single precision doubles everything.
    factor = 2 if budget.single_precision else 1
    offloads = (False, True) if budget.offload is None else (budget.offload,)
    peak = 0
    for offload in offloads:
        for frames in dict.fromkeys((ample, 1)):
            peak = factor * peak_bytes(memory, plan, model.base_area, offload=offload, decoded_frames=frames)
            if peak <= available:
                fit = Fit(offload, False, frames * pixels)
                return Verdict(fit, peak, "fits" if not offload and frames == ample else "measures")
    return Verdict(Fit(offloads[-1], True, pixels), peak, "impossible")


def choose_fit(model: Model, plan: Plan, budget: Budget) -> Fit:
    """The measures for a plan. Raises OutOfMemory, before anything is computed, if it exceeds the memory with all."""
    verdict = judge(model, plan, budget)
    if verdict.kind == "impossible":
        raise OutOfMemory("generate")
    return verdict.fit


def least_weights(memory: Memory, budget: Budget) -> int:
    """The bytes that the weights need on the device at once, whatever is drawn."""
    at_once = memory.weights if budget.offload is False else max(memory.largest, memory.denoiser)
    return (2 if budget.single_precision else 1) * (at_once + CONTEXT_BYTES)
