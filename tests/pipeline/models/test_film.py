"""Both FILMs must hit the times: with a blend of brightness i in base frame i, a frame's brightness IS its position."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pipeline.errors import StageFailed, Stopped
from pipeline.models import film
from pipeline.models.registry import INTERPOLATORS
from pipeline.spec import Plan


def blend(first: Tensor, second: Tensor, times: Tensor) -> Tensor:
    return first + (second - first) * times[:, :, None, None]


def middle(first: Tensor, second: Tensor) -> Tensor:
    return (first + second) / 2


def ramp(frames: int) -> Tensor:
    return torch.arange(frames, dtype=torch.float64)[:, None, None, None].expand(frames, 3, 4, 4).clone()


def times(frames: Tensor) -> list[float]:
    assert (frames.amax((1, 2, 3)) - frames.amin((1, 2, 3)) == 0).all()
    return frames[:, 0, 0, 0].tolist()


@pytest.mark.parametrize("fps", [24, 30, 60])
def test_any_time_is_exact(fps: int, plan: Callable[..., Plan], go_on: Callable[[], None]) -> None:
    asked = plan(fps=fps, frames=2 * fps)
    for span in asked.spans:
        positions = asked.positions(span)

        frames = film.AnyTime(blend)(ramp(16), positions, go_on)

        assert times(frames) == pytest.approx(positions, abs=1e-12)


@pytest.mark.parametrize("fps", [24, 30, 60])
def test_midpoints_come_within_a_128th(fps: int, plan: Callable[..., Plan], go_on: Callable[[], None]) -> None:
    asked = plan(fps=fps, frames=2 * fps)
    for span in asked.spans:
        positions = asked.positions(span)

        frames = film.Midpoints(middle)(ramp(16), positions, go_on)

        assert times(frames) == pytest.approx(positions, abs=1 / 128)


def test_midpoints_are_drawn_once_and_only_where_needed(go_on: Callable[[], None]) -> None:
    drawn: list[float] = []

    def counted(first: Tensor, second: Tensor) -> Tensor:
        drawn.append(float((first + second)[0, 0, 0, 0]) / 2)
        return middle(first, second)

    frames = film.Midpoints(counted)(ramp(3), [0, 0.25, 0.5, 0.75, 1, 1.5, 2], go_on)

    assert times(frames) == [0, 0.25, 0.5, 0.75, 1, 1.5, 2]
    assert drawn == [0.5, 0.25, 0.75, 1.5]


@pytest.mark.parametrize("interpolate", [film.AnyTime(blend), film.Midpoints(middle)], ids=["any", "midpoints"])
def test_base_frames_come_through_untouched(interpolate: film.Interpolator, go_on: Callable[[], None]) -> None:
    base = torch.rand(4, 3, 8, 8)

    frames = interpolate(base, [0, 1, 1.5, 2, 3], go_on)

    assert torch.equal(frames[[0, 1, 3, 4]], base)


def test_batches_do_not_change_the_frames(monkeypatch: pytest.MonkeyPatch, go_on: Callable[[], None]) -> None:
    base, positions = torch.rand(5, 3, 8, 8), [0.1, 0.9, 1.5, 2.0, 3.7, 4.0]
    whole = film.AnyTime(blend)(base, positions, go_on)

    monkeypatch.setattr(film, "BATCH_PIXELS", 2 * 8 * 8)

    assert torch.equal(film.AnyTime(blend)(base, positions, go_on), whole)


def test_sides_are_padded_to_what_the_network_takes() -> None:
    seen: list[tuple[int, ...]] = []

    def watched(first: Tensor, second: Tensor, at: Tensor) -> Tensor:
        seen.append(tuple(first.shape))
        return blend(first, second, at)

    first, second = torch.rand(2, 2, 3, 40, 72)

    between = film.aligned(watched, 64)(first, second, torch.full((2, 1), 0.25))

    assert seen == [(2, 3, 64, 128)]
    assert torch.equal(between, blend(first, second, torch.full((2, 1), 0.25)))


@pytest.mark.parametrize("interpolate", [film.AnyTime(blend), film.Midpoints(middle)], ids=["any", "midpoints"])
def test_a_stop_is_heard_between_frames(interpolate: film.Interpolator) -> None:
    def stop() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        interpolate(torch.rand(2, 3, 8, 8), [0.5], stop)


def test_the_saved_model_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)

    with pytest.raises(StageFailed, match="needs TensorFlow, which is not installed: fetch `film`"):
        film.load(INTERPOLATORS["film-tf"], Path("saved_model"), "cpu")


class FakeTensorFlow:
    """The few names of TensorFlow that the SavedModel is called by; its network is the mean of both frames."""

    float32 = "float32"

    def __init__(self) -> None:
        self.saved_model, self.calls = self, []

    def load(self, path: str) -> "FakeTensorFlow":
        self.path = path
        return self

    def constant(self, value: object, dtype: str = "") -> object:
        return value

    def fill(self, shape: tuple[int, ...], value: float) -> Tensor:
        return torch.full(shape, value)

    def __call__(self, inputs: dict[str, object], training: bool) -> dict[str, Tensor]:
        self.calls.append({name: tuple(value.shape) for name, value in inputs.items()} | {"training": training})
        return {"image": torch.from_numpy((inputs["x0"] + inputs["x1"]) / 2)}


def test_the_saved_model_is_called_as_it_was_published(
    monkeypatch: pytest.MonkeyPatch, go_on: Callable[[], None]
) -> None:
    fake = FakeTensorFlow()
    monkeypatch.setitem(sys.modules, "tensorflow", fake)
    interpolate = film.load(INTERPOLATORS["film-tf"], Path("saved_model"), "cpu")

    frames = interpolate(torch.stack([torch.zeros(3, 40, 72), torch.ones(3, 40, 72)]), [0.25], go_on)

    assert frames.shape == (1, 3, 40, 72)
    assert frames.unique().tolist() == [0.25]
    assert fake.calls == [{"x0": (1, 64, 128, 3), "x1": (1, 64, 128, 3), "time": (1, 1), "training": False}] * 2


def test_the_torchscript_file_is_asked_for_any_time(models_dir: Path, go_on: Callable[[], None]) -> None:
    entry = INTERPOLATORS["tiny-film"]
    interpolate = film.load(entry, entry.path(models_dir), "cpu")

    with torch.inference_mode():
        frames = interpolate(torch.rand(3, 3, 40, 72), [0, 0.3, 1.7], go_on)

    assert frames.shape == (3, 3, 40, 72)
    assert isinstance(interpolate, film.AnyTime)
