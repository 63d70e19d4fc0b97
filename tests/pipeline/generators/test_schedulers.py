import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import torch
from diffusers import (
    CogVideoXDDIMScheduler,
    DDIMScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    UniPCMultistepScheduler,
)

from pipeline.contract.catalog import MODELS
from pipeline.contract.plan import Plan
from pipeline.contract.spec import Scheduler
from pipeline.generators.schedulers import LCM_ORIGINAL_STEPS, create_scheduler, record_denoised

Plans = Callable[..., Plan]

TRAINED_WITH: Mapping[str, Mapping[str, Any]] = {
    "tiny": {
        "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "linear", "clip_sample": False,
        "prediction_type": "sample", "rescale_betas_zero_snr": True, "timestep_spacing": "trailing", "steps_offset": 1,
    },
    "animatediff": {
        "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "linear", "clip_sample": False,
        "prediction_type": "epsilon", "timestep_spacing": "linspace", "steps_offset": 1,
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def _numpy_two() -> Iterator[None]:
    """The Euler scheduler of diffusers causes a deprecation warning of numpy 2."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        yield


@pytest.mark.parametrize("model", TRAINED_WITH)
@pytest.mark.parametrize("name", list(Scheduler))
def test_every_scheduler_uses_the_noise_schedule_of_the_training(plan: Plans, name: Scheduler, model: str) -> None:
    trained = DDIMScheduler.from_config(TRAINED_WITH[model])

    scheduler = create_scheduler(plan(scheduler=name), TRAINED_WITH[model])

    assert torch.allclose(scheduler.alphas_cumprod.float(), trained.alphas_cumprod, atol=1e-5)
    assert scheduler.config.prediction_type == trained.config.prediction_type


@pytest.mark.parametrize("name", ["euler", "heun"])
def test_zero_terminal_snr_starts_from_pure_noise(plan: Plans, name: str) -> None:
    scheduler = create_scheduler(plan(scheduler=name), TRAINED_WITH["tiny"])
    scheduler.set_timesteps(10)

    assert float(scheduler.sigmas[0]) == pytest.approx(4096, rel=0.05)


@pytest.mark.parametrize("steps", [1, LCM_ORIGINAL_STEPS, 150])
def test_lcm_supports_any_number_of_steps(plan: Plans, steps: int) -> None:
    scheduler = create_scheduler(plan(scheduler="lcm", num_inference_steps=steps), TRAINED_WITH["tiny"])
    scheduler.set_timesteps(steps)

    assert len(scheduler.timesteps) == steps


def test_the_scheduler_of_ltx_video_makes_a_single_step(plan: Plans) -> None:
    published = {"use_dynamic_shifting": True, "base_shift": 0.95, "max_shift": 2.05, "shift_terminal": 0.1}

    for steps in (1, 2):
        requested = plan(scheduler="own", num_inference_steps=steps)
        scheduler = create_scheduler(requested, published, FlowMatchEulerDiscreteScheduler)
        scheduler.set_timesteps(steps, mu=1.5)

        assert scheduler.timesteps.isfinite().all()
        assert scheduler.config.shift_terminal == (None if steps == 1 else 0.1)


def test_a_config_read_from_a_file_keeps_the_settings_of_the_catalog(plan: Plans) -> None:
    """diffusers drops the keys that a file lacks when it creates another scheduler from the config."""
    published = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}
    read = DDIMScheduler.from_config(published).config

    scheduler = create_scheduler(plan(), {**read, **MODELS["animatediff"].scheduler_config})
    scheduler.set_timesteps(25)

    assert scheduler.config.timestep_spacing == "linspace"
    assert int(scheduler.timesteps[0]) == 999


FLOW = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": 3.0}


@pytest.mark.parametrize("as_object", [True, False])
@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (FlowMatchEulerDiscreteScheduler, {}), (UniPCMultistepScheduler, FLOW), (CogVideoXDDIMScheduler, {}),
        (DDIMScheduler, {"clip_sample": False}), (EulerDiscreteScheduler, {}),
    ],
)  # fmt: skip
def test_the_denoised_latents_of_a_step_are_recorded(kind: Any, values: Mapping[str, Any], as_object: bool) -> None:
    """A network that predicts the noise exactly: the latents without the noise are known. Pipelines step both ways."""
    scheduler = kind(**values)
    denoised = record_denoised(scheduler)
    scheduler.set_timesteps(8)
    timestep = scheduler.timesteps[3]
    generator = torch.Generator().manual_seed(0)
    clean, noise = torch.randn((2, 1, 4, 4), generator=generator)
    if hasattr(scheduler, "scale_noise") or "flow_shift" in scheduler.config:
        sigma = scheduler.sigmas[3]
        noisy, predicted = (1 - sigma) * clean + sigma * noise, noise - clean
    elif isinstance(scheduler, EulerDiscreteScheduler):
        noisy, predicted = clean + scheduler.sigmas[3] * noise, noise
    else:
        noisy, predicted = scheduler.add_noise(clean, noise, timestep[None]), noise

    scheduler.step(predicted, timestep, noisy, return_dict=as_object)

    assert torch.allclose(denoised(noisy), clean, atol=1e-4)
