"""Compiled blocks. The backend `eager` traces and guards like the real one, and compiles nothing."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo import config, reset
from torch._dynamo.utils import counters

from pipeline.generators import architectures
from pipeline.generators.base import compile_regions

DEFAULT_LIMIT = 8
SHAPES = 11


class ResnetBlock2D(nn.Module):
    """Named like the block of diffusers: the names decide what is compiled."""

    def forward(self, x: Tensor) -> Tensor:
        return x + 1


@pytest.fixture
def _dynamo() -> Iterator[None]:
    reset()
    counters.clear()
    with config.patch(recompile_limit=DEFAULT_LIMIT, accumulated_recompile_limit=256):
        yield
    reset()
    counters.clear()


@pytest.mark.usefixtures("_dynamo")
def test_every_shape_is_compiled() -> None:
    network = nn.Sequential(ResnetBlock2D(), ResnetBlock2D())
    compile_regions(network, "eager")

    for size in range(1, SHAPES + 1):
        network(torch.zeros(size))

    assert counters["frames"]["ok"] == SHAPES
    assert not counters["unimplemented"]


def test_one_size_of_sd15_needs_more_versions_of_a_block_than_the_default_limit() -> None:
    kinds = set()
    unet = architectures.on_meta(architectures.sd15_unet)
    for module in unet.modules():
        if type(module).__name__ == "ResnetBlock2D":
            module.register_forward_pre_hook(
                lambda block, inputs: kinds.add((inputs[0].shape, block.conv1.weight.shape))
            )

    unet(architectures.empty(2, 4, 64, 64), 500, encoder_hidden_states=architectures.empty(2, 77, 768))

    assert len(kinds) == 14 > DEFAULT_LIMIT
