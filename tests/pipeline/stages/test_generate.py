import io
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pipeline.clip import Clip
from pipeline.errors import OutOfMemory, StageFailed, Stopped
from pipeline.models import registry
from pipeline.spec import Plan
from pipeline.stages import generate as module
from pipeline.stages.generate import Generate

Plans = Callable[..., Plan]
Check = Callable[[], None]
Steps = list[tuple[int, int, bytes | None]]

SMALL = {"base_width": 32, "base_height": 32, "base_frames": 8}


@pytest.fixture(autouse=True)
def _numpy_two() -> Iterator[None]:
    """diffusers' Euler calls numpy in a way that numpy 2 warns of."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        yield


@pytest.fixture(scope="module")
def generate(models_dir: Path) -> Generate:
    return Generate(models_dir, "cpu")


def drawn(generate: Generate, plan: Plan, check: Check = lambda: None) -> tuple[Clip, Steps]:
    steps: Steps = []
    return generate(plan, lambda *step: steps.append(step), check), steps


def test_a_clip_of_the_planned_size(generate: Generate, plan: Plans) -> None:
    clip, steps = drawn(generate, plan(base_width=72, base_height=40))

    assert clip.frames.shape == (16, 40, 72, 3)
    assert clip.frames.dtype == np.uint8
    assert not clip.frames.flags.writeable
    assert clip.fps == 8
    assert [step[:2] for step in steps] == [(1, 3), (2, 3), (3, 3)]


def test_the_same_seed_gives_the_same_frames_and_another_others(generate: Generate, plan: Plans) -> None:
    first, again, other = (drawn(generate, plan(seed=seed, **SMALL))[0].frames for seed in (7, 7, 8))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("asked", [{"guidance_scale": 9.0}, {"num_inference_steps": 4}, {"prompt": "a green star"}])
def test_what_is_asked_for_changes_the_frames(generate: Generate, plan: Plans, asked: dict[str, object]) -> None:
    assert not np.array_equal(
        drawn(generate, plan(**SMALL))[0].frames, drawn(generate, plan(**SMALL, **asked))[0].frames
    )


@pytest.mark.parametrize("scheduler", ["euler", "heun", "dpm++"])
def test_every_sampler_without_noise_ends_near_the_same_picture(
    generate: Generate, plan: Plans, scheduler: str
) -> None:
    clip, steps = drawn(generate, plan(scheduler=scheduler, num_inference_steps=6, **SMALL))

    usual, _ = drawn(generate, plan(num_inference_steps=6, **SMALL))
    assert sorted({step[:2] for step in steps}) == [(step, 6) for step in range(1, 7)]
    assert np.abs(clip.frames.astype(int) - usual.frames).mean() < 20


def test_the_sampler_that_adds_noise_adds_the_same_for_a_seed(generate: Generate, plan: Plans) -> None:
    first, again = (drawn(generate, plan(scheduler="lcm", **SMALL))[0].frames for _ in range(2))

    assert np.array_equal(first, again)


def test_previews_move_and_stay_small(generate: Generate, plan: Plans) -> None:
    _, steps = drawn(generate, plan(num_inference_steps=12, **SMALL))

    previews = {step: preview for step, _, preview in steps if preview is not None}
    assert list(previews) == [2, 4, 6, 8, 10, 12]
    for preview in previews.values():
        assert len(preview) <= 64_000
        picture = Image.open(io.BytesIO(preview))
        assert (picture.format, picture.size) == ("WEBP", (32, 32))


def test_the_last_preview_shows_what_comes_out(generate: Generate, plan: Plans) -> None:
    clip, steps = drawn(generate, plan(**SMALL))

    preview = np.asarray(Image.open(io.BytesIO(steps[-1][2] or b"")).convert("RGB")).astype(int)
    other, _ = drawn(generate, plan(**SMALL, seed=8))
    assert np.abs(preview - clip.frames[0]).mean() < 0.5 * np.abs(preview - other.frames[0]).mean()


def test_latents_become_pictures_without_the_vae() -> None:
    grey, bright = torch.zeros(1, 4, 2, 8, 8), torch.tensor([2.0, 2.0, 0, -1]).view(1, 4, 1, 1, 1)

    pictures = module._linear(torch.cat([grey, grey + bright], dim=2))

    assert pictures.shape == (4, 3, 8, 8)
    assert (pictures[:2] == 0.5).all()
    assert (pictures[2:] > 0.9).all()


def test_a_stop_is_heard_within_one_step_and_hurts_nothing(generate: Generate, plan: Plans) -> None:
    before, _ = drawn(generate, plan(**SMALL))
    steps: Steps = []

    def check() -> None:
        if len(steps) == 2:
            raise Stopped

    with pytest.raises(Stopped):
        generate(plan(num_inference_steps=30, **SMALL), lambda *step: steps.append(step), check)

    assert len(steps) == 2
    assert np.array_equal(drawn(generate, plan(**SMALL))[0].frames, before.frames)


def test_a_stop_is_heard_between_decoded_frames(
    generate: Generate, plan: Plans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DECODE_PIXELS", 1)
    checks = []
    drawn(generate, plan(**SMALL), lambda: checks.append(1))

    assert len(checks) == 1 + 3 + SMALL["base_frames"]


def test_longer_than_the_context_is_free_noise_beside_the_usual_pipeline(generate: Generate, plan: Plans) -> None:
    short_before, _ = drawn(generate, plan(base_frames=16, base_width=32, base_height=32))

    long, _ = drawn(generate, plan(base_frames=32, base_width=32, base_height=32))

    assert long.frames.shape == (32, 32, 32, 3)
    assert not np.array_equal(long.frames[16:], long.frames[:16])
    short_after, _ = drawn(generate, plan(base_frames=16, base_width=32, base_height=32))
    assert np.array_equal(short_after.frames, short_before.frames)


def test_both_pipelines_share_their_weights(generate: Generate, plan: Plans) -> None:
    loaded = generate.load(registry.MODELS["tiny"])
    short, long = loaded.pipeline(plan(base_frames=16)), loaded.pipeline(plan(base_frames=17))

    assert long.free_noise_enabled
    assert not short.free_noise_enabled
    theirs = dict(long.unet.named_parameters())
    assert all(theirs[name] is parameter for name, parameter in short.unet.named_parameters())
    assert long.vae is short.vae


def test_weights_are_single_precision_on_the_cpu(generate: Generate, plan: Plans) -> None:
    pipeline = generate.load(registry.MODELS["tiny"]).pipeline(plan())

    for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
        assert {parameter.dtype for parameter in part.parameters()} == {torch.float32}


def test_running_out_of_memory_names_the_stage(generate: Generate, plan: Plans) -> None:
    def check() -> None:
        raise torch.OutOfMemoryError("too much")

    with pytest.raises(OutOfMemory) as error:
        drawn(generate, plan(), check)

    assert error.value.stage == "generate"


def test_missing_files_are_named(tmp_path: Path, plan: Plans) -> None:
    with pytest.raises(StageFailed, match=r"generate: the files of animatediff are missing"):
        drawn(Generate(tmp_path, "cpu"), plan(model="animatediff"))
