"""The expected working time of a job, from the measured rates of earlier jobs with the same model.

A job has three measured phases: `generate` (denoising and decoding), `spans` (interpolate, upscale and encode, which
overlap and are measured as one) and `assemble`. A rate is in seconds per unit. The unit of `generate` is one denoising
step of one megapixel of base frames; the unit of the other two is one megapixel of finished frames.
"""

from collections.abc import Mapping
from typing import Final

from pipeline.contract.entries import Model
from pipeline.contract.plan import Plan
from pipeline.contract.spec import Spec

PHASES: Final = ("generate", "spans", "assemble")
# The interpolator needs two base frames.
MIN_BASE_FRAMES: Final = 2
_MEGAPIXEL: Final = 1e6


def base_frames(spec: Spec, model: Model) -> int:
    """The number of frames for the duration at the model's own rate: 16 for 2 s at 8 fps.

    At that rate it equals the requested number of frames, and nothing is interpolated. At other rates the output
    frames are spread from the first base frame to the last, so the duration is exact despite the rounding here.
    """
    return max(MIN_BASE_FRAMES, round(spec.duration_seconds * model.native_fps))


def planned_units(plan: Plan) -> dict[str, float]:
    """The units of work of each phase of a plan."""
    drawn = plan.base_width * plan.base_height * plan.base_frames
    return _units(drawn, plan.num_inference_steps, plan.width * plan.height * plan.frames)


def requested_units(spec: Spec, model: Model) -> dict[str, float]:
    """The units of work of each phase of a request. The base frames have the usual area of the model."""
    drawn = model.base_area * (base_frames(spec, model) + spec.loop)
    return _units(drawn, spec.num_inference_steps or model.num_inference_steps, spec.width * spec.height * spec.frames)


def expected_seconds(units: Mapping[str, float], rates: Mapping[str, float]) -> float | None:
    """The seconds of all phases. None if the rate of one is unknown."""
    if any(phase not in rates for phase in units):
        return None
    return sum(rates[phase] * units_of_phase for phase, units_of_phase in units.items())


def _units(drawn_pixels: int, steps: int, finished_pixels: int) -> dict[str, float]:
    finished = finished_pixels / _MEGAPIXEL
    return {"generate": drawn_pixels / _MEGAPIXEL * steps, "spans": finished, "assemble": finished}
