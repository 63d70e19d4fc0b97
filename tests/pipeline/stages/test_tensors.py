from collections.abc import Callable

import numpy as np
import pytest
import torch

from pipeline.clip import Clip
from pipeline.errors import OutOfMemory
from pipeline.stages import tensors


def test_bytes_survive_the_way_to_numbers_and_back(noise: Callable[..., Clip]) -> None:
    clip = noise(2, 16, 24)

    numbers = tensors.to_numbers(clip.frames, "cpu")

    assert numbers.shape == (2, 3, 16, 24)
    assert 0 <= numbers.min() <= numbers.max() <= 1
    assert np.array_equal(tensors.to_frames(numbers), clip.frames)


def test_numbers_are_rounded_and_kept_in_range() -> None:
    numbers = torch.tensor([-1.0, 0.49 / 255, 0.51 / 255, 2.0]).view(4, 1, 1, 1).expand(4, 3, 1, 1)

    assert tensors.to_frames(numbers)[:, 0, 0, 0].tolist() == [0, 0, 1, 255]


def test_half_precision_holds_every_byte() -> None:
    every = np.tile(np.arange(256, dtype=np.uint8)[:, None], (1, 3)).reshape(1, 16, 16, 3)

    assert np.array_equal(tensors.to_frames(tensors.to_numbers(every, "cpu").half()), every)


@pytest.mark.parametrize("size", [(64, 64), (30, 22), (640, 360)])
def test_a_fit_is_exact_and_keeps_flat_colours(size: tuple[int, int]) -> None:
    flat = torch.tensor([1.0, 0.5, 0.0]).view(1, 3, 1, 1).expand(1, 3, 40, 72)

    fitted = tensors.fitted(flat, *size)

    assert fitted.shape == (1, 3, size[1], size[0])
    assert torch.allclose(fitted, flat[..., :1, :1].expand_as(fitted), atol=1e-5)


def test_making_smaller_averages_instead_of_picking() -> None:
    grain = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))

    assert tensors.fitted(grain, 16, 16).std() < grain.std() / 2


def test_the_same_size_is_not_touched() -> None:
    numbers = torch.rand(1, 3, 8, 8)

    assert torch.equal(tensors.fitted(numbers, 8, 8), numbers)


@pytest.mark.parametrize(("width", "height"), [(320, 180), (180, 320), (160, 160), (640, 480)])
def test_circles_stay_circles(width: int, height: int) -> None:
    y, x = torch.meshgrid(torch.arange(192.0), torch.arange(320.0), indexing="ij")
    disc = ((x - 159.5) ** 2 + (y - 95.5) ** 2 < 40**2).float().expand(1, 3, 192, 320)

    shown = tensors.fitted(disc, width, height)[0, 0] > 0.5

    across, down = shown.any(0).sum(), shown.any(1).sum()
    assert shown.shape == (height, width)
    assert abs(int(across) - int(down)) <= 2
    rows, columns = shown.any(1).nonzero(), shown.any(0).nonzero()
    assert abs(int(rows[0] + rows[-1]) - (height - 1)) <= 2
    assert abs(int(columns[0] + columns[-1]) - (width - 1)) <= 2


def test_auto_is_a_device_that_is_there() -> None:
    assert tensors.device_named("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    assert tensors.device_named("cuda:1") == "cuda:1"


def test_running_out_of_memory_gets_the_stages_name() -> None:
    with pytest.raises(OutOfMemory) as error, tensors.out_of_memory("upscale"):
        raise torch.OutOfMemoryError

    assert error.value.stage == "upscale"
