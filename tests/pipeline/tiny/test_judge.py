import io
import random

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.tiny import clips
from pipeline.tiny.judge import NONE, Verdict, judge


def expected(scene: clips.Scene) -> Verdict:
    return Verdict(scene.background, scene.colour, scene.shape, scene.motion)


def through_h264(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Encode and decode in memory, with 4:2:0 and a usual quality."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=clips.FPS, options={"crf": "23"})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    file.seek(0)
    with av.open(file) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


@pytest.mark.parametrize(
    ("width", "height", "count"),
    [(64, 64, 200), (80, 48, 40), (48, 80, 40), (128, 128, 20), (256, 256, 10), (512, 512, 4)],
)
def test_drawn_clips_are_classified_correctly(width: int, height: int, count: int) -> None:
    rng = random.Random(width)
    for seed in range(count):
        scene = clips.random_scene(rng, held_out=seed % 3 == 0, motion=clips.MOTIONS[seed % 10])
        assert judge(clips.clip(scene, seed, width, height)) == expected(scene)


@pytest.mark.parametrize(("side", "count"), [(64, 40), (256, 6)])
def test_compressed_clips_are_classified_correctly(side: int, count: int) -> None:
    rng = random.Random(5)
    for seed in range(count):
        scene = clips.random_scene(rng, motion=clips.MOTIONS[seed % 10])
        assert judge(through_h264(clips.clip(scene, seed, side, side))) == expected(scene)


def test_the_number_of_frames_does_not_change_the_verdict() -> None:
    for seed, motion in enumerate(clips.MOTIONS):
        scene = clips.Scene("triangle", "cyan", "black", motion)
        assert judge(clips.clip(scene, seed, frames=46)) == expected(scene)


def test_an_empty_clip_has_no_object() -> None:
    frames = np.full((16, 64, 64, 3), clips.PALETTE["blue"], dtype=np.uint8)
    assert judge(frames) == Verdict("blue", NONE, NONE, NONE)


def test_noise_is_not_a_motion() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (16, 64, 64, 3), dtype=np.uint8)
    assert judge(noise).motion in (NONE, "still", "spin")


def test_the_motion_depends_on_the_order_of_frames() -> None:
    frames = clips.clip(clips.Scene("circle", "red", "blue", "right"), 0)
    shuffled = frames[np.random.default_rng(2).permutation(len(frames))]
    assert judge(frames).motion == "right"
    assert judge(frames[::-1]).motion == "left"
    assert judge(shuffled).motion != "right"
