from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.clip import Clip
from pipeline.errors import OutOfMemory, StageFailed, Stopped
from pipeline.models.realesrgan import SRVGGNetCompact
from pipeline.spec import Plan
from pipeline.stages import upscale as module
from pipeline.stages.upscale import Upscale, tiled

Plans = Callable[..., Plan]
Check = Callable[[], None]


@pytest.fixture
def upscale(models_dir: Path) -> Upscale:
    return Upscale(models_dir, "cpu")


@pytest.mark.parametrize(
    ("factor", "width", "height"), [(2, 144, 80), (4, 288, 160), (4, 256, 144), (4, 640, 360), (1, 100, 50)]
)
def test_frames_get_exactly_the_size_asked_for(
    upscale: Upscale, plan: Plans, noise: Callable[..., Clip], go_on: Check, factor: int, width: int, height: int
) -> None:
    clip = upscale(noise(3, 40, 72, 24), plan(upscale=factor, width=width, height=height), go_on)

    assert clip.frames.shape == (3, height, width, 3)
    assert clip.fps == 24
    assert not clip.frames.flags.writeable


def test_batches_do_not_change_the_frames(
    upscale: Upscale, plan: Plans, noise: Callable[..., Clip], go_on: Check
) -> None:
    clip, asked = noise(5, 16, 24), plan(upscale=2, width=48, height=32)
    whole = upscale(clip, asked, go_on)
    upscale._at_once_pixels = 2 * 32 * 48
    checks: list[int] = []

    batched = upscale(clip, asked, lambda: checks.append(1))

    assert len(checks) == 3
    assert np.abs(whole.frames.astype(int) - batched.frames).max() <= 1


def test_a_batch_is_as_large_as_what_comes_out(upscale: Upscale, plan: Plans, noise: Callable[..., Clip]) -> None:
    """Tiny frames that become large ones: many at once would not fit."""
    upscale._at_once_pixels = 2 * 256 * 256
    checks: list[int] = []

    upscale(noise(4, 16, 16), plan(upscale=2, width=256, height=256), lambda: checks.append(1))

    assert len(checks) == 2


def test_tiles_show_no_seam(models_dir: Path, plan: Plans, noise: Callable[..., Clip], go_on: Check) -> None:
    clip, asked = noise(1, 70, 90), plan(upscale=4, width=360, height=280)

    whole = Upscale(models_dir, "cpu")(clip, asked, go_on)
    pieces = Upscale(models_dir, "cpu", tile=32)(clip, asked, go_on)

    assert np.abs(whole.frames.astype(int) - pieces.frames).max() <= 1


def test_a_tile_never_holds_more_than_asked() -> None:
    network = SRVGGNetCompact(num_feat=4, num_conv=1, upscale=2)
    seen: list[tuple[int, ...]] = []
    network.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape[-2:])))

    assert tiled(network, torch.rand(1, 3, 100, 70), 32).shape == (1, 3, 200, 140)

    assert len(seen) == 12
    assert max(height for height, _ in seen) == 32 + 2 * module.MARGIN
    assert max(width for _, width in seen) <= 32 + 2 * module.MARGIN


class SmallDevice(torch.nn.Module):
    """An upscaler on a device that holds `most` frames at a time, and of each so many pixels."""

    scale = 2

    def __init__(self, most: int, most_pixels: int = 10**9) -> None:
        super().__init__()
        self.most, self.most_pixels, self.batches = most, most_pixels, []

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        self.batches.append(len(numbers))
        if len(numbers) > self.most or numbers.shape[-1] * numbers.shape[-2] > self.most_pixels:
            raise torch.OutOfMemoryError
        return torch.nn.functional.interpolate(numbers, scale_factor=2.0)


def test_a_device_that_is_too_small_gets_fewer_frames_from_then_on(
    upscale: Upscale, plan: Plans, noise: Callable[..., Clip], go_on: Check
) -> None:
    network, clip = SmallDevice(most=3), noise(8, 16, 24)
    upscale._loaded = ("tiny-realesr-x2", network)
    asked = plan(upscale=2, width=48, height=32)

    enlarged = upscale(clip, asked, go_on)
    upscale(clip, asked, go_on)

    assert network.batches == [8, 4, 2, 2, 2, 2, 2, 2, 2, 2]
    assert np.array_equal(enlarged.frames[:, ::2, ::2], clip.frames)


def test_a_device_that_is_too_small_for_a_frame_gets_tiles_of_it(
    upscale: Upscale, plan: Plans, noise: Callable[..., Clip], go_on: Check
) -> None:
    clip, asked = noise(2, 200, 280), plan(upscale=2, width=560, height=400)
    network = SmallDevice(most=1, most_pixels=110 * 110)
    upscale._loaded = ("tiny-realesr-x2", network)

    enlarged = upscale(clip, asked, go_on)

    assert upscale.tile == 70
    assert np.array_equal(enlarged.frames[:, ::2, ::2], clip.frames)


def test_not_even_one_frame_is_out_of_memory(
    upscale: Upscale, plan: Plans, noise: Callable[..., Clip], go_on: Check
) -> None:
    upscale._loaded = ("tiny-realesr-x2", SmallDevice(most=0))

    with pytest.raises(OutOfMemory) as error:
        upscale(noise(2, 16, 24), plan(upscale=2, width=48, height=32), go_on)

    assert error.value.stage == "upscale"


def test_a_stop_is_heard(upscale: Upscale, plan: Plans, noise: Callable[..., Clip]) -> None:
    def stop() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        upscale(noise(1, 16, 24), plan(), stop)


def test_missing_files_are_named(tmp_path: Path, plan: Plans, noise: Callable[..., Clip], go_on: Check) -> None:
    with pytest.raises(StageFailed, match=r"upscale: the files of realesrgan-x4plus are missing"):
        Upscale(tmp_path, "cpu")(noise(1, 8, 8), plan(model="animatediff"), go_on)
