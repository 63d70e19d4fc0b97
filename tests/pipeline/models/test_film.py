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


def test_each_midpoint_is_drawn_once_only_if_needed_and_with_its_level(never_stop: Callable[[], None]) -> None:
    calls: list[list[float]] = []

    def counted(first: Tensor, second: Tensor) -> Tensor:
        calls.append(((first + second)[:, 0, 0, 0] / 2).tolist())
        return middle(first, second)

    frames = film.Midpoints(counted)(ramp(3), [0, 0.25, 0.5, 0.75, 1, 1.5, 2], never_stop)

    assert positions_of(frames) == [0, 0.25, 0.5, 0.75, 1, 1.5, 2]
    assert calls == [[0.5, 1.5], [0.25, 0.75]]


def test_two_seconds_are_drawn_in_one_batch_per_level(
    plan: Callable[..., Plan], never_stop: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """191 midpoints one after the other would leave a GPU idle."""
    monkeypatch.setattr(film, "BATCH_PIXELS", 10**9)
    batches: list[int] = []

    def counted(first: Tensor, second: Tensor) -> Tensor:
        batches.append(len(first))
        return middle(first, second)

    requested = plan(fps=24, frames=48)
    positions = [position for span in requested.spans for position in requested.positions(span)]
    film.Midpoints(counted)(ramp(16), positions, never_stop)

    assert (len(batches), sum(batches)) == (6, 191)


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


class OldRelease(torch.nn.Module):
    """film_net v1.0.0: the same file name, but it ignores the time."""

    def forward(self, first: Tensor, second: Tensor, times: Tensor) -> Tensor:
        return (first + second) / 2


class OneAtATime(torch.nn.Module):
    """film_net v1.0.1: raises for batches of more than one pair."""

    def forward(self, first: Tensor, second: Tensor, times: Tensor) -> Tensor:
        assert first.shape[0] == 1, "one pair at a time"
        return first + (second - first) * times[:, :, None, None]


@pytest.mark.parametrize(
    ("network", "reason"), [(OldRelease(), "ignores the requested time"), (OneAtATime(), "batches")]
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_older_releases_of_film_are_refused(network: torch.nn.Module, reason: str, tmp_path: Path) -> None:
    torch.jit.script(network).save(str(tmp_path / "film_net_fp32.pt"))

    with pytest.raises(StageFailed, match=f"{reason}.*aura models pull film"):
        film.load(INTERPOLATORS["film"], tmp_path / "film_net_fp32.pt", "cpu")


class Darker(torch.nn.Module):
    """Draws frames of `gain` times their brightness, which tells from which file it was loaded."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.tensor(gain))

    def forward(self, first: Tensor, second: Tensor, times: Tensor) -> Tensor:
        return (first + (second - first) * times[:, :, None, None]) * self.gain


@pytest.mark.parametrize(
    ("dtype", "files", "drawn"),
    [
        (torch.float16, ("film_net_fp32.pt", "film_net_fp16.pt"), 0.25),
        (torch.float32, ("film_net_fp32.pt", "film_net_fp16.pt"), 0.5),
        (torch.float16, ("film_net_fp32.pt",), 0.5),
    ],
    ids=["half", "single", "half without its file"],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_half_precision_has_a_file_of_its_own(
    dtype: torch.dtype, files: tuple[str, ...], drawn: float, tmp_path: Path, never_stop: Callable[[], None]
) -> None:
    gains = {"film_net_fp32.pt": 1.0, "film_net_fp16.pt": 0.5}
    for file in files:
        network = torch.jit.script(Darker(gains[file]).to(torch.float16 if "16" in file else torch.float32))
        network.save(str(tmp_path / file))
    interpolate = film.load(INTERPOLATORS["film"], tmp_path / "film_net_fp32.pt", "cpu", dtype)
    base = torch.stack([torch.zeros(3, 64, 64), torch.ones(3, 64, 64)]).to(dtype)

    with torch.inference_mode():
        frames = interpolate(base, [0.5], never_stop)

    assert frames.dtype is dtype
    assert positions_of(frames) == [drawn]


def test_the_torchscript_file_draws_any_time(models_dir: Path, never_stop: Callable[[], None]) -> None:
    entry = INTERPOLATORS["tiny-film"]
    interpolate = film.load(entry, find_file(entry, models_dir), "cpu")

    with torch.inference_mode():
        frames = interpolate(torch.rand(3, 3, 40, 72), [0, 0.3, 1.7], never_stop)

    assert frames.shape == (3, 3, 40, 72)
    assert isinstance(interpolate, film.AnyTime)
