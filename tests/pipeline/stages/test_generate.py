import io
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pipeline.clip import Clip
from pipeline.contract.catalog import MODELS
from pipeline.contract.errors import CheckStopped, OutOfMemory, StageFailed, Stopped
from pipeline.contract.plan import Plan
from pipeline.generators import animatediff, base
from pipeline.models import fit
from pipeline.stages.generate import Generate, warm_up_plan

Plans = Callable[..., Plan]
Steps = list[tuple[int, int, bytes | None]]

SMALL = {"base_width": 32, "base_height": 32, "base_frames": 8}


@pytest.fixture(autouse=True)
def _numpy_two() -> Iterator[None]:
    """The Euler scheduler of diffusers causes a deprecation warning of numpy 2."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        yield


@pytest.fixture(scope="module")
def generate(models_dir: Path) -> Generate:
    return Generate(models_dir, "cpu")


def run(generate: Generate, plan: Plan, check: CheckStopped = lambda: None) -> tuple[Clip, Steps]:
    steps: Steps = []
    return generate(plan, lambda *step: steps.append(step), check), steps


def test_the_clip_has_the_planned_size(generate: Generate, plan: Plans) -> None:
    clip, steps = run(generate, plan(base_width=72, base_height=40))

    assert clip.frames.shape == (16, 40, 72, 3)
    assert clip.frames.dtype == np.uint8
    assert not clip.frames.flags.writeable
    assert clip.fps == 8
    assert [step[:2] for step in steps] == [(1, 3), (2, 3), (3, 3)]


def test_the_seed_determines_the_frames(generate: Generate, plan: Plans) -> None:
    first, again, other = (run(generate, plan(seed=seed, **SMALL))[0].frames for seed in (7, 7, 8))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("changes", [{"guidance_scale": 9.0}, {"num_inference_steps": 4}, {"prompt": "a green star"}])
def test_every_setting_changes_the_frames(generate: Generate, plan: Plans, changes: dict[str, object]) -> None:
    assert not np.array_equal(run(generate, plan(**SMALL))[0].frames, run(generate, plan(**SMALL, **changes))[0].frames)


@pytest.mark.parametrize("scheduler", ["euler", "heun", "dpm++"])
def test_deterministic_schedulers_give_similar_frames(generate: Generate, plan: Plans, scheduler: str) -> None:
    clip, steps = run(generate, plan(scheduler=scheduler, num_inference_steps=6, **SMALL))

    reference, _ = run(generate, plan(num_inference_steps=6, **SMALL))
    assert sorted({step[:2] for step in steps}) == [(step, 6) for step in range(1, 7)]
    assert np.abs(clip.frames.astype(int) - reference.frames).mean() < 20


def test_the_stochastic_scheduler_is_determined_by_the_seed(generate: Generate, plan: Plans) -> None:
    first, again = (run(generate, plan(scheduler="lcm", **SMALL))[0].frames for _ in range(2))

    assert np.array_equal(first, again)


def test_previews_are_small_animations_at_regular_steps(generate: Generate, plan: Plans) -> None:
    _, steps = run(generate, plan(num_inference_steps=12, **SMALL))

    previews = {step: preview for step, _, preview in steps if preview is not None}
    assert list(previews) == [2, 4, 6, 8, 10, 12]
    for preview in previews.values():
        assert len(preview) <= 64_000
        image = Image.open(io.BytesIO(preview))
        assert (image.format, image.size) == ("WEBP", (32, 32))


def test_the_last_preview_shows_the_result(generate: Generate, plan: Plans) -> None:
    clip, steps = run(generate, plan(**SMALL))

    preview = np.asarray(Image.open(io.BytesIO(steps[-1][2] or b"")).convert("RGB")).astype(int)
    other, _ = run(generate, plan(**SMALL, seed=8))
    assert np.abs(preview - clip.frames[0]).mean() < 0.5 * np.abs(preview - other.frames[0]).mean()


def test_a_stop_takes_effect_within_one_step_and_keeps_the_model_usable(generate: Generate, plan: Plans) -> None:
    before, _ = run(generate, plan(**SMALL))
    steps: Steps = []

    def check() -> None:
        if len(steps) == 2:
            raise Stopped

    with pytest.raises(Stopped):
        generate(plan(num_inference_steps=30, **SMALL), lambda *step: steps.append(step), check)

    assert len(steps) == 2
    assert np.array_equal(run(generate, plan(**SMALL))[0].frames, before.frames)


def test_a_stop_is_checked_between_decoded_batches(
    generate: Generate, plan: Plans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "choose_fit", lambda *_: fit.Fit(decoded_pixels=1))
    checks = []
    run(generate, plan(**SMALL), lambda: checks.append(1))

    assert len(checks) == 1 + 3 + SMALL["base_frames"]


def test_free_noise_does_not_change_the_pipeline_for_short_clips(generate: Generate, plan: Plans) -> None:
    short_before, _ = run(generate, plan(base_frames=16, base_width=32, base_height=32))

    long, _ = run(generate, plan(base_frames=32, base_width=32, base_height=32))

    assert long.frames.shape == (32, 32, 32, 3)
    assert not np.array_equal(long.frames[16:], long.frames[:16])
    short_after, _ = run(generate, plan(base_frames=16, base_width=32, base_height=32))
    assert np.array_equal(short_after.frames, short_before.frames)


def test_out_of_memory_is_retried_once_with_less_memory(
    generate: Generate, plan: Plans, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, _ = run(generate, plan(**SMALL))
    fits: list[fit.Fit] = []
    decode = animatediff.AnimateDiff.decode

    def limited(
        self: animatediff.AnimateDiff, pipeline: object, output: torch.Tensor, chosen: fit.Fit, check: CheckStopped
    ) -> object:
        fits.append(chosen)
        if chosen.decoded_pixels > 1:
            raise torch.OutOfMemoryError
        return decode(self, pipeline, output, chosen, check)

    monkeypatch.setattr(animatediff.AnimateDiff, "decode", limited)
    monkeypatch.setattr(generate.load(MODELS["tiny"]), "_preview", lambda *_: None)

    clip, _ = run(generate, plan(**SMALL))

    assert fits == [fit.Fit(), base.LEAST_MEMORY]
    assert np.abs(clip.frames.astype(int) - expected.frames).max() <= 1


def test_out_of_memory_names_the_stage(generate: Generate, plan: Plans) -> None:
    def check() -> None:
        raise torch.OutOfMemoryError("too much")

    with pytest.raises(OutOfMemory) as error:
        run(generate, plan(), check)

    assert error.value.stage == "generate"


def test_missing_files_are_named(tmp_path: Path, plan: Plans) -> None:
    with pytest.raises(StageFailed, match=r"generate: the files of animatediff are missing"):
        run(Generate(tmp_path, "cpu"), plan(model="animatediff"))


def test_a_warm_up_is_one_step_at_the_native_size(generate: Generate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only on a GPU. Without one, the test replaces the property that the decision reads."""
    generate.warm_up("tiny")
    plans: list[Plan] = []
    monkeypatch.setattr(Generate, "__call__", lambda _, plan, *__: plans.append(plan))
    monkeypatch.setattr(type(generate.hardware), "is_gpu", True)

    for name in ("tiny", "animatediff", "nothing"):
        generate.warm_up(name)

    assert [(plan.model, plan.base_width, plan.base_frames, plan.num_inference_steps) for plan in plans] == [
        ("tiny", 64, 16, 1)
    ]


def test_a_model_whose_native_size_exceeds_the_memory_is_only_loaded(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica that cannot warm up must start: smaller jobs are drawn."""
    generate = Generate(models_dir, "cpu")

    def too_large(*_: object) -> None:
        raise OutOfMemory("generate")

    monkeypatch.setattr(Generate, "__call__", too_large)
    monkeypatch.setattr(type(generate.hardware), "is_gpu", property(lambda _: generate._loaded is None))
    monkeypatch.setattr(type(generate.hardware), "dtype", lambda *_: torch.float32)

    generate.warm_up("tiny")

    assert generate._loaded is not None


@pytest.mark.parametrize(
    ("name", "size"), [("wan-1.3b", (832, 480, 81)), ("animatediff", (512, 512, 16)), ("cogvideox-2b", (720, 480, 49))]
)
def test_the_warm_up_of_a_model_has_a_size_it_can_draw(name: str, size: tuple[int, int, int]) -> None:
    plan = warm_up_plan(MODELS[name])

    assert (plan.base_width, plan.base_height, plan.frames_to_draw) == size


def test_a_loop_of_the_trained_model_has_no_seam(tmp_path: Path, plan: Plans) -> None:
    """A circle that crosses the picture jumps back at the seam. In a loop that step is like the others."""
    generate = Generate(tmp_path, "cpu")
    seams = {}
    for loop in (False, True):
        requested = plan(seed=3, num_inference_steps=12, guidance_scale=3.0, base_frames=16 + loop, loop=loop)
        frames = run(generate, requested)[0].frames[:16].astype(int)
        seams[loop] = np.abs(frames[0] - frames[15]).mean()

    assert seams[True] < 0.5 * seams[False]
