from collections.abc import Callable

import numpy as np
import pytest
import torch

from pipeline.clip import Clip
from pipeline.contract.errors import OutOfMemory
from pipeline.models import tensors


def test_converting_to_a_tensor_and_back_is_exact(noise: Callable[..., Clip]) -> None:
    clip = noise(2, 16, 24)

    tensor = tensors.to_tensor(clip.frames, "cpu")

    assert tensor.shape == (2, 3, 16, 24)
    assert 0 <= tensor.min() <= tensor.max() <= 1
    assert np.array_equal(tensors.to_frames(tensor), clip.frames)


def test_values_are_rounded_and_clamped() -> None:
    tensor = torch.tensor([-1.0, 0.49 / 255, 0.51 / 255, 2.0]).view(4, 1, 1, 1).expand(4, 3, 1, 1)

    assert tensors.to_frames(tensor)[:, 0, 0, 0].tolist() == [0, 0, 1, 255]


def test_half_precision_represents_every_byte() -> None:
    frames = np.tile(np.arange(256, dtype=np.uint8)[:, None], (1, 3)).reshape(1, 16, 16, 3)

    assert np.array_equal(tensors.to_frames(tensors.to_tensor(frames, "cpu").half()), frames)


@pytest.mark.parametrize("size", [(64, 64), (30, 22), (640, 360)])
def test_the_size_is_exact_and_flat_colours_are_preserved(size: tuple[int, int]) -> None:
    flat = torch.tensor([1.0, 0.5, 0.0]).view(1, 3, 1, 1).expand(1, 3, 40, 72)

    resized = tensors.crop_and_resize(flat, *size)

    assert resized.shape == (1, 3, size[1], size[0])
    assert torch.allclose(resized, flat[..., :1, :1].expand_as(resized), atol=1e-5)


def test_shrinking_averages_pixels() -> None:
    grain = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))

    assert tensors.crop_and_resize(grain, 16, 16).std() < grain.std() / 2


def test_the_same_size_is_not_changed() -> None:
    tensor = torch.rand(1, 3, 8, 8)

    assert torch.equal(tensors.crop_and_resize(tensor, 8, 8), tensor)


@pytest.mark.parametrize(("width", "height"), [(320, 180), (180, 320), (160, 160), (640, 480)])
def test_circles_are_not_stretched(width: int, height: int) -> None:
    y, x = torch.meshgrid(torch.arange(192.0), torch.arange(320.0), indexing="ij")
    disc = ((x - 159.5) ** 2 + (y - 95.5) ** 2 < 40**2).float().expand(1, 3, 192, 320)

    resized = tensors.crop_and_resize(disc, width, height)[0, 0] > 0.5

    width_of_disc, height_of_disc = resized.any(0).sum(), resized.any(1).sum()
    assert resized.shape == (height, width)
    assert abs(int(width_of_disc) - int(height_of_disc)) <= 2
    rows, columns = resized.any(1).nonzero(), resized.any(0).nonzero()
    assert abs(int(rows[0] + rows[-1]) - (height - 1)) <= 2
    assert abs(int(columns[0] + columns[-1]) - (width - 1)) <= 2


def test_precision_depends_on_the_device() -> None:
    assert [tensors.dtype_for(device) for device in ("cpu", "cuda", "cuda:1")] == [torch.float32] + 2 * [torch.float16]


def test_out_of_memory_names_the_stage() -> None:
    with pytest.raises(OutOfMemory) as error, tensors.out_of_memory("upscale"):
        raise torch.OutOfMemoryError

    assert error.value.stage == "upscale"
