"""A video once more: finished from its base clip with another size, rate or format, or repeated from its recipe."""

from collections.abc import Mapping
from typing import Any, Final

from pipeline.contract.catalog import choose_model, choose_upscaler
from pipeline.contract.plan import NOT_INTERPOLATED, NOT_UPSCALED, Plan
from pipeline.contract.spec import Spec

UPSCALE_FACTORS: Final = (1, 2, 4)


def upscale_factor(width: int, height: int, spec: Spec) -> int:
    """The smallest factor that reaches the requested size; the largest factor if none does."""
    return next(
        (f for f in UPSCALE_FACTORS if width * f >= spec.width and height * f >= spec.height), UPSCALE_FACTORS[-1]
    )


def finished_spec(spec: Spec, plan: Plan, **changes: Any) -> Spec:
    """The request of the finished video with these fields changed: `width`, `height`, `fps` or `format`.

    Its file is without the prompts, so that it can be shared without them. The keys of `prompt_travel` become times,
    because the frame numbers change with the rate. Raises ValidationError.
    """
    travel = {f"{spec.seconds_at(moment):.3f}s": text for moment, text in spec.prompt_travel.items()}
    return Spec.model_validate(
        spec.model_dump() | {"seed": plan.seed, "prompt_travel": travel, "embed_prompt": False} | changes
    )


def finished_plan(plan: Plan, spec: Spec) -> Plan:
    """The plan of a kept base clip with the size, the frame rate and the format of a request.

    Raises Refused if the model of the request does not exist any more.
    """
    model, _ = choose_model(spec)
    factor = upscale_factor(plan.base_width, plan.base_height, spec)
    upscaler = choose_upscaler(spec, model, factor) if factor > 1 else None
    finished = plan.model_copy(
        update={
            "width": spec.width,
            "height": spec.height,
            "fps": spec.fps,
            "frames": spec.frames,
            "format": spec.format,
            "upscale": upscaler.scale if upscaler else 1,
            "upscaler": upscaler.name if upscaler else "",
            "embed_prompt": spec.embed_prompt,
            "reused_base": True,
        }
    )
    needless = {NOT_INTERPOLATED: not finished.interpolated, NOT_UPSCALED: finished.upscale == 1}
    kept = [warning for warning in plan.warnings if warning not in needless]
    return finished.model_copy(update={"warnings": (*kept, *(text for text, applies in needless.items() if applies))})


def repeating_spec(spec: Spec, resolved: Mapping[str, Any]) -> Spec:
    """The request that repeats a video: with the seed and the model's revision, steps and guidance of its recipe."""
    fixed = {name: resolved.get(name) for name in ("seed", "num_inference_steps", "guidance_scale")}
    revision = resolved.get("revision") or None
    known = {name: value for name, value in fixed.items() if value is not None}
    return Spec.model_validate(spec.model_dump() | known | {"revision": revision})
