from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.contract import catalog
from pipeline.contract.errors import Refused
from pipeline.contract.finish import upscale_factor
from pipeline.contract.hardware import Budget
from pipeline.contract.plan import Plan
from pipeline.contract.spec import Scheduler, Spec
from pipeline.models import weights
from pipeline.stages.preprocess import Preprocess, base_size

PROMPT = "a red circle moving right on a blue background"


@pytest.fixture
def preprocess(models_dir: Path) -> Preprocess:
    return Preprocess(models_dir)


def spec(**changes: Any) -> Spec:
    return Spec.model_validate({"prompt": PROMPT, **changes})


def test_defaults_come_from_the_model(preprocess: Preprocess) -> None:
    plan = preprocess(spec(seed=3))

    model = catalog.MODELS["tiny"]
    assert (plan.num_inference_steps, plan.guidance_scale) == (model.num_inference_steps, model.guidance_scale)
    assert plan.scheduler is model.scheduler
    assert plan.seed == 3
    assert (plan.width, plan.height, plan.fps, plan.frames) == (512, 512, 24, 48)


def test_requested_values_are_used(preprocess: Preprocess) -> None:
    requested = {"num_inference_steps": 3, "guidance_scale": 0.0, "scheduler": "euler", "seed": 0, "format": "gif"}

    plan = preprocess(spec(**requested))

    assert {name: getattr(plan, name) for name in requested} == requested


def test_without_a_seed_each_plan_has_a_random_one(preprocess: Preprocess) -> None:
    assert len({preprocess(spec()).seed for _ in range(5)}) == 5


@pytest.mark.parametrize(("seconds", "frames"), [(0.5, 4), (1, 8), (2, 16), (2.04, 16), (2.1, 17), (4, 32), (20, 160)])
def test_the_base_clip_has_eight_frames_per_second(preprocess: Preprocess, seconds: float, frames: int) -> None:
    assert preprocess(spec(duration_seconds=seconds, width=256, height=256)).base_frames == frames


@pytest.mark.parametrize("seconds", [0.5, 0.56, 1.0, 1.3125, 2.0, 3.9])
def test_at_the_frame_rate_of_the_model_nothing_is_interpolated(preprocess: Preprocess, seconds: float) -> None:
    plan = preprocess(spec(fps=8, duration_seconds=seconds))

    assert not plan.interpolated
    assert [p for span in plan.spans for p in plan.positions(span)] == list(range(plan.frames))
    assert any("interpolation was not needed" in warning for warning in plan.warnings)


@pytest.mark.parametrize("area", [64 * 64, 512 * 512])
@pytest.mark.parametrize(
    ("width", "height"),
    [(512, 512), (640, 360), (360, 640), (768, 512), (256, 1024), (1024, 256), (66, 64)],
)
def test_base_sizes(width: int, height: int, area: int) -> None:
    w, h = base_size(width, height, area)

    assert w % 8 == h % 8 == 0
    assert 0.65 * area <= w * h <= area
    assert w / h == pytest.approx(width / height, rel=0.04)


def test_known_base_sizes() -> None:
    assert base_size(512, 512, 64 * 64) == (64, 64)
    assert base_size(640, 360, 64 * 64) == (72, 40)
    assert base_size(1920, 1080, 512 * 512) == (680, 384)
    assert base_size(1080, 1920, 512 * 512) == (384, 680)


@pytest.mark.parametrize(
    ("width", "height", "base"),
    [(512, 512, (64, 64)), (640, 360, (80, 48)), (360, 640, (48, 80)), (768, 512, (72, 48)), (1024, 256, (128, 32))],
)
def test_the_tiny_model_prefers_the_sizes_of_its_training(
    preprocess: Preprocess, width: int, height: int, base: tuple[int, int]
) -> None:
    plan = preprocess(spec(width=width, height=height))

    assert (plan.base_width, plan.base_height) == base


@pytest.mark.parametrize(("side", "factor"), [(64, 1), (66, 2), (128, 2), (130, 4), (256, 4), (1024, 4)])
def test_the_smallest_sufficient_upscale_factor_is_used(preprocess: Preprocess, side: int, factor: int) -> None:
    plan = preprocess(spec(width=side, height=side))

    assert plan.upscale == factor
    assert any("upscaling was not needed" in warning for warning in plan.warnings) == (factor == 1)


@pytest.mark.parametrize(("width", "height"), [(160, 98), (162, 96)])
def test_both_sides_must_reach_the_requested_size(width: int, height: int) -> None:
    assert upscale_factor(80, 48, spec(width=160, height=96)) == 2
    assert upscale_factor(80, 48, spec(width=width, height=height)) == 4


def test_the_retry_after_out_of_memory_has_half_the_area(preprocess: Preprocess) -> None:
    usual, reduced = preprocess(spec(seed=1)), preprocess(spec(seed=1), reduced=True)

    assert reduced.base_width * reduced.base_height <= usual.base_width * usual.base_height / 2
    assert any("out of memory" in warning for warning in reduced.warnings)
    changed = {"base_width", "base_height", "warnings"}
    assert reduced.model_dump(exclude=changed) == usual.model_dump(exclude=changed)


def test_unknown_words_and_random_weights_give_warnings(preprocess: Preprocess) -> None:
    warnings = preprocess(spec(prompt="a red zebra moving left on a blue background")).warnings

    assert any(warning.endswith("does not know: zebra") for warning in warnings)
    assert any("random weights" in warning and "tiny-film" in warning for warning in warnings)
    assert not any("does not know" in warning for warning in preprocess(spec()).warnings)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prompt": " ".join(["red"] * 23)}, "the first 22 words"),
        ({"negative_prompt": "a, b" * 12}, "the first 22 words"),
        ({"negative_prompt": "green", "guidance_scale": 1.0}, "no effect without guidance"),
    ],
)
def test_ignored_text_gives_a_warning(preprocess: Preprocess, changes: dict[str, Any], message: str) -> None:
    assert any(message in warning for warning in preprocess(spec(**changes)).warnings)


def test_text_that_is_used_gives_no_warning(preprocess: Preprocess) -> None:
    plan = preprocess(spec(prompt=" ".join(["red"] * 22), negative_prompt="green", guidance_scale=1.5))

    assert [warning for warning in plan.warnings if "random weights" not in warning] == []


@pytest.mark.parametrize(
    ("changes", "pointer", "message"),
    [
        ({"model": "sora"}, "/model", "tiny, animatediff"),
        ({"model": "animatediff"}, "/model", "animatediff/base/model_index.json"),
    ],
)
def test_unavailable_models_are_refused(
    preprocess: Preprocess, changes: dict[str, Any], pointer: str, message: str
) -> None:
    with pytest.raises(Refused) as refused:
        preprocess(spec(**changes))

    assert refused.value.pointer == pointer
    assert message.split("/")[0] in refused.value.message
    assert message.rpartition("/")[2] in refused.value.message


def test_an_unsupported_scheduler_is_refused(preprocess: Preprocess, monkeypatch: pytest.MonkeyPatch) -> None:
    limited = replace(catalog.MODELS["tiny"], schedulers=(Scheduler.LCM,))
    monkeypatch.setattr(catalog, "MODELS", {"tiny": limited})

    with pytest.raises(Refused, match="tiny does not support the scheduler ddim; available: lcm") as refused:
        preprocess(spec(scheduler="ddim"))

    assert refused.value.pointer == "/scheduler"


def test_a_missing_upscaler_is_refused_only_if_needed(
    tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "SHIPPED", tmp_path / "nowhere")
    (tmp_path / "tiny").mkdir()
    for part in ("base", "motion-adapter", "film.pt"):
        (tmp_path / "tiny" / part).symlink_to(models_dir / "tiny" / part)
    preprocess = Preprocess(tmp_path)

    assert isinstance(preprocess(spec(width=64, height=64)), Plan)
    with pytest.raises(Refused, match=r"realesr-x2\.safetensors"):
        preprocess(spec(width=128, height=128))


def test_prompt_help_is_applied_and_the_original_kept(preprocess: Preprocess) -> None:
    plan = preprocess(spec(prompt="a star", style="night", enhance_prompt=True, seed=1))

    assert plan.original_prompt == "a star"
    assert plan.prompt == "a red star on a black background moving right"
    again = preprocess(spec(prompt=plan.prompt, seed=1))
    assert again.model_dump(exclude={"original_prompt"}) == plan.model_dump(exclude={"original_prompt"})
    assert again.original_prompt == ""


def test_a_loop_has_one_more_base_frame_and_its_positions_go_round(preprocess: Preprocess) -> None:
    plan = preprocess(spec(loop=True, fps=24, duration_seconds=2))

    assert (plan.base_frames, plan.frames_to_draw) == (17, 16)
    positions = [position for span in plan.spans for position in plan.positions(span)]
    assert positions == [pytest.approx(k / 3) for k in range(48)]
    native = preprocess(spec(loop=True, fps=8, duration_seconds=2))
    assert not native.interpolated
    assert [p for span in native.spans for p in native.positions(span)] == list(range(16))


def test_prompts_travel_at_frames_and_times_of_the_video(preprocess: Preprocess) -> None:
    plan = preprocess(spec(fps=24, duration_seconds=2, prompt_travel={"12": "a blue star", "1.5s": "a green star"}))

    assert plan.prompt_travel == {4: "a blue star", 12: "a green star"}


FAMILIES = [
    # model, requested seconds, base frames used, frames drawn, base size of 1024 x 576
    ("wan-1.3b", 2.0, 32, 33, (832, 480)),
    ("ltx-video", 2.0, 48, 49, (736, 416)),
    ("cogvideox-2b", 2.0, 16, 49, (720, 480)),
    ("svd", 2.0, 14, 14, (1024, 576)),
    ("modelscope", 2.0, 16, 16, None),
]


@pytest.mark.parametrize(("name", "seconds", "used", "drawn", "size"), FAMILIES)
def test_frames_and_sizes_follow_the_family(
    preprocess: Preprocess,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    seconds: float,
    used: int,
    drawn: int,
    size: tuple[int, int] | None,
) -> None:
    monkeypatch.setattr("pipeline.stages.preprocess.is_available", lambda *_: True)
    monkeypatch.setattr("pipeline.stages.preprocess.find_folder", lambda *_: Path())

    plan = preprocess(spec(model=name, duration_seconds=seconds, width=1024, height=576))

    assert (plan.base_frames, plan.frames_to_draw) == (used, drawn)
    if size:
        assert (plan.base_width, plan.base_height) == size
    assert plan.scheduler is catalog.MODELS[name].scheduler


def test_a_plan_that_exceeds_the_memory_is_reduced_and_then_refused(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.stages.preprocess.is_available", lambda *_: True)
    long = spec(model="animatediff", duration_seconds=6, seed=1)

    roomy, small, tiny = (Preprocess(models_dir, Budget(gib * 2**30)) for gib in (24, 8, 4))

    assert roomy(long).base_width == 512
    reduced = small(long)
    assert reduced.base_width * reduced.base_height <= 512 * 512 / 2
    assert any("because of the memory of the device" in warning for warning in reduced.warnings)
    with pytest.raises(Refused, match="GiB of GPU memory") as refused:
        tiny(long)
    assert refused.value.pointer == "/duration_seconds"


@pytest.mark.parametrize(("gib", "offload"), [(2.8, None), (3.2, False), (5, True)])
def test_a_model_whose_weights_alone_exceed_the_memory_is_refused_as_such(
    gib: float, offload: bool | None, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No shorter video would help."""
    monkeypatch.setattr("pipeline.stages.preprocess.is_available", lambda *_: True)
    model = "wan-1.3b" if offload else "animatediff"
    size = {"width": 832, "height": 480} if offload else {}

    with pytest.raises(Refused, match="for its weights alone") as refused:
        Preprocess(models_dir, Budget(int(gib * 2**30), offload=offload))(spec(model=model, duration_seconds=1, **size))

    assert refused.value.pointer == "/model"


def test_a_bad_image_is_refused_before_a_gpu_is_used(preprocess: Preprocess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.stages.preprocess.is_available", lambda *_: True)
    with pytest.raises(Refused) as refused:
        preprocess(spec(model="svd", image="bm90IGFuIGltYWdl"))

    assert refused.value.pointer == "/image"


def test_stable_video_without_an_image_needs_the_text_model(
    preprocess: Preprocess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.stages.preprocess.is_available", lambda *_: True)
    with pytest.raises(Refused, match="needs an image for its first frame; or get the model"):
        preprocess(spec(model="svd"))


def test_the_chosen_upscaler_is_in_the_plan(preprocess: Preprocess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.stages.preprocess.is_available", lambda *_: True)

    fast = preprocess(spec(model="animatediff", width=1024, height=1024, upscaler="fast", denoise_strength=0.2))
    quality = preprocess(spec(model="animatediff", width=1024, height=1024))

    assert (fast.upscaler, fast.upscale, fast.denoise_strength) == ("realesr-general-x4v3", 4, 0.2)
    assert (quality.upscaler, quality.upscale) == ("realesrgan-x2plus", 2)
