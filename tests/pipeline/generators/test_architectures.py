"""The published networks at full size, on the meta device: nothing is computed or allocated."""

import os

import diffusers
import pytest
import torch
from torch import nn

from pipeline.contract.catalog import MODELS
from pipeline.generators import architectures
from pipeline.generators.architectures import ARCHITECTURES, empty, measure, on_meta
from pipeline.models.convert import motion_module
from pipeline.models.memory import parameters, peak_bytes, weight_bytes
from pipeline.models.realesrgan import RRDBNet, SRVGGNetCompact
from pipeline.stages.upscale import BYTES_PER_PIXEL
from tests.pipeline.small_models import authors_key

ALL = os.environ.get("AURA_TEST_MODELS") == "all"
# Millions of parameters.
PARAMETERS = {
    "animatediff": {"unet": 1312.7, "vae": 83.7, "text_encoder": 123.1},
    "animatediff-sdxl": {"unet": 2804.2, "text_encoder_2": 694.7},
    "modelscope": {"unet": 1411.2, "text_encoder": 340.4},
    "svd": {"unet": 1524.6, "vae": 97.7, "image_encoder": 632.1},
    "wan-1.3b": {"transformer": 1419.0, "vae": 126.9, "text_encoder": 5680.9},
    "wan2.2-5b": {"transformer": 4999.8, "vae": 704.7},
    "ltx-video": {"transformer": 1923.4, "text_encoder": 4762.3},
    "cogvideox-2b": {"transformer": 1693.8, "vae": 215.6},
}  # fmt: skip


@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.filterwarnings("ignore")
def test_the_networks_have_the_published_number_of_parameters(name: str) -> None:
    parts = ARCHITECTURES[name].parts

    found = {part: parameters(on_meta(parts[part])) / 1e6 for part in PARAMETERS[name]}

    assert found == pytest.approx(PARAMETERS[name], abs=0.05)


MOTION_UNETS = {
    "animatediff": (architectures.sd15_unet, diffusers.MotionAdapter),
    "animatediff-sdxl": (
        architectures.sdxl_unet,
        lambda: diffusers.MotionAdapter(block_out_channels=(320, 640, 1280), use_motion_mid_block=False),
    ),
}


@pytest.mark.parametrize("name", MOTION_UNETS)
def test_the_animated_unet_has_the_keys_of_its_base_and_of_its_adapter(name: str) -> None:
    """Each key comes from one of the two files: none keeps random weights, and none is dropped."""
    base, adapter = (on_meta(build).state_dict() for build in MOTION_UNETS[name])

    found = on_meta(ARCHITECTURES[name].parts["unet"]).state_dict()

    motion = {key for key in found if "motion_modules" in key}
    assert found.keys() - motion == base.keys()
    assert {key.replace("motion_modules.", "") for key in motion} == {
        key.replace("motion_modules.", "") for key in adapter
    }
    assert all(found[key].shape == base[key].shape for key in base)


def test_a_motion_module_of_its_authors_has_the_keys_of_the_adapter() -> None:
    """At full size, without and with the layers of the middle block; the position embeddings are computed."""
    for mid_block in (False, True):
        adapter = on_meta(lambda mid=mid_block: diffusers.MotionAdapter(use_motion_mid_block=mid)).state_dict()
        published = {authors_key(key): value for key, value in adapter.items()}

        converted, metadata = motion_module({key.removeprefix("module."): value for key, value in published.items()})

        assert converted.keys() == {key for key in adapter if "pos_embed" not in key}
        assert metadata == {"motion_max_seq_length": "32"}


@pytest.mark.parametrize(
    ("network", "millions"), [(RRDBNet(4), 16.70), (RRDBNet(2), 16.70), (SRVGGNetCompact(64, 32, 4), 1.21)]
)
def test_upscalers_have_the_published_size_and_the_memory_that_batches_are_planned_with(
    network: nn.Module, millions: float
) -> None:
    assert parameters(network) / 1e6 == pytest.approx(millions, abs=0.005)
    on_device = on_meta(lambda: network)
    peak = peak_bytes(on_device, lambda: on_device(empty(1, 3, 256, 256)))

    per_pixel = peak / (256 * 256 * network.scale**2)  # type: ignore[operator]

    assert per_pixel <= BYTES_PER_PIXEL[type(network).__name__]
    if isinstance(network, RRDBNet):
        assert per_pixel == pytest.approx(BYTES_PER_PIXEL["RRDBNet"], rel=0.1)


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.filterwarnings("ignore")
def test_the_catalog_states_the_memory_within_a_tenth(name: str) -> None:
    if not ALL and name != "animatediff":
        pytest.skip("only in `make test-models`: AURA_TEST_MODELS=all")
    stated = MODELS[name].memory
    assert stated is not None
    frames = ARCHITECTURES[name].native[0]

    found = measure(ARCHITECTURES[name])

    for memory_of in (
        lambda memory: memory.weights + memory.fixed + memory.frame * frames,
        lambda memory: memory.largest,
        lambda memory: memory.denoiser,
        lambda memory: memory.decoded,
    ):
        assert memory_of(stated) == pytest.approx(memory_of(found), rel=0.1)


def test_memory_is_freed_with_its_tensors() -> None:
    class Chain(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for _ in range(10):
                x = x + 1
            return x

    chain = Chain()

    assert peak_bytes(chain, lambda: chain(empty(1000))) == 3 * 2000
    assert weight_bytes(nn.Linear(10, 10)) == 110 * 4


def test_attention_is_counted_without_its_matrix() -> None:
    module = nn.Identity()
    query = empty(1, 8, 4096, 64)

    peak = peak_bytes(module, lambda: nn.functional.scaled_dot_product_attention(query, query, query))

    assert peak == query.numel() * 2
    assert architectures.GUIDED == 2
