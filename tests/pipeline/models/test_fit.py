"""What a plan costs and which measures make it fit, with the figures of AnimateDiff: 4.9 GiB for 16 frames at 512²."""

from collections.abc import Callable

import pytest

from pipeline.contract.catalog import MODELS
from pipeline.contract.hardware import Budget
from pipeline.contract.plan import Plan
from pipeline.models.fit import judge

Plans = Callable[..., Plan]
GIB = 2**30


@pytest.mark.parametrize(
    ("gib", "kind", "offload"),
    [
        (None, "unknown", False),
        (12, "fits", False),
        (5.8, "fits", False),
        (5.3, "measures", True),
        (5, "impossible", True),
    ],
)
def test_the_least_measures_are_chosen(plan: Plans, gib: float | None, kind: str, offload: bool) -> None:
    requested = plan(model="animatediff", base_width=512, base_height=512)

    verdict = judge(MODELS["animatediff"], requested, Budget(None if gib is None else int(gib * GIB)))

    assert (verdict.kind, verdict.fit.offload) == (kind, offload)
    assert verdict.fit.tiling == (kind == "impossible")


@pytest.mark.parametrize(("frames", "gib"), [(24, 5.6), (48, 8.6), (80, 12.7), (160, 22.9)])
def test_long_clips_cost_what_was_followed(plan: Plans, frames: int, gib: float) -> None:
    """Denoising and the weights of the denoiser, without the allowance for CUDA and fragmentation."""
    memory = MODELS["animatediff"].memory
    assert memory is not None

    assert (memory.denoiser + memory.frame * frames) / GIB == pytest.approx(gib, rel=0.03)
    verdict = judge(MODELS["animatediff"], plan(base_width=512, base_height=512, base_frames=frames), Budget(1))
    assert verdict.peak / GIB == pytest.approx(gib + 0.1 * (gib - 2.45) + 0.5, rel=0.03)


def test_smaller_sizes_cost_less_and_single_precision_twice_as_much(plan: Plans) -> None:
    model = MODELS["animatediff"]
    large, small = plan(base_width=512, base_height=512), plan(base_width=256, base_height=256)

    half = judge(model, large, Budget(1)).peak

    assert judge(model, small, Budget(1)).peak < half
    assert judge(model, large, Budget(1, single_precision=True)).peak == 2 * half


def test_a_configured_offload_is_respected(plan: Plans) -> None:
    requested = plan(base_width=512, base_height=512)

    assert judge(MODELS["animatediff"], requested, Budget(48 * GIB, offload=True)).fit.offload
    assert judge(MODELS["animatediff"], requested, Budget(int(5.3 * GIB), offload=False)).kind == "impossible"


def test_video_transformers_fit_a_card_of_12_gb_with_offload(plan: Plans) -> None:
    """Their text encoders are larger than all else together, and work before the first step."""
    sizes = {"wan-1.3b": (832, 480, 33), "ltx-video": (704, 480, 49), "cogvideox-2b": (720, 480, 49)}
    for name, (width, height, frames) in sizes.items():
        requested = plan(model=name, base_width=width, base_height=height, base_frames=frames)

        verdict = judge(MODELS[name], requested, Budget(12 * 10**9))

        assert (name, verdict.kind, verdict.fit.offload) == (name, "measures", True)
