"""LoRAs of the families besides AnimateDiff on SD 1.5, compared with `load_lora_weights` and `set_adapters`."""

from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.contract.catalog import MODELS, family_of
from pipeline.contract.spec import LoraUse
from pipeline.generators import images
from tests.pipeline import small_models
from tests.pipeline.generators.families import (
    FOLDERS,
    Parts,
    Plans,
    draw,
    open_small,
    picture,
    plain_pipeline,
    plan_for,
    to_uint8,
)

pytestmark = pytest.mark.usefixtures("library_warnings")

WEIGHT = 0.7
ACCEPTING = [name for name in FOLDERS if family_of(MODELS[name]).loras]
CASES = [(name, False) for name in ACCEPTING] + [("ltx-video", True)]


def test_no_model_of_a_family_without_loras_accepts_any() -> None:
    assert not [model.name for model in MODELS.values() if model.accepts and not family_of(model).loras]


def save_lora(denoiser: Any, part: str, path: Path) -> Path:
    """A LoRA for the attention layers, with the keys of diffusers for this part."""
    small_models.save_lora(denoiser, path)
    save_file({f"{part}.{key.removeprefix('unet.')}": value for key, value in load_file(path).items()}, path)
    return path


@pytest.mark.parametrize(("name", "with_image"), CASES)
def test_a_lora_equals_plain_diffusers_and_leaves_no_trace(
    name: str, with_image: bool, parts: Parts, plan: Plans, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = open_small(name, parts)
    part = generator.family.denoiser
    path = save_lora(getattr(generator._bare, part), part, tmp_path / "style.safetensors")
    monkeypatch.setattr(generator, "_find_lora", lambda _: path)
    bare = plan_for(plan, name, **({"image": picture()} if with_image else {}))
    before = draw(generator, bare).frames

    frames = draw(generator, bare.model_copy(update={"loras": (LoraUse(name="style", weight=WEIGHT),)})).frames

    pipe, arguments = plain_pipeline(name, parts(name), bare)
    if with_image:
        pipe = diffusers.LTXImageToVideoPipeline(**pipe.components)
        arguments["image"] = images.decode(bare.image, 64, 64)
    pipe.load_lora_weights(load_file(path), adapter_name="style")
    pipe.set_adapters(["style"], [WEIGHT])
    pipe.set_progress_bar_config(disable=True)
    with torch.inference_mode():
        expected = to_uint8(pipe(**arguments).frames)[: bare.base_frames]
    assert np.array_equal(frames, expected)
    assert not np.array_equal(frames, before)
    assert np.array_equal(draw(generator, bare).frames, before)
