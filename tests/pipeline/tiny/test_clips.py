import random

import numpy as np
import pytest

from pipeline.contract import vocabulary
from pipeline.tiny import clips


def test_a_seed_determines_the_clip() -> None:
    scene = clips.Scene("star", "yellow", "purple", "orbit")
    first, again, other = clips.clip(scene, 3), clips.clip(scene, 3), clips.clip(scene, 4)
    assert first.shape == (16, 64, 64, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("motion", clips.MOTIONS)
@pytest.mark.parametrize(("width", "height"), [(64, 64), (80, 48), (48, 80)])
def test_the_object_stays_inside(motion: str, width: int, height: int) -> None:
    for seed in range(6):
        shape = "star" if motion == "spin" else clips.SHAPES[seed % 4]
        scene = clips.Scene(shape, "white", "black", motion, ("small", "large")[seed % 2])
        frames = clips.clip(scene, seed, width, height)
        border = np.concatenate([frames[:, [0, -1]].reshape(-1), frames[:, :, [0, -1]].reshape(-1)])
        assert (border == clips.PALETTE["black"][0]).all()


def test_a_higher_frame_rate_contains_the_same_frames() -> None:
    scene = clips.Scene("square", "red", "white", "bounce")
    assert np.array_equal(clips.clip(scene, 1, frames=31)[::2], clips.clip(scene, 1))


def test_one_in_ten_combinations_is_held_out() -> None:
    scenes = [
        clips.Scene(shape, colour, ground, "up")
        for shape in clips.SHAPES
        for colour in clips.PALETTE
        for ground in clips.PALETTE
        if colour != ground
    ]
    share = sum(scene.held_out for scene in scenes) / len(scenes)
    assert 0.08 < share < 0.15
    rng = random.Random(0)
    assert not any(clips.random_scene(rng).held_out for _ in range(200))
    assert all(clips.random_scene(rng, held_out=True).held_out for _ in range(20))


def test_captions_match_the_scene_and_use_known_words() -> None:
    rng = random.Random(1)
    texts = set()
    for _ in range(2000):
        scene = clips.random_scene(rng)
        caption = clips.caption(scene, rng)
        texts.add(caption.text)
        assert caption.shape == scene.shape
        assert caption.background in (None, scene.background)
        assert caption.motion in (None, scene.motion)
        # Some captions contain one unknown word.
        assert len(vocabulary.unknown_words(caption.text)) <= 1
    assert len(texts) > 1900


def test_the_standard_prompt() -> None:
    scene = clips.Scene("circle", "red", "blue", "right")
    assert clips.prompt(scene) == "a red circle moving right on a blue background"
    assert not scene.held_out
