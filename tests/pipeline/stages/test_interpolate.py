from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from pipeline.clip import Clip
from pipeline.contract.errors import CheckStopped, StageFailed, Stopped
from pipeline.contract.plan import Plan
from pipeline.models import film
from pipeline.stages.interpolate import Interpolate

Plans = Callable[..., Plan]


@pytest.fixture(scope="module")
def interpolate(models_dir: Path) -> Interpolate:
    return Interpolate(models_dir, "cpu")


def test_spans_equal_one_interpolation_of_all_frames(
    interpolate: Interpolate, plan: Plans, noise: Callable[..., Clip], never_stop: CheckStopped
) -> None:
    base, requested = noise(16, 40, 72), plan(fps=30, frames=60)

    clips = [interpolate(base, requested, span, never_stop) for span in requested.spans]

    assert [len(clip) for clip in clips] == [16, 16, 16, 12]
    assert {clip.fps for clip in clips} == {30}
    assert {clip.frames.shape[1:] for clip in clips} == {(40, 72, 3)}
    one_span = requested.model_copy(update={"frames": 60})
    whole = interpolate(base, one_span, one_span.spans[0].model_copy(update={"stop": 60}), never_stop)
    joined = np.concatenate([clip.frames for clip in clips])
    assert np.abs(joined.astype(int) - whole.frames).max() <= 1
    assert_array_equal(joined[[0, -1]], base.frames[[0, -1]])


@pytest.mark.parametrize("fps", [24, 30, 60])
def test_frames_are_at_the_positions_of_the_plan(
    interpolate: Interpolate, plan: Plans, never_stop: CheckStopped, monkeypatch: pytest.MonkeyPatch, fps: int
) -> None:
    """Base frame i has brightness 16 i and the network blends, so the brightness is 16 times the position."""
    blend = film.AnyTime(lambda a, b, t: a + (b - a) * t[:, :, None, None])
    monkeypatch.setattr(interpolate, "_loaded", ("tiny-film", blend))
    brightness = 16 * np.arange(16, dtype=np.uint8)
    base = Clip(np.tile(brightness[:, None, None, None], (1, 8, 8, 3)), 8)
    requested = plan(fps=fps, frames=2 * fps)

    for span in requested.spans:
        frames = interpolate(base, requested, span, never_stop).frames

        assert frames[:, 0, 0, 0] == pytest.approx([16 * p for p in requested.positions(span)], abs=0.51)


def test_the_network_receives_only_the_base_frames_around_a_span(
    interpolate: Interpolate, plan: Plans, never_stop: CheckStopped, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[int] = []

    def network(base: film.Tensor, positions: list[float], check: CheckStopped) -> film.Tensor:
        counts.append(len(base))
        assert all(0 <= position <= len(base) - 1 for position in positions)
        return base[:1].expand(len(positions), 3, 8, 8)

    monkeypatch.setattr(interpolate, "_loaded", ("tiny-film", network))
    requested = plan(frames=48, base_frames=16)

    for span in requested.spans:
        interpolate(Clip(np.zeros((16, 8, 8, 3), np.uint8), 8), requested, span, never_stop)

    assert counts == [6, 6, 6]


def test_a_stop_is_checked(interpolate: Interpolate, plan: Plans, noise: Callable[..., Clip]) -> None:
    def stop() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        interpolate(noise(16, 8, 8), plan(), plan().spans[0], stop)


def test_missing_files_are_named(
    tmp_path: Path, plan: Plans, noise: Callable[..., Clip], never_stop: CheckStopped
) -> None:
    with pytest.raises(StageFailed, match=r"interpolate: the files of film are missing"):
        Interpolate(tmp_path, "cpu")(noise(16, 8, 8), plan(model="animatediff"), plan().spans[0], never_stop)


def test_out_of_memory_is_retried_once_in_small_batches(
    interpolate: Interpolate, plan: Plans, never_stop: CheckStopped, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []

    def network(first: film.Tensor, second: film.Tensor, times: film.Tensor) -> film.Tensor:
        batches.append(len(first))
        if len(first) > 1:
            raise torch.OutOfMemoryError
        return first

    monkeypatch.setattr(film, "BATCH_PIXELS", 8 * 8 * 8)
    monkeypatch.setattr(interpolate, "_loaded", ("tiny-film", film.AnyTime(network)))
    requested = plan(frames=48, base_frames=16)

    for span in requested.spans[:2]:
        interpolate(Clip(np.zeros((16, 8, 8, 3), np.uint8), 8), requested, span, never_stop)

    assert batches[0] == 8
    assert set(batches[1:]) == {1}


def test_a_warm_up_loads_the_interpolator_of_a_model_and_draws_one_frame(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only on a GPU. Without one, the test replaces the property that the decision reads."""
    stage = Interpolate(models_dir, "cpu")
    stage.warm_up("tiny")
    assert stage._loaded is None
    monkeypatch.setattr(type(stage.hardware), "is_gpu", True)
    drawn: list[torch.Size] = []
    call = film.AnyTime.__call__

    def counted(self: film.AnyTime, *arguments: Any) -> torch.Tensor:
        frames = call(self, *arguments)
        drawn.append(frames.shape)
        return frames

    monkeypatch.setattr(film.AnyTime, "__call__", counted)

    for name in ("animatediff", "nothing", "tiny"):
        stage.warm_up(name)

    assert stage._loaded is not None
    assert stage._loaded[0] == "tiny-film"
    assert drawn == [(1, 3, 64, 64)]
