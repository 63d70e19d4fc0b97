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
def test_a_resize_is_exact_and_keeps_flat_colours(size: tuple[int, int]) -> None:
    flat = torch.tensor([1.0, 0.5, 0.0]).view(1, 3, 1, 1).expand(1, 3, 40, 72)

    resized = tensors.resized(flat, *size)

    assert resized.shape == (1, 3, size[1], size[0])
    assert torch.allclose(resized, flat[..., :1, :1].expand_as(resized), atol=1e-5)


def test_making_smaller_averages_instead_of_picking() -> None:
    stripes = torch.tensor([0.0, 1.0]).repeat(32).view(1, 1, 1, 64).expand(1, 3, 64, 64)

    assert tensors.resized(stripes, 16, 16)[..., 2:-2].sub(0.5).abs().max() < 0.02


def test_the_same_size_is_not_touched() -> None:
    numbers = torch.rand(1, 3, 8, 8)

    assert tensors.resized(numbers, 8, 8) is numbers


def test_auto_is_a_device_that_is_there() -> None:
    assert tensors.device_named("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    assert tensors.device_named("cuda:1") == "cuda:1"


def test_running_out_of_memory_gets_the_stages_name() -> None:
    with pytest.raises(OutOfMemory) as error, tensors.out_of_memory("upscale"):
        raise torch.OutOfMemoryError

    assert error.value.stage == "upscale"
