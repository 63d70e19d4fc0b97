from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from pipeline.clip import Clip
from pipeline.errors import StageFailed, Stopped
from pipeline.models import film
from pipeline.spec import Plan
from pipeline.stages.interpolate import Interpolate

Plans = Callable[..., Plan]
Check = Callable[[], None]


@pytest.fixture(scope="module")
def interpolate(models_dir: Path) -> Interpolate:
    return Interpolate(models_dir, "cpu")


def test_spans_join_without_a_seam(
    interpolate: Interpolate, plan: Plans, noise: Callable[..., Clip], go_on: Check
) -> None:
    base, asked = noise(16, 40, 72), plan(fps=30, frames=60)

    clips = [interpolate(base, asked, span, go_on) for span in asked.spans]

    assert [len(clip) for clip in clips] == [16, 16, 16, 12]
    assert {clip.fps for clip in clips} == {30}
    assert {clip.frames.shape[1:] for clip in clips} == {(40, 72, 3)}
    one_span = asked.model_copy(update={"frames": 60})
    whole = interpolate(base, one_span, one_span.spans[0].model_copy(update={"stop": 60}), go_on)
    joined = np.concatenate([clip.frames for clip in clips])
    assert np.abs(joined.astype(int) - whole.frames).max() <= 1
    assert_array_equal(joined[[0, -1]], base.frames[[0, -1]])


@pytest.mark.parametrize("fps", [24, 30, 60])
def test_times_are_those_of_the_plan(
    interpolate: Interpolate, plan: Plans, go_on: Check, monkeypatch: pytest.MonkeyPatch, fps: int
) -> None:
    """Base frame i has brightness 16 i, and the network blends: the brightness tells the time."""
    blend = film.AnyTime(lambda a, b, t: a + (b - a) * t[:, :, None, None])
    monkeypatch.setattr(interpolate, "_loaded", ("tiny-film", blend))
    brightness = 16 * np.arange(16, dtype=np.uint8)
    base = Clip(np.tile(brightness[:, None, None, None], (1, 8, 8, 3)), 8)
    asked = plan(fps=fps, frames=2 * fps)

    for span in asked.spans:
        frames = interpolate(base, asked, span, go_on).frames

        assert frames[:, 0, 0, 0] == pytest.approx([16 * p for p in asked.positions(span)], abs=0.51)


def test_only_the_base_frames_around_a_span_are_touched(
    interpolate: Interpolate, plan: Plans, go_on: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def network(base: film.Tensor, positions: list[float], check: Check) -> film.Tensor:
        seen.append(len(base))
        assert all(0 <= position <= len(base) - 1 for position in positions)
        return base[:1].expand(len(positions), 3, 8, 8)

    monkeypatch.setattr(interpolate, "_loaded", ("tiny-film", network))
    asked = plan(frames=48, base_frames=16)

    for span in asked.spans:
        interpolate(Clip(np.zeros((16, 8, 8, 3), np.uint8), 8), asked, span, go_on)

    assert seen == [6, 6, 6]


def test_a_stop_is_heard(interpolate: Interpolate, plan: Plans, noise: Callable[..., Clip]) -> None:
    def stop() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        interpolate(noise(16, 8, 8), plan(), plan().spans[0], stop)


def test_missing_files_are_named(tmp_path: Path, plan: Plans, noise: Callable[..., Clip], go_on: Check) -> None:
    with pytest.raises(StageFailed, match=r"interpolate: the files of film are missing"):
        Interpolate(tmp_path, "cpu")(noise(16, 8, 8), plan(model="animatediff"), plan().spans[0], go_on)
