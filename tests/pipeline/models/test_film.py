"""The times of both interpolators: base frame i has brightness i and the network blends, so brightness is position."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pipeline.contract.catalog import INTERPOLATORS
from pipeline.contract.errors import StageFailed, Stopped
from pipeline.contract.plan import Plan
from pipeline.models import film
from pipeline.models.weights import find_file


def blend(first: Tensor, second: Tensor, times: Tensor) -> Tensor:
    return first + (second - first) * times[:, :, None, None]


def middle(first: Tensor, second: Tensor) -> Tensor:
    return (first + second) / 2


def ramp(frames: int) -> Tensor:
    return torch.arange(frames, dtype=torch.float64)[:, None, None, None].expand(frames, 3, 4, 4).clone()


def positions_of(frames: Tensor) -> list[float]:
    assert (frames.amax((1, 2, 3)) - frames.amin((1, 2, 3)) == 0).all()
    return frames[:, 0, 0, 0].tolist()


@pytest.mark.parametrize("fps", [24, 30, 60])
def test_any_time_is_exact(fps: int, plan: Callable[..., Plan], never_stop: Callable[[], None]) -> None:
    requested = plan(fps=fps, frames=2 * fps)
    for span in requested.spans:
        positions = requested.positions(span)

        frames = film.AnyTime(blend)(ramp(16), positions, never_stop)

        assert positions_of(frames) == pytest.approx(positions, abs=1e-12)


@pytest.mark.parametrize("fps", [24, 30, 60])
def test_midpoints_are_exact_to_a_128th(fps: int, plan: Callable[..., Plan], never_stop: Callable[[], None]) -> None:
    requested = plan(fps=fps, frames=2 * fps)
    for span in requested.spans:
        positions = requested.positions(span)

        frames = film.Midpoints(middle)(ramp(16), positions, never_stop)

        assert positions_of(frames) == pytest.approx(positions, abs=1 / 128)


def test_each_midpoint_is_drawn_once_and_only_if_needed(never_stop: Callable[[], None]) -> None:
    drawn: list[float] = []

    def counted(first: Tensor, second: Tensor) -> Tensor:
        drawn.append(float((first + second)[0, 0, 0, 0]) / 2)
        return middle(first, second)

    frames = film.Midpoints(counted)(ramp(3), [0, 0.25, 0.5, 0.75, 1, 1.5, 2], never_stop)

    assert positions_of(frames) == [0, 0.25, 0.5, 0.75, 1, 1.5, 2]
    assert drawn == [0.5, 0.25, 0.75, 1.5]


@pytest.mark.parametrize("interpolate", [film.AnyTime(blend), film.Midpoints(middle)], ids=["any", "midpoints"])
def test_base_frames_are_not_changed(interpolate: film.FrameInterpolator, never_stop: Callable[[], None]) -> None:
    base = torch.rand(4, 3, 8, 8)

    frames = interpolate(base, [0, 1, 1.5, 2, 3], never_stop)

    assert torch.equal(frames[[0, 1, 3, 4]], base)


def test_batches_do_not_change_the_frames(monkeypatch: pytest.MonkeyPatch, never_stop: Callable[[], None]) -> None:
    base, positions = torch.rand(5, 3, 8, 8), [0.1, 0.9, 1.5, 2.0, 3.7, 4.0]
    whole = film.AnyTime(blend)(base, positions, never_stop)

    monkeypatch.setattr(film, "BATCH_PIXELS", 2 * 8 * 8)

    assert torch.equal(film.AnyTime(blend)(base, positions, never_stop), whole)


def test_sides_are_padded_to_the_multiple_of_the_network() -> None:
    shapes: list[tuple[int, ...]] = []

    def recording(first: Tensor, second: Tensor, at: Tensor) -> Tensor:
        shapes.append(tuple(first.shape))
        return blend(first, second, at)

    first, second = torch.rand(2, 2, 3, 40, 72)

    between = film.pad_to_multiple(recording, 64)(first, second, torch.full((2, 1), 0.25))

    assert shapes == [(2, 3, 64, 128)]
    assert torch.equal(between, blend(first, second, torch.full((2, 1), 0.25)))


@pytest.mark.parametrize("interpolate", [film.AnyTime(blend), film.Midpoints(middle)], ids=["any", "midpoints"])
def test_a_stop_is_checked_between_frames(interpolate: film.FrameInterpolator) -> None:
    def stop() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        interpolate(torch.rand(2, 3, 8, 8), [0.5], stop)


def test_the_saved_model_requires_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)

    with pytest.raises(StageFailed, match="needs TensorFlow, which is not installed: install `film`"):
        film.load(INTERPOLATORS["film-tf"], Path("saved_model"), "cpu")


class FakeTensorFlow:
    """The API of TensorFlow that the loader uses. The network returns the mean of both frames."""

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


def test_the_saved_model_is_called_with_the_published_signature(
    monkeypatch: pytest.MonkeyPatch, never_stop: Callable[[], None]
) -> None:
    fake = FakeTensorFlow()
    monkeypatch.setitem(sys.modules, "tensorflow", fake)
    interpolate = film.load(INTERPOLATORS["film-tf"], Path("saved_model"), "cpu")

    frames = interpolate(torch.stack([torch.zeros(3, 40, 72), torch.ones(3, 40, 72)]), [0.25], never_stop)

    assert frames.shape == (1, 3, 40, 72)
    assert frames.unique().tolist() == [0.25]
    assert fake.calls == [{"x0": (1, 64, 128, 3), "x1": (1, 64, 128, 3), "time": (1, 1), "training": False}] * 2


def test_the_torchscript_file_draws_any_time(models_dir: Path, never_stop: Callable[[], None]) -> None:
    entry = INTERPOLATORS["tiny-film"]
    interpolate = film.load(entry, find_file(entry, models_dir), "cpu")

    with torch.inference_mode():
        frames = interpolate(torch.rand(3, 3, 40, 72), [0, 0.3, 1.7], never_stop)

    assert frames.shape == (3, 3, 40, 72)
    assert isinstance(interpolate, film.AnyTime)
