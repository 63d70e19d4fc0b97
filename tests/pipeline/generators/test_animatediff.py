from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from pipeline.contract.catalog import MODELS
from pipeline.contract.plan import Plan
from pipeline.generators.animatediff import AnimateDiff
from pipeline.models.fit import Fit
from pipeline.models.hardware import Device
from pipeline.models.weights import find_parts

Plans = Callable[..., Plan]


@pytest.fixture(scope="module")
def model(models_dir: Path) -> AnimateDiff:
    entry = MODELS["tiny"]
    parts = find_parts(entry, models_dir)
    assert parts is not None
    return AnimateDiff(entry, parts, Device("cpu"), models_dir.joinpath)


def test_both_pipelines_share_their_weights(model: AnimateDiff, plan: Plans) -> None:
    short, long = (model.prepare(plan(base_frames=frames), Fit()) for frames in (16, 17))

    assert long.free_noise_enabled
    assert not short.free_noise_enabled
    shared = dict(long.unet.named_parameters())
    assert all(shared[name] is parameter for name, parameter in short.unet.named_parameters())
    assert long.vae is short.vae


def test_weights_are_single_precision_on_the_cpu(model: AnimateDiff, plan: Plans) -> None:
    pipeline = model.prepare(plan(), Fit())

    for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
        assert {parameter.dtype for parameter in part.parameters()} == {torch.float32}
