"""The catalog of models: names, sources, licences and parameters. Data only; `pipeline.models.weights` finds the files.

The files of all weights lie in `<models_dir>/<folder>/`. An operator's own models are added with `add`.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from pipeline.contract.entries import InterpolatorModel, Lora, Model, UpscalerModel, Weights
from pipeline.contract.errors import Refused
from pipeline.contract.families import FAMILIES, Family
from pipeline.contract.images import is_image
from pipeline.contract.published import animatediff, frames, loras, tiny, video
from pipeline.contract.spec import LoraUse, Scheduler, Spec, Upscaler
from pipeline.contract.styles import choose_style

__all__ = ["InterpolatorModel", "Lora", "Model", "UpscalerModel", "Weights"]

TINY: Final = tiny.TINY

MODELS: dict[str, Model] = {
    model.name: model for model in (TINY, *animatediff.ANIMATEDIFF_MODELS, *video.VIDEO_MODELS)
}  # fmt: skip
LORAS: dict[str, Lora] = {lora.name: lora for lora in loras.MOTION_LORAS}
INTERPOLATORS: Final[Mapping[str, InterpolatorModel]] = {
    weights.name: weights for weights in (tiny.TINY_FILM, *frames.FILM)
}
UPSCALERS: Final[Mapping[str, UpscalerModel]] = {
    weights.name: weights for weights in (*tiny.TINY_UPSCALERS, *frames.REAL_ESRGAN)
}

# The upscalers of the choices that do not depend on the model.
CHOSEN_UPSCALERS: Final[Mapping[Upscaler, str]] = {
    Upscaler.FAST: "realesr-general-x4v3",
    Upscaler.ANIME: "realesr-animevideov3",
}

# Those that keep nothing between their steps: a loop rolls the latents, but not what a sampler has kept of them.
LOOP_SCHEDULERS: Final = (Scheduler.DDIM, Scheduler.EULER, Scheduler.LCM)


def add(models: Mapping[str, Model], own_loras: Mapping[str, Lora]) -> None:
    """Add an operator's own entries at the start of a process. Raises ValueError if another entry has the name."""
    known, own = {**MODELS, **LORAS}, {**models, **own_loras}
    taken = sorted(name for name, entry in own.items() if name in known and known[name] != entry)
    if taken:
        raise ValueError(f"the catalog already contains {', '.join(taken)}")
    MODELS.update(models)
    LORAS.update(own_loras)


def require(name: str) -> None:
    """Raise ValueError if there is no model with this name: for the setting MODEL_VARIANT."""
    if name not in MODELS:
        raise ValueError(f"MODEL_VARIANT: there is no model {name!r}; available: {', '.join(MODELS)}")


def all_weights() -> Iterator[tuple[str, Weights]]:
    """(stage, weights) of everything that a request can name or needs, generators first."""
    groups: tuple[tuple[str, Mapping[str, Weights]], ...] = (
        ("generate", MODELS), ("lora", LORAS), ("interpolate", INTERPOLATORS), ("upscale", UPSCALERS),
    )  # fmt: skip
    for stage, group in groups:
        for weights in group.values():
            yield stage, weights


def family_of(model: Model) -> Family:
    return FAMILIES[model.family]


def size_multiple(model: Model) -> int:
    return model.size_multiple or family_of(model).size_multiple


def choose_model(spec: Spec) -> tuple[Model, Scheduler]:
    """The model and the scheduler of a request. Refused if the model does not exist or lacks what is requested."""
    if (model := MODELS.get(spec.model)) is None:
        raise Refused(f"there is no model {spec.model!r}; available: {', '.join(MODELS)}", "/model")
    chosen = spec.scheduler or model.scheduler
    if chosen not in model.schedulers:
        available = ", ".join(scheduler.value for scheduler in model.schedulers)
        raise Refused(
            f"{model.name} does not support the scheduler {chosen.value}; available: {available}", "/scheduler"
        )
    if model.steps and spec.num_inference_steps not in (None, *model.steps):
        allowed = " or ".join(map(str, model.steps))
        raise Refused(f"{model.name} was distilled for {allowed} steps", "/num_inference_steps")
    _check_features(spec, model, chosen)
    choose_loras(spec, model)
    choose_style(spec.style, model)
    return model, chosen


def _check_features(spec: Spec, model: Model, chosen: Scheduler) -> None:
    """Refuse what the family cannot do."""
    family = family_of(model)
    missing = {
        "/prompt_travel": spec.prompt_travel and not family.prompt_travel,
        "/loop": spec.loop and not family.loop,
        "/image": spec.image and not family.image,
        "/image_from": spec.image_from and not family.image,
    }
    for pointer, applies in missing.items():
        if applies:
            raise Refused(f"{model.name} ({family.title}) does not support this", pointer)
    if spec.image and not is_image(spec.image):
        raise Refused("not a PNG, JPEG or WebP file in base64", "/image")
    if spec.loop and chosen not in LOOP_SCHEDULERS:
        raise Refused("a loop needs a sampler that keeps nothing between its steps: ddim, euler or lcm", "/scheduler")
    if spec.prompt_travel and spec.loop:
        raise Refused("a loop has one prompt", "/prompt_travel")
    if model.max_frames and round(spec.duration_seconds * model.native_fps) > model.max_frames:
        seconds = model.max_frames / model.native_fps
        raise Refused(f"{model.name} draws at most {seconds:.1f} s", "/duration_seconds")


def choose_loras(spec: Spec, model: Model) -> tuple[LoraUse, ...]:
    """The LoRAs of a request, including the one for its camera motion. Refused if one does not fit the model."""
    moving = (LoraUse(name=loras.lora_name(spec.motion)),) if spec.motion else ()
    for index, use in enumerate((*spec.loras, *moving)):
        pointer = f"/loras/{index}/name" if index < len(spec.loras) else "/motion"
        if (lora := LORAS.get(use.name)) is None:
            raise Refused(f"there is no LoRA {use.name!r}; available: {', '.join(LORAS)}", pointer)
        if not set(lora.fits) & set(model.accepts) or not family_of(model).loras:
            fitting = [name for name, other in MODELS.items() if set(lora.fits) & set(other.accepts)]
            raise Refused(f"{lora.name} does not fit {model.name}, but: {', '.join(fitting) or 'no model'}", pointer)
    return (*spec.loras, *moving)


def choose_upscaler(spec: Spec, model: Model, factor: int) -> UpscalerModel:
    """The upscaler for a factor of 2 or 4. Its own factor can be larger; the frames are resized exactly afterwards."""
    name = CHOSEN_UPSCALERS.get(spec.upscaler, model.upscalers[factor])
    return UPSCALERS[name]
