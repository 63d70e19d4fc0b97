"""Every family from files in its published layout, compared with a plain diffusers call with the same arguments."""

import shutil
from dataclasses import replace
from pathlib import Path

import diffusers
import numpy as np
import pytest
import torch

from pipeline.clip import Frames
from pipeline.contract.catalog import MODELS
from pipeline.contract.errors import StageFailed, Stopped
from pipeline.contract.plan import Plan
from pipeline.generators import images
from pipeline.generators.open import CLASSES, open_generator
from pipeline.models.hardware import Device
from tests.pipeline import small_models
from tests.pipeline.generators.families import (
    FOLDERS,
    Parts,
    Plans,
    common,
    draw,
    open_small,
    picture,
    plain_pipeline,
    plan_for,
    to_uint8,
)

pytestmark = pytest.mark.usefixtures("library_warnings")


def plain(name: str, folder: dict[str, Path], requested: Plan) -> Frames:
    """What diffusers draws."""
    pipe, arguments = plain_pipeline(name, folder, requested)
    with torch.inference_mode():
        return to_uint8(pipe(**arguments).frames)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_family_equals_plain_diffusers(name: str, parts: Parts, plan: Plans) -> None:
    requested = plan_for(plan, name)

    clip = draw(open_small(name, parts), requested)

    expected = plain(name, parts(name), requested)[: requested.base_frames]
    assert clip.frames.shape == (requested.base_frames, 64, 64, 3)
    assert clip.fps == MODELS[name].native_fps
    assert clip.frames.std() > 1
    assert np.array_equal(clip.frames, expected)


def test_every_family_of_the_catalog_has_a_class() -> None:
    assert {model.family for model in MODELS.values()} == set(CLASSES)


@pytest.mark.parametrize("name", ["modelscope", "svd", "wan-1.3b", "ltx-video", "cogvideox-2b"])
def test_every_family_reports_its_steps_and_stops(name: str, parts: Parts, plan: Plans) -> None:
    generator, steps = open_small(name, parts), []

    def check() -> None:
        if len(steps) == 2:
            raise Stopped

    with pytest.raises(Stopped), torch.inference_mode():
        generator.draw(plan_for(plan, name, num_inference_steps=4), lambda *step: steps.append(step[:2]), check)

    assert steps == [(1, 4), (2, 4)]


def test_ltx_video_begins_with_the_image(parts: Parts, plan: Plans) -> None:
    generator = open_small("ltx-video", parts)
    requested = plan_for(plan, "ltx-video", image=picture())

    clip = draw(generator, requested)

    pipe = diffusers.LTXImageToVideoPipeline.from_pretrained(parts("ltx-video")["base"], local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    image = images.decode(requested.image, 64, 64)
    with torch.inference_mode():
        expected = to_uint8(pipe(image=image, frame_rate=24, **common(requested)).frames)
    assert np.array_equal(clip.frames, expected)
    assert not np.array_equal(clip.frames, draw(generator, plan_for(plan, "ltx-video")).frames)


def test_stable_video_without_an_image_draws_the_first_frame(
    parts: Parts, plan: Plans, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (root / "sd").exists():
        small_models.stable_diffusion(root / "sd")
    monkeypatch.setattr("pipeline.generators.stable_video.FIRST_FRAME_STEPS", 1)
    model = replace(MODELS["svd"], memory=None)
    generator = open_generator(model, {**parts("svd"), "text-to-image": root / "sd"}, Device("cpu"), Path)

    first, other = (draw(generator, plan_for(plan, "svd", image="", prompt=prompt)) for prompt in ("a red", "a blue"))

    assert not np.array_equal(first.frames, other.frames)


def test_the_drawing_of_the_first_frame_stops_within_one_step(
    parts: Parts, plan: Plans, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (root / "sd").exists():
        small_models.stable_diffusion(root / "sd")
    model = replace(MODELS["svd"], memory=None, preview="none")
    generator = open_generator(model, {**parts("svd"), "text-to-image": root / "sd"}, Device("cpu"), Path)
    calls: list[int] = []
    predict = diffusers.UNet2DConditionModel.forward

    def counted(*arguments: object, **options: object) -> object:
        calls.append(1)
        return predict(*arguments, **options)

    monkeypatch.setattr(diffusers.UNet2DConditionModel, "forward", counted)

    def check() -> None:
        if len(calls) == 2:
            raise Stopped

    with pytest.raises(Stopped), torch.inference_mode():
        generator.draw(plan_for(plan, "svd", image=""), lambda *_: None, check)

    assert len(calls) == 2


def test_stable_video_without_an_image_and_a_text_model_fails(parts: Parts, plan: Plans) -> None:
    with pytest.raises(StageFailed, match="needs an image"):
        draw(open_small("svd", parts), plan_for(plan, "svd", image=""))


@pytest.mark.parametrize("damage", ["truncated", "missing"])
def test_damaged_files_give_one_line(damage: str, parts: Parts, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(parts("wan-1.3b")["base"], tmp_path / "wan"))
    shard = next(folder.glob("transformer/*-00002-of-*.safetensors"))
    shard.unlink() if damage == "missing" else shard.write_bytes(shard.read_bytes()[:-100])

    with pytest.raises(StageFailed, match=r"aura models verify wan-1\.3b") as error:
        open_generator(MODELS["wan-1.3b"], {"base": folder}, Device("cpu"), Path)

    assert "\n" not in str(error.value)
