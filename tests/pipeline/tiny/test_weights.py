"""The shipped weights: they load like published ones and reach their figures."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AnimateDiffPipeline
from safetensors import safe_open

from pipeline.models import realesrgan
from pipeline.models.weights import SHIPPED
from pipeline.tiny import clips, evaluate, layout
from pipeline.tiny.training import random_weights

# The weights are committed to git.
LIMIT_BYTES = 25_000_000
# Fewer than the 100 prompts of `aura evaluate tiny`.
PROMPTS = 20
AT_LEAST = {"background": 0.98, "colour": 0.98, "shape": 0.80, "motion": 0.95, "all_four": 0.75}


@pytest.fixture(scope="module")
def generator() -> AnimateDiffPipeline:
    return evaluate.generator(SHIPPED)


@pytest.fixture(scope="module")
def figures() -> evaluate.Figures:
    return evaluate.evaluate(prompts=PROMPTS, others=False, batch=8)


def test_the_weights_are_small_enough_for_git() -> None:
    assert layout.total_bytes(SHIPPED) <= LIMIT_BYTES


def test_the_card_describes_the_weights() -> None:
    card = json.loads((SHIPPED / layout.CARD).read_text())
    assert card["trained"] is True
    assert card["licence"] == "Apache-2.0"
    assert (card["width"], card["height"], card["frames"]) == (64, 64, 16)


@pytest.mark.parametrize("name", list(AT_LEAST))
def test_held_out_prompts_are_followed(figures: evaluate.Figures, name: str) -> None:
    assert getattr(figures, name) >= AT_LEAST[name], evaluate.report(figures)


def test_the_prompt_of_the_readme_is_followed(generator: AnimateDiffPipeline) -> None:
    frames = evaluate.generate(generator, "a red circle moving right on a blue background", 1)
    verdict = evaluate.judge(frames)
    assert (verdict.colour, verdict.shape, verdict.motion, verdict.background) == ("red", "circle", "right", "blue")


def test_seed_guidance_and_negative_prompt_change_the_frames(generator: AnimateDiffPipeline) -> None:
    text = "a green star orbiting on a white background"
    plain = evaluate.generate(generator, text, 1)
    assert np.array_equal(plain, evaluate.generate(generator, text, 1))
    assert not np.array_equal(plain, evaluate.generate(generator, text, 2))
    assert not np.array_equal(plain, evaluate.generate(generator, text, 1, guidance=5.0))
    assert not np.array_equal(plain, evaluate.generate(generator, text, 1, negative="a small blue circle"))


def test_clips_of_a_batch_equal_single_ones(generator: AnimateDiffPipeline) -> None:
    texts, seeds = ["a red circle moving right", "a blue square"], [1, 2]
    together = evaluate.generate_batch(generator, texts, seeds, steps=4)
    alone = [evaluate.generate(generator, text, seed, steps=4) for text, seed in zip(texts, seeds, strict=True)]
    assert np.abs(together.astype(int) - np.stack(alone)).max() <= 2


def test_interpolation_is_better_than_a_cross_fade() -> None:
    assert evaluate.interpolation_gain(SHIPPED, 10) >= 4.0


@pytest.mark.parametrize("scale", list(layout.UPSCALERS))
def test_upscaling_is_better_than_bicubic(scale: int) -> None:
    assert evaluate.upscaling_gain(SHIPPED, scale, 10) >= 3.0


@pytest.mark.parametrize("scale", list(layout.UPSCALERS))
def test_upscalers_have_the_published_keys(scale: int) -> None:
    with safe_open(SHIPPED / layout.UPSCALERS[scale], framework="pt") as file:
        assert "body.0.weight" in file.keys()  # noqa: SIM118
        assert file.metadata()["upscale"] == str(scale)


def test_random_weights_have_the_same_files_and_load(tmp_path: Path) -> None:
    random_weights.build(tmp_path)
    names = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    shipped = {path.relative_to(SHIPPED) for path in SHIPPED.rglob("*") if path.is_file()}
    assert names == {name for name in shipped if name.suffix != ".md"}
    frames = evaluate.generate(evaluate.generator(tmp_path), "a red circle", 1, steps=2, size=(80, 48))
    assert frames.shape == (clips.FRAMES, 48, 80, 3)
    film = evaluate.interpolator(tmp_path)
    image = torch.rand(2, 3, 50, 62)
    assert film(image, image, torch.full((2, 1), 0.3)).shape == image.shape
    for scale, name in layout.UPSCALERS.items():
        assert realesrgan.load(tmp_path / name)(image).shape == (2, 3, 50 * scale, 62 * scale)
