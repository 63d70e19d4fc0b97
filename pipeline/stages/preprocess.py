"""Spec to Plan: resolves every default and size, and refuses impossible requests before a GPU is used."""

import math
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pipeline.contract import prompt_help
from pipeline.contract.catalog import (
    LORAS,
    UPSCALERS,
    Model,
    Weights,
    choose_loras,
    choose_model,
    choose_upscaler,
    family_of,
    size_multiple,
)
from pipeline.contract.errors import Refused
from pipeline.contract.estimate import base_frames
from pipeline.contract.finish import upscale_factor
from pipeline.contract.hardware import Budget
from pipeline.contract.plan import NOT_INTERPOLATED, NOT_UPSCALED, Plan
from pipeline.contract.spec import MAX_SEED, Scheduler, Spec
from pipeline.contract.styles import choose_style
from pipeline.contract.vocabulary import unknown_words
from pipeline.generators import images
from pipeline.models.fit import judge, least_weights
from pipeline.models.weights import (
    choose_interpolator,
    exact_revision,
    find_folder,
    is_available,
    is_trained,
    missing_files,
)

WORD_OR_MARK: Final = re.compile(r"\w+|[^\w\s]")
# The sides of the base frames are multiples of this number of pixels: the VAE's reduction.
SIDE_MULTIPLE: Final = 8
# Weight of a smaller area against a different aspect ratio: 1 % less area costs as much as 0.15 % of aspect ratio.
AREA_WEIGHT: Final = 0.15
# A size of the training data may differ by 8 % more in aspect ratio.
PREFERENCE: Final = 0.08
# The share of the usual area after an attempt that ran out of memory, and of each smaller area that is tried.
REDUCED_AREA: Final = 0.5
# Below this share of its usual area a model draws nothing that is worth watching.
SMALLEST_AREA: Final = 0.2
DENOISE_STRENGTH: Final = 0.5
UNLIMITED: Final = Budget()


class Preprocess:
    """`budget` is the memory that `generate` has: a plan that does not fit is reduced or refused."""

    def __init__(self, models_dir: Path, budget: Budget = UNLIMITED) -> None:
        self.models_dir, self.budget = Path(models_dir), budget

    def __call__(self, spec: Spec, reduced: bool = False) -> Plan:
        """`reduced` halves the area of the base frames: for the retry after out of memory."""
        model, scheduler = choose_model(spec)
        self._require_revision(spec, model)
        plan = self._plan(spec, model, scheduler, model.base_area * (REDUCED_AREA if reduced else 1))
        needed = self._needed_weights(plan, spec, model)
        fitted = self._fit(plan, spec, model, scheduler)
        warnings = [*self._warnings(fitted, spec, model, needed, reduced)]
        if fitted.base_width * fitted.base_height < plan.base_width * plan.base_height:
            warnings.append("generated at a smaller size than usual, because of the memory of the device")
        return fitted.model_copy(update={"warnings": tuple(warnings)})

    def _plan(self, spec: Spec, model: Model, scheduler: Scheduler, area: float) -> Plan:
        width, height = base_size_for(spec, model, area)
        prompt, negative = prompt_help.apply(
            spec.prompt, spec.negative_prompt, model, choose_style(spec.style, model), enhance=spec.enhance_prompt
        )
        frames = base_frames(spec, model)
        upscale = upscale_factor(width, height, spec)
        upscaler = choose_upscaler(spec, model, upscale) if upscale > 1 else None
        return Plan(
            prompt=prompt,
            original_prompt=spec.prompt if prompt != spec.prompt else "",
            negative_prompt=negative,
            seed=random.SystemRandom().randint(0, MAX_SEED) if spec.seed is None else spec.seed,
            model=model.name,
            revision=exact_revision(model, self.models_dir),
            scheduler=scheduler,
            num_inference_steps=spec.num_inference_steps or model.num_inference_steps,
            guidance_scale=model.guidance_scale if spec.guidance_scale is None else spec.guidance_scale,
            base_width=width,
            base_height=height,
            base_frames=frames + spec.loop,
            drawn_frames=0 if (drawn := family_of(model).drawable_frames(frames)) == frames else drawn,
            upscale=upscaler.scale if upscaler else 1,
            upscaler=upscaler.name if upscaler else "",
            denoise_strength=DENOISE_STRENGTH if spec.denoise_strength is None else spec.denoise_strength,
            width=spec.width,
            height=spec.height,
            fps=spec.fps,
            frames=spec.frames,
            format=spec.format,
            prompt_travel=travel_frames(spec, model, frames),
            loras=choose_loras(spec, model),
            loop=spec.loop,
            embed_prompt=spec.embed_prompt,
            image=checked_image(spec.image, width, height),
        )

    def _fit(self, plan: Plan, spec: Spec, model: Model, scheduler: Scheduler) -> Plan:
        """The plan itself, or one with a smaller area that fits the memory. Refused if none does."""
        available = self.budget.available
        if available and model.memory and (weights := least_weights(model.memory, self.budget)) > available:
            message = f"needs {weights / 2**30:.1f} GiB of GPU memory for its weights alone, of {available / 2**30:.1f}"
            raise Refused(f"{model.name} {message} GiB: choose another model", "/model")
        area = float(model.base_area)
        fitted = plan
        while (verdict := judge(model, fitted, self.budget)).kind == "impossible":
            area *= REDUCED_AREA
            if model.only_sizes or area < model.base_area * SMALLEST_AREA:
                needed, total = verdict.peak / 2**30, (available or 0) / 2**30
                message = f"needs {needed:.1f} GiB of GPU memory, of {total:.1f} GiB: shorten the video"
                raise Refused(f"{model.name} {message}", "/duration_seconds")
            fitted = self._plan(spec.model_copy(update={"seed": plan.seed}), model, scheduler, area)
        return fitted

    def _require_revision(self, spec: Spec, model: Model) -> None:
        """Refused if the request is for another revision of the model: it would give another video."""
        installed = exact_revision(model, self.models_dir)
        if spec.revision not in (None, installed):
            raise Refused(f"the revision of {model.name} here is {installed}", "/revision")

    def _needed_weights(self, plan: Plan, spec: Spec, model: Model) -> list[Weights]:
        """The weights that this plan needs. Refused if files are missing."""
        others: list[tuple[str, Weights]] = [("/loras", LORAS[use.name]) for use in plan.loras]
        if plan.interpolated:
            others.append(("/model", choose_interpolator(model, self.models_dir)))
        if plan.upscaler:
            others.append(("/model", UPSCALERS[plan.upscaler]))
        for pointer, weights in (("/model", model), *others):
            if not is_available(weights, self.models_dir):
                raise Refused(missing_files(weights, self.models_dir), pointer)
        if family_of(model).image == "required" and not (spec.image or spec.image_from):
            self._require_first_frame(model)
        return [model, *(weights for _, weights in others)]

    def _require_first_frame(self, model: Model) -> None:
        """Refused if neither an image nor the text model that would draw it is there."""
        text_model = model.parts.get("text-to-image")
        if text_model is None or find_folder(text_model, self.models_dir) is None:
            hint = f"; or get the model for it: `aura models pull {model.name}`" if text_model else ""
            raise Refused(f"{model.name} needs an image for its first frame{hint}", "/image")

    def _warnings(self, plan: Plan, spec: Spec, model: Model, needed: list[Weights], reduced: bool) -> list[str]:
        unknown = unknown_words(plan.prompt) if model.vocabulary else []
        untrained = [weights.name for weights in needed if not is_trained(weights, self.models_dir)]
        draws_first_frame = family_of(model).image == "required" and not (spec.image or spec.image_from)
        # The text model that draws a first frame reads it.
        reads_negative = draws_first_frame or (family_of(model).negative_prompt and plan.guidance_scale > 1)
        negative_ignored = spec.negative_prompt and not reads_negative
        conditions = {
            f"{model.name} draws {model.knows} and does not know: {', '.join(unknown)}": unknown,
            f"random weights, the frames are meaningless: {', '.join(untrained)}": untrained,
            f"the model reads only about the first {model.prompt_tokens} words of a prompt": is_too_long(plan, model),
            "the negative prompt has no effect without guidance: set guidance_scale above 1": negative_ignored,
            "generated at a smaller size than usual, because the device ran out of memory": reduced,
            "the first frame was drawn from the prompt": draws_first_frame,
            NOT_INTERPOLATED: not plan.interpolated,
            NOT_UPSCALED: plan.upscale == 1,
        }
        return [message for message, applies in conditions.items() if applies]


def is_too_long(plan: Plan, model: Model) -> bool:
    """Whether a prompt has more tokens than the model reads.

    Each word or punctuation mark is at least one token and rare words are several, so there are no false positives.
    """
    return any(len(WORD_OR_MARK.findall(text)) > model.prompt_tokens for text in (plan.prompt, plan.negative_prompt))


def travel_frames(spec: Spec, model: Model, frames: int) -> dict[int, str]:
    """`prompt_travel` by base frame. The frame 0 has the prompt of the request unless it names one."""
    moments = {round(spec.seconds_at(moment) * model.native_fps): text for moment, text in spec.prompt_travel.items()}
    return {min(frame, frames - 1): text for frame, text in sorted(moments.items())}


def checked_image(image: str | None, width: int, height: int) -> str:
    """The image of a request. Refused if it cannot be decoded."""
    if image:
        images.decode(image, width, height)
    return image or ""


def base_size_for(spec: Spec, model: Model, area: float) -> tuple[int, int]:
    if model.only_sizes:
        return min(model.sizes, key=lambda size: abs(math.log(size[0] / size[1] * spec.height / spec.width)))
    return base_size(spec.width, spec.height, area, model.sizes, size_multiple(model))


def base_size(
    width: int,
    height: int,
    area: float,
    preferred: Sequence[tuple[int, int]] = (),
    multiple: int = SIDE_MULTIPLE,
) -> tuple[int, int]:
    """The size of the base frames: at most `area` pixels, sides multiples of `multiple`, close to the requested aspect.

    The rest of the difference is cropped at the end, not stretched. A preferred size may differ more: 16:9 in 64² is
    72 x 40, but 80 x 48 for a model that was trained on it.
    """
    aspect = width / height

    def cost(size: tuple[int, int]) -> float:
        w, h = size
        difference = abs(math.log(w / h / aspect)) + AREA_WEIGHT * math.log(area / (w * h))
        return difference - PREFERENCE * (size in preferred)

    return min(_candidate_sizes(aspect, int(area), multiple), key=cost)


def _candidate_sizes(aspect: float, area: int, multiple: int) -> Iterator[tuple[int, int]]:
    """For every width, the two heights below and above the aspect ratio that the area allows."""
    for width in range(multiple, area // multiple + 1, multiple):
        max_height = area // width // multiple * multiple
        below = int(width / aspect) // multiple * multiple
        for height in (below, below + multiple):
            if multiple <= height <= max_height:
                yield width, height
