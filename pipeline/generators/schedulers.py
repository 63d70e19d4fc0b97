"""The diffusers scheduler for a plan, and the denoised latents of its last step."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    HeunDiscreteScheduler,
    LCMScheduler,
)
from torch import Tensor

from pipeline.contract.plan import Plan
from pipeline.contract.spec import Scheduler

# The smallest cumulative alpha of the diffusers schedulers with zero terminal SNR. A true zero divides by zero.
MIN_ALPHA: Final = 2.0**-24
# The number of steps of the distilled teacher. LCM skips through them, so it must not be below the requested steps.
LCM_ORIGINAL_STEPS: Final = 50

SCHEDULERS: Final[Mapping[Scheduler, Any]] = {
    Scheduler.DDIM: DDIMScheduler,
    Scheduler.EULER: EulerDiscreteScheduler,
    Scheduler.HEUN: HeunDiscreteScheduler,
    Scheduler.DPMPP: DPMSolverMultistepScheduler,
    Scheduler.LCM: LCMScheduler,
}


def create_scheduler(plan: Plan, config: Mapping[str, Any], own: Any = DDIMScheduler) -> Any:
    """The scheduler of the plan with the noise schedule the model was trained on.

    diffusers marks the keys that a config file lacks, and `from_config` ignores them. Without the mark, the values of
    the catalog for such keys are used. `own` is the class that the model was published with.
    """
    config = {key: value for key, value in config.items() if key != "_use_default_values"}
    extra: dict[str, Any] = {}
    if plan.scheduler is Scheduler.DPMPP:
        extra = {"algorithm_type": "dpmsolver++", "solver_order": 2}
    if plan.scheduler is Scheduler.LCM:
        extra = {"original_inference_steps": max(LCM_ORIGINAL_STEPS, plan.num_inference_steps)}
    if plan.scheduler is Scheduler.HEUN and config.get("rescale_betas_zero_snr"):
        extra = {"trained_betas": zero_snr_betas(config)}
    if config.get("shift_terminal") and plan.num_inference_steps == 1:
        # Stretching a single time divides zero by zero.
        extra = {"shift_terminal": None}
    return SCHEDULERS.get(plan.scheduler, own).from_config({**config, **extra})


def zero_snr_betas(config: Mapping[str, Any]) -> list[float]:
    """The betas of zero terminal SNR for Heun, which has no option for it. They end at MIN_ALPHA like the others."""
    betas: Tensor = DDIMScheduler.from_config(config).betas.double()
    alpha_before_last = (1 - betas[:-1]).prod()
    return [*betas[:-1].tolist(), float(1 - MIN_ALPHA / alpha_before_last)]


def record_denoised(scheduler: Any) -> Callable[[Tensor], Tensor]:
    """Wrap `scheduler.step` and return a function from noisy latents to the denoised ones its last call predicted."""
    last: list[Tensor] = []
    step = scheduler.step

    @functools.wraps(step)
    def recording_step(*args: Any, **kwargs: Any) -> Any:
        output = step(*args, **kwargs)
        denoised = _predicted(scheduler, output, args)
        last[:] = [] if denoised is None else [denoised]
        return output

    # diffusers looks at the parameters of `step` to decide which arguments it passes.
    recording_step.__signature__ = inspect.signature(step)  # type: ignore[attr-defined]
    scheduler.step = recording_step
    return lambda noisy: last[0] if last else noisy


def _predicted(scheduler: Any, output: Any, args: tuple[Any, ...]) -> Any:
    """The denoised latents that a step predicted; None if the scheduler has none. `args` are those of the step."""
    if isinstance(scheduler, FlowMatchEulerDiscreteScheduler):
        velocity, _, noisy = args[:3]
        return noisy - scheduler.sigmas[scheduler.step_index - 1] * velocity
    if isinstance(output, tuple):
        denoised = output[1] if len(output) > 1 else None
    else:
        denoised = getattr(output, "pred_original_sample", None)
        denoised = getattr(output, "denoised", None) if denoised is None else denoised
    return (getattr(scheduler, "model_outputs", None) or [None])[-1] if denoised is None else denoised
