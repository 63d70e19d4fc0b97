"""Both published forms of FILM as files, with networks that see a moving dot and draw it between its places.

The dot moves by the same distance in each base frame, so its place in a drawn frame is the time of that frame.
"""

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
from pipeline.contract.plan import Plan
from pipeline.models import film

ROOT = Path(__file__).parents[3]
HEIGHT, WIDTH, FIRST, STEP, FRAMES = 40, 200, 12.0, 11.0, 16
RATES = (24, 30, 60)
# The first version of Python without wheels of TensorFlow.
NO_TENSORFLOW = (3, 14)


def dots() -> Tensor:
    """Base frames (T, 3, H, W) of a white dot on black that moves to the right."""
    places = FIRST + STEP * torch.arange(FRAMES)
    squares = (torch.arange(WIDTH) - places[:, None, None]) ** 2 + (torch.arange(HEIGHT)[:, None] - HEIGHT / 2) ** 2
    return torch.exp(-squares / 8)[:, None].expand(-1, 3, -1, -1).clone()


def times_of(frames: Tensor) -> list[float]:
    """The times, in base frames, of frames (N, 3, H, W) from the place of the dot."""
    columns = frames[:, 0].double().sum(1)
    places = (columns * torch.arange(WIDTH)).sum(1) / columns.sum(1)
    return ((places - FIRST) / STEP).tolist()


def positions(plan: Callable[..., Plan], fps: int) -> list[float]:
    """The positions of all frames of two seconds."""
    requested = plan(fps=fps, frames=2 * fps)
    return [position for span in requested.spans for position in requested.positions(span)]


class DotFilm(torch.nn.Module):
    """The contract of the TorchScript port: two frames and any time between them."""

    def places(self, frames: Tensor) -> Tensor:
        columns = frames[:, 0].sum(1)
        return (columns * torch.arange(frames.shape[3])).sum(1) / columns.sum(1)

    def forward(self, first: Tensor, second: Tensor, times: Tensor) -> Tensor:
        assert first.shape[2] % 64 == 0, "sides are multiples of 64"
        if bool(first.std() < 1e-6):
            return first + (second - first) * times[:, :, None, None]
        place = self.places(first) * (1 - times[:, 0]) + self.places(second) * times[:, 0]
        across = torch.arange(first.shape[3])[None, None, :] - place[:, None, None]
        down = torch.arange(first.shape[2])[None, :, None] - 20.0
        return torch.exp(-(across**2 + down**2) / 8)[:, None].expand(-1, 3, -1, -1)


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_dot_is_where_the_torchscript_file_was_asked_for(
    fps: int, plan: Callable[..., Plan], tmp_path: Path
) -> None:
    torch.jit.script(DotFilm()).save(str(tmp_path / "film_net_fp32.pt"))
    interpolate = film.load(INTERPOLATORS["film"], tmp_path / "film_net_fp32.pt", "cpu")
    wanted = positions(plan, fps)

    with torch.inference_mode():
        frames = interpolate(dots(), wanted, lambda: None)

    assert times_of(frames) == pytest.approx(wanted, abs=1e-3)


SAVED_MODEL_PROGRAM = """
import json, sys, tensorflow as tf
from pathlib import Path
folder, root, wanted = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
sys.path.insert(0, root)
import torch
from pipeline.contract.catalog import INTERPOLATORS
from pipeline.models import film
from tests.pipeline.models.test_film_files import dots, times_of

class Film(tf.Module):
    # FILM's signature. The published model ignores its time: inside, it is fixed at 0.5.
    @tf.function
    def __call__(self, inputs, training=False):
        tf.debugging.assert_equal(tf.shape(inputs["x0"])[1] % 64, 0)
        return {"image": self.between(inputs["x0"], inputs["x1"])}

class Blend(Film):
    def between(self, first, second):
        return (first + second) * 0.5

class Dot(Film):
    def place(self, frames):
        columns = tf.reduce_sum(frames[..., 0], 1)
        numbers = tf.range(tf.shape(frames)[2])
        return tf.reduce_sum(columns * tf.cast(numbers, tf.float32), 1) / tf.reduce_sum(columns, 1)

    def between(self, first, second):
        place = (self.place(first) + self.place(second)) * 0.5
        across = tf.cast(tf.range(tf.shape(first)[2]), tf.float32)[None, None, :] - place[:, None, None]
        down = tf.cast(tf.range(tf.shape(first)[1]), tf.float32)[None, :, None] - 20.0
        return tf.repeat(tf.exp(-(across**2 + down**2) / 8)[..., None], 3, axis=-1)

def saved(model, name):
    shape = tf.TensorSpec((None, None, None, 3), tf.float32)
    time = tf.TensorSpec((None, 1), tf.float32)
    for training in (False, True):
        model.__call__.get_concrete_function({"x0": shape, "x1": shape, "time": time}, training=training)
    tf.saved_model.save(model, str(folder / name))
    return film.load(INTERPOLATORS["film-tf"], folder / name, "cpu")

base = torch.arange(4.0)[:, None, None, None].expand(4, 3, 40, 72)
frames = saved(Blend(), "blend")(base, [0, 0.25, 1.5, 2.75, 3], lambda: None)
assert frames.shape == (5, 3, 40, 72), frames.shape
dot = saved(Dot(), "dot")
found = {fps: times_of(dot(dots(), times, lambda: None)) for fps, times in wanted.items()}
print(json.dumps({"blend": frames[:, 0, 0, 0].tolist(), "dot": found}))
"""


def require_tensorflow() -> None:
    """`make test-models` must not pass without the proof. TensorFlow has wheels for some versions of Python only."""
    if importlib.util.find_spec("tensorflow") is not None:
        return
    if os.environ.get("AURA_TEST_MODELS") == "all" and sys.version_info < NO_TENSORFLOW:
        pytest.fail("the extra film-tf is not installed: pip install -e '.[film-tf]'")
    pytest.skip("the extra film-tf is not installed")


@pytest.mark.parametrize(
    ("version", "outcome"), [((3, 11), pytest.fail.Exception), (NO_TENSORFLOW, pytest.skip.Exception)]
)
def test_all_tests_of_the_models_need_tensorflow_where_there_is_one(
    version: tuple[int, int], outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AURA_TEST_MODELS", "all")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(sys, "version_info", version)

    with pytest.raises(outcome, match="film-tf is not installed"):
        require_tensorflow()


def test_a_saved_model_with_the_published_signature_draws_any_time(plan: Callable[..., Plan], tmp_path: Path) -> None:
    """In a process of its own: TensorFlow warns at its import, and neither library should see the other's threads."""
    require_tensorflow()
    wanted = {str(fps): positions(plan, fps) for fps in RATES}
    program = ["-W", "ignore", "-c", SAVED_MODEL_PROGRAM, str(tmp_path), str(ROOT), json.dumps(wanted)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}

    done = subprocess.run(
        [sys.executable, *program], capture_output=True, text=True, check=False, env=environment, timeout=240
    )

    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["blend"] == [0, 0.25, 1.5, 2.75, 3]
    for fps in wanted:
        assert found["dot"][fps] == pytest.approx(wanted[fps], abs=1 / 128 + 1e-3)
