"""The times of both interpolators: base frame i has brightness i and the network blends, so brightness is position."""

import importlib.util
import json
import os
import subprocess
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


SAVED_MODEL_PROGRAM = """
import sys, numpy, tensorflow
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import torch
from pipeline.contract.catalog import INTERPOLATORS
from pipeline.models import film

class Film(tensorflow.Module):
    # FILM's signature. The published model ignores its time: inside, it is fixed at 0.5.
    @tensorflow.function
    def __call__(self, inputs, training=False):
        tensorflow.debugging.assert_equal(tensorflow.shape(inputs["x0"])[1] % 64, 0)
        return {"image": (inputs["x0"] + inputs["x1"]) * 0.5}

shape = tensorflow.TensorSpec((None, None, None, 3), tensorflow.float32)
time = tensorflow.TensorSpec((None, 1), tensorflow.float32)
model = Film()
for training in (False, True):
    model.__call__.get_concrete_function({"x0": shape, "x1": shape, "time": time}, training=training)
tensorflow.saved_model.save(model, sys.argv[1])
interpolate = film.load(INTERPOLATORS["film-tf"], Path(sys.argv[1]), "cpu")
base = torch.arange(4.0)[:, None, None, None].expand(4, 3, 40, 72)
frames = interpolate(base, [0, 0.25, 1.5, 2.75, 3], lambda: None)
assert frames.shape == (5, 3, 40, 72), frames.shape
print(frames[:, 0, 0, 0].tolist())
"""


@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="the extra film-tf is not installed")
def test_a_saved_model_with_the_published_signature_draws_any_time(tmp_path: Path) -> None:
    """In a process of its own: TensorFlow warns at its import, and neither library should see the other's threads."""
    root = str(Path(__file__).parents[3])
    command = [sys.executable, "-W", "ignore", "-c", SAVED_MODEL_PROGRAM, str(tmp_path / "film_net"), root]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}

    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=240)

    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == [0, 0.25, 1.5, 2.75, 3]


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


def test_the_torchscript_file_draws_any_time(models_dir: Path, never_stop: Callable[[], None]) -> None:
    entry = INTERPOLATORS["tiny-film"]
    interpolate = film.load(entry, find_file(entry, models_dir), "cpu")

    with torch.inference_mode():
        frames = interpolate(torch.rand(3, 3, 40, 72), [0, 0.3, 1.7], never_stop)

    assert frames.shape == (3, 3, 40, 72)
    assert isinstance(interpolate, film.AnyTime)
