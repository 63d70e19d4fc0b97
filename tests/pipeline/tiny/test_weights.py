"""The shipped weights, loaded by the code that loads published ones, held to their figures."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AnimateDiffPipeline
from safetensors import safe_open

from pipeline.models import realesrgan
from pipeline.tiny import clips, evaluate, layout, random_weights

# A short form of what `aura evaluate tiny` prints for 100 prompts.
PROMPTS = 40
AT_LEAST = {"background": 0.98, "colour": 0.98, "shape": 0.80, "motion": 0.95, "all_four": 0.75}


@pytest.fixture(scope="module")
def generator() -> AnimateDiffPipeline:
    torch.set_num_threads(2)
    return evaluate.generator(layout.SHIPPED)


@pytest.fixture(scope="module")
def figures() -> evaluate.Figures:
    return evaluate.evaluate(prompts=PROMPTS, others=False)


def test_all_weights_fit_in_git() -> None:
    assert layout.total_bytes(layout.SHIPPED) <= layout.LIMIT_BYTES


def test_the_card_says_what_this_is() -> None:
    card = json.loads((layout.SHIPPED / layout.CARD).read_text())
    assert card["trained"] is True
    assert card["licence"] == "Apache-2.0"
    assert (card["width"], card["height"], card["frames"]) == (64, 64, 16)


@pytest.mark.parametrize("name", list(AT_LEAST))
def test_held_out_prompts_are_followed(figures: evaluate.Figures, name: str) -> None:
    assert getattr(figures, name) >= AT_LEAST[name], evaluate.report(figures)


def test_the_sentence_of_the_readme(generator: AnimateDiffPipeline) -> None:
    frames = evaluate.generate(generator, "a red circle moving right on a blue background", 1)
    said = evaluate.judge(frames)
    assert (said.colour, said.shape, said.motion, said.background) == ("red", "circle", "right", "blue")


def test_seeds_guidance_and_negative_prompt_matter(generator: AnimateDiffPipeline) -> None:
    text = "a green star orbiting on a white background"
    plain = evaluate.generate(generator, text, 1)
    assert np.array_equal(plain, evaluate.generate(generator, text, 1))
    assert not np.array_equal(plain, evaluate.generate(generator, text, 2))
    assert not np.array_equal(plain, evaluate.generate(generator, text, 1, guidance=5.0))
    assert not np.array_equal(plain, evaluate.generate(generator, text, 1, negative="a small blue circle"))


def test_interpolation_is_better_than_a_cross_fade() -> None:
    assert evaluate.interpolation_gain(layout.SHIPPED, 10) >= 4.0


@pytest.mark.parametrize("scale", list(layout.UPSCALERS))
def test_upscaling_is_better_than_bicubic(scale: int) -> None:
    assert evaluate.upscaling_gain(layout.SHIPPED, scale, 10) >= 3.0


@pytest.mark.parametrize("scale", list(layout.UPSCALERS))
def test_upscalers_carry_the_published_keys(scale: int) -> None:
    with safe_open(layout.SHIPPED / layout.UPSCALERS[scale], framework="pt") as file:
        assert "body.0.weight" in file.keys()  # noqa: SIM118
        assert file.metadata()["upscale"] == str(scale)


def test_random_weights_have_the_same_files_and_load(tmp_path: Path) -> None:
    random_weights.build(tmp_path)
    names = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    shipped = {path.relative_to(layout.SHIPPED) for path in layout.SHIPPED.rglob("*") if path.is_file()}
    assert names == {name for name in shipped if name.suffix != ".md"}
    frames = evaluate.generate(evaluate.generator(tmp_path), "a red circle", 1, steps=2, size=(80, 48))
    assert frames.shape == (clips.FRAMES, 48, 80, 3)
    film = evaluate.interpolator(tmp_path)
    image = torch.rand(2, 3, 50, 62)
    assert film(image, image, torch.full((2, 1), 0.3)).shape == image.shape
    for scale, name in layout.UPSCALERS.items():
        assert realesrgan.load(tmp_path / name)(image).shape == (2, 3, 50 * scale, 62 * scale)
