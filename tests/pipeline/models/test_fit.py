"""What a plan costs and which measures make it fit, with the figures of AnimateDiff: 4.9 GiB for 16 frames at 512²."""

from collections.abc import Callable

import pytest

from pipeline.contract.catalog import MODELS
from pipeline.contract.errors import OutOfMemory
from pipeline.contract.hardware import Budget
from pipeline.contract.plan import Plan
from pipeline.models.fit import choose_fit, judge, least_weights

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


def test_wan_22_fits_a_card_of_24_gb_with_offload_and_half_its_length_one_of_16_gb(plan: Plans) -> None:
    kinds = {}
    for gigabytes, frames in ((24, 121), (16, 121), (16, 57)):
        requested = plan(model="wan2.2-5b", base_width=1280, base_height=704, base_frames=frames)
        verdict = judge(MODELS["wan2.2-5b"], requested, Budget(gigabytes * 10**9))
        kinds[gigabytes, frames] = verdict.kind, verdict.fit.offload

    assert kinds == {(24, 121): ("measures", True), (16, 121): ("impossible", True), (16, 57): ("measures", True)}


def test_a_plan_that_no_measure_makes_fit_is_not_started(plan: Plans) -> None:
    """The retry plans half the area. A plan on a device whose memory is not known is started."""
    requested = plan(model="animatediff", base_width=512, base_height=512, base_frames=80)

    with pytest.raises(OutOfMemory, match="generate"):
        choose_fit(MODELS["animatediff"], requested, Budget(8 * GIB))

    assert choose_fit(MODELS["animatediff"], requested, Budget(16 * GIB)).offload is False
    assert choose_fit(MODELS["animatediff"], requested, Budget(None)).offload is False


def test_the_weights_alone_need_the_largest_part_or_all_of_them(plan: Plans) -> None:
    memory = MODELS["animatediff"].memory
    assert memory is not None

    offloaded, whole = (least_weights(memory, Budget(offload=offload)) for offload in (None, False))

    assert offloaded / GIB == pytest.approx(2.45 + 0.49, rel=0.01)
    assert whole - offloaded == memory.weights - memory.denoiser
    assert least_weights(memory, Budget(single_precision=True)) == 2 * offloaded
    # A plan of almost nothing costs hardly more.
    least = plan(model="animatediff", base_width=8, base_height=8, base_frames=1)
    assert judge(MODELS["animatediff"], least, Budget(1)).peak >= offloaded


def test_video_transformers_fit_a_card_of_12_gb_with_offload(plan: Plans) -> None:
    """Their text encoders are larger than all else together, and work before the first step."""
    sizes = {"wan-1.3b": (832, 480, 33), "ltx-video": (704, 480, 49), "cogvideox-2b": (720, 480, 49)}
    for name, (width, height, frames) in sizes.items():
        requested = plan(model=name, base_width=width, base_height=height, base_frames=frames)

        verdict = judge(MODELS[name], requested, Budget(12 * 10**9))

        assert (name, verdict.kind, verdict.fit.offload) == (name, "measures", True)
