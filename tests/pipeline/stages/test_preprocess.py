from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import Refused
from pipeline.models import registry
from pipeline.spec import Plan, Scheduler, Spec
from pipeline.stages import preprocess as module
from pipeline.stages.preprocess import Preprocess, base_size

PROMPT = "a red circle moving right on a blue background"


@pytest.fixture
def preprocess(models_dir: Path) -> Preprocess:
    return Preprocess(models_dir)


def spec(**changes: Any) -> Spec:
    return Spec.model_validate({"prompt": PROMPT, **changes})


def test_defaults_come_from_the_model(preprocess: Preprocess) -> None:
    plan = preprocess(spec(seed=3))

    model = registry.MODELS["tiny"]
    assert (plan.num_inference_steps, plan.guidance_scale) == (model.num_inference_steps, model.guidance_scale)
    assert plan.scheduler is model.scheduler
    assert plan.seed == 3
    assert (plan.width, plan.height, plan.fps, plan.frames) == (512, 512, 24, 48)


def test_what_was_asked_for_is_kept(preprocess: Preprocess) -> None:
    asked = {"num_inference_steps": 3, "guidance_scale": 0.0, "scheduler": "euler", "seed": 0, "format": "gif"}

    plan = preprocess(spec(**asked))

    assert {name: getattr(plan, name) for name in asked} == asked


def test_without_a_seed_one_is_drawn_each_time(preprocess: Preprocess) -> None:
    assert len({preprocess(spec()).seed for _ in range(5)}) == 5


@pytest.mark.parametrize(("seconds", "frames"), [(0.5, 4), (1, 8), (2, 16), (2.04, 16), (2.1, 17), (4, 32), (20, 160)])
def test_diffusion_draws_eight_frames_a_second(preprocess: Preprocess, seconds: float, frames: int) -> None:
    assert preprocess(spec(duration_seconds=seconds, width=256, height=256)).base_frames == frames


@pytest.mark.parametrize("seconds", [0.5, 0.56, 1.0, 1.3125, 2.0, 3.9])
def test_at_the_models_own_rate_nothing_is_interpolated(preprocess: Preprocess, seconds: float) -> None:
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
    ("width", "height", "drawn"),
    [(512, 512, (64, 64)), (640, 360, (80, 48)), (360, 640, (48, 80)), (768, 512, (72, 48)), (1024, 256, (128, 32))],
)
def test_the_small_model_draws_sizes_that_it_knows(
    preprocess: Preprocess, width: int, height: int, drawn: tuple[int, int]
) -> None:
    plan = preprocess(spec(width=width, height=height))

    assert (plan.base_width, plan.base_height) == drawn


@pytest.mark.parametrize(("side", "factor"), [(64, 1), (66, 2), (128, 2), (130, 4), (256, 4), (1024, 4)])
def test_the_smallest_enlargement_that_reaches_the_size(preprocess: Preprocess, side: int, factor: int) -> None:
    plan = preprocess(spec(width=side, height=side))

    assert plan.upscale == factor
    assert any("upscaling was not needed" in warning for warning in plan.warnings) == (factor == 1)


@pytest.mark.parametrize(("width", "height"), [(160, 98), (162, 96)])
def test_both_sides_must_reach_the_size(width: int, height: int) -> None:
    assert module.factor(80, 48, spec(width=160, height=96)) == 2
    assert module.factor(80, 48, spec(width=width, height=height)) == 4


def test_a_second_try_after_running_out_of_memory_draws_less(preprocess: Preprocess) -> None:
    usual, reduced = preprocess(spec(seed=1)), preprocess(spec(seed=1), reduced=True)

    assert reduced.base_width * reduced.base_height <= usual.base_width * usual.base_height / 2
    assert any("out of memory" in warning for warning in reduced.warnings)
    changed = {"base_width", "base_height", "warnings"}
    assert reduced.model_dump(exclude=changed) == usual.model_dump(exclude=changed)


def test_unknown_words_and_random_weights_are_warned_of(preprocess: Preprocess) -> None:
    warnings = preprocess(spec(prompt="a red zebra moving left on a blue background")).warnings

    assert any(warning.endswith("does not know: zebra") for warning in warnings)
    assert any("random weights" in warning and "tiny-film" in warning for warning in warnings)
    assert not any("does not know" in warning for warning in preprocess(spec()).warnings)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prompt": " ".join(["red"] * 23)}, "the first 22 words"),
        ({"negative_prompt": "a, b" * 12}, "the first 22 words"),
        ({"negative_prompt": "green", "guidance_scale": 1.0}, "no effect without guidance"),
    ],
)
def test_what_will_not_be_heard_is_said(preprocess: Preprocess, changes: dict[str, Any], said: str) -> None:
    assert any(said in warning for warning in preprocess(spec(**changes)).warnings)


def test_what_will_be_heard_is_not_warned_of(preprocess: Preprocess) -> None:
    plan = preprocess(spec(prompt=" ".join(["red"] * 22), negative_prompt="green", guidance_scale=1.5))

    assert [warning for warning in plan.warnings if "random weights" not in warning] == []


@pytest.mark.parametrize(
    ("changes", "pointer", "said"),
    [
        ({"model": "sora"}, "/model", "tiny, animatediff"),
        ({"model": "animatediff"}, "/model", "animatediff/base/model_index.json"),
    ],
)
def test_what_cannot_be_done_is_refused(
    preprocess: Preprocess, changes: dict[str, Any], pointer: str, said: str
) -> None:
    with pytest.raises(Refused) as refused:
        preprocess(spec(**changes))

    assert refused.value.pointer == pointer
    assert said.split("/")[0] in refused.value.message
    assert said.rpartition("/")[2] in refused.value.message


def test_a_sampler_that_the_model_does_not_know_is_refused(
    preprocess: Preprocess, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = replace(registry.MODELS["tiny"], schedulers=(Scheduler.LCM,))
    monkeypatch.setattr(registry, "MODELS", {"tiny": few})

    with pytest.raises(Refused, match="tiny cannot be sampled with ddim, only with: lcm") as refused:
        preprocess(spec(scheduler="ddim"))

    assert refused.value.pointer == "/scheduler"


def test_an_upscaler_is_only_missed_where_it_is_needed(
    tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "SHIPPED", tmp_path / "nowhere")
    (tmp_path / "tiny").mkdir()
    for part in ("base", "motion-adapter", "film.pt"):
        (tmp_path / "tiny" / part).symlink_to(models_dir / "tiny" / part)
    preprocess = Preprocess(tmp_path)

    assert isinstance(preprocess(spec(width=64, height=64)), Plan)
    with pytest.raises(Refused, match=r"realesr-x2\.safetensors"):
        preprocess(spec(width=128, height=128))
