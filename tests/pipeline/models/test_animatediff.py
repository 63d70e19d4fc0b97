import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler

from pipeline.models.animatediff import LCM_STEPS, scheduler
from pipeline.spec import Plan, Scheduler

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
    """diffusers' Euler calls numpy in a way that numpy 2 warns of."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        yield


@pytest.mark.parametrize("model", TRAINED_WITH)
@pytest.mark.parametrize("name", list(Scheduler))
def test_every_sampler_follows_the_noise_that_the_model_was_trained_on(
    plan: Plans, name: Scheduler, model: str
) -> None:
    trained = DDIMScheduler.from_config(TRAINED_WITH[model])

    sampler = scheduler(plan(scheduler=name), TRAINED_WITH[model])

    assert torch.allclose(sampler.alphas_cumprod.float(), trained.alphas_cumprod, atol=1e-5)
    assert sampler.config.prediction_type == trained.config.prediction_type


@pytest.mark.parametrize("name", ["euler", "heun"])
def test_zero_terminal_noise_starts_from_noise_alone(plan: Plans, name: str) -> None:
    sampler = scheduler(plan(scheduler=name), TRAINED_WITH["tiny"])
    sampler.set_timesteps(10)

    assert float(sampler.sigmas[0]) == pytest.approx(4096, rel=0.05)


@pytest.mark.parametrize("steps", [1, LCM_STEPS, 150])
def test_lcm_takes_any_number_of_steps(plan: Plans, steps: int) -> None:
    sampler = scheduler(plan(scheduler="lcm", num_inference_steps=steps), TRAINED_WITH["tiny"])
    sampler.set_timesteps(steps)

    assert len(sampler.timesteps) == steps
