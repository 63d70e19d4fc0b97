"""The measures that save memory: each is taken for one plan, and the next plan is drawn without it."""

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLLTXVideo

from pipeline.generators import base
from pipeline.models.fit import Fit
from pipeline.models.hardware import Device
from tests.pipeline.generators.families import FOLDERS, Parts, Plans, draw, open_small, plan_for
from tests.pipeline.small_networks import seeded

pytestmark = pytest.mark.usefixtures("library_warnings")


@pytest.mark.parametrize("name", FOLDERS)
def test_the_measures_of_one_plan_do_not_remain(
    name: str, parts: Parts, plan: Plans, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a GPU, `is_gpu` is replaced while the offload is set up, to the CPU."""
    generator = open_small(name, parts)
    requested = plan_for(plan, name, num_inference_steps=1)
    first = draw(generator, requested).frames

    with monkeypatch.context() as patched:
        patched.setattr(Device, "is_gpu", True)
        patched.setattr(generator, "dtype", torch.float32)
        saving = generator.prepare(requested, base.LEAST_MEMORY)
    assert hasattr(getattr(saving, generator.family.denoiser), "_hf_hook")
    assert getattr(saving.vae, "use_tiling", True)

    again = draw(generator, requested).frames

    pipeline = generator.prepare(requested, Fit())
    parts_of = [part for part in pipeline.components.values() if isinstance(part, torch.nn.Module)]
    assert not [part for part in parts_of if hasattr(part, "_hf_hook")]
    assert not getattr(pipeline.vae, "use_tiling", False)
    assert np.array_equal(again, first)


def test_ltx_video_decodes_a_few_frames_at_a_time_when_memory_is_short() -> None:
    """Its VAE has decoded all frames at once although it was tiled."""
    vae = seeded(
        lambda: AutoencoderKLLTXVideo(
            latent_channels=8, block_out_channels=(8, 8, 8, 8), decoder_block_out_channels=(8, 8, 8, 8),
            layers_per_block=(1, 1, 1, 1, 1), decoder_layers_per_block=(1, 1, 1, 1, 1),
        )
    )  # fmt: skip
    lengths: list[int] = []
    vae.decoder.register_forward_pre_hook(lambda _, inputs: lengths.append(inputs[0].shape[2]))

    for tiling in (True, False):
        base.set_tiling(vae, tiling)
        with torch.inference_mode():
            assert vae.decode(torch.zeros(1, 8, 6, 1, 1)).sample.shape[2] == 41

    assert lengths[-1] == 6
    assert max(lengths[:-1]) < 6
