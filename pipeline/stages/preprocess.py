"""Spec to Plan: resolves every default and size, and refuses impossible requests before a GPU is used."""

import math
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pipeline.contract.catalog import UPSCALERS, Model, Weights, choose_model
from pipeline.contract.errors import Refused
from pipeline.contract.plan import Plan
from pipeline.contract.spec import MAX_SEED, Spec
from pipeline.contract.vocabulary import unknown_words
from pipeline.models.weights import choose_interpolator, exact_revision, find_folder, is_trained, missing_files

WORD_OR_MARK: Final = re.compile(r"\w+|[^\w\s]")
# The sides of the base frames are multiples of this number of pixels: the VAE's reduction.
SIDE_MULTIPLE: Final = 8
# The interpolator needs two base frames.
MIN_BASE_FRAMES: Final = 2
UPSCALE_FACTORS: Final = (1, 2, 4)
# Weight of a smaller area against a different aspect ratio: 1 % less area costs as much as 0.15 % of aspect ratio.
AREA_WEIGHT: Final = 0.15
# A size of the training data may differ by 8 % more in aspect ratio.
PREFERENCE: Final = 0.08
# The share of the usual area after an attempt that ran out of memory.
REDUCED_AREA: Final = 0.5


class Preprocess:
    def __init__(self, models_dir: Path) -> None:
        self.models_dir = Path(models_dir)

    def __call__(self, spec: Spec, reduced: bool = False) -> Plan:
        """`reduced` halves the area of the base frames: for the retry after out of memory."""
        model, scheduler = choose_model(spec)
        area = model.base_area * (REDUCED_AREA if reduced else 1)
        width, height = base_size(spec.width, spec.height, area, model.sizes)
        plan = Plan(
            prompt=spec.prompt,
            negative_prompt=spec.negative_prompt,
            seed=random.SystemRandom().randint(0, MAX_SEED) if spec.seed is None else spec.seed,
            model=model.name,
            revision=exact_revision(model, self.models_dir),
            scheduler=scheduler,
            num_inference_steps=spec.num_inference_steps or model.num_inference_steps,
            guidance_scale=model.guidance_scale if spec.guidance_scale is None else spec.guidance_scale,
            base_width=width,
            base_height=height,
            base_frames=base_frames(spec, model),
            upscale=upscale_factor(width, height, spec),
            width=spec.width,
            height=spec.height,
            fps=spec.fps,
            frames=spec.frames,
            format=spec.format,
        )
        needed = self._needed_weights(plan, model)
        return plan.model_copy(update={"warnings": tuple(self._warnings(plan, model, needed, reduced))})

    def _needed_weights(self, plan: Plan, model: Model) -> list[Weights]:
        """The weights that this plan needs. Refused if files are missing."""
        needed: list[Weights] = [model]
        if plan.interpolated:
            needed.append(choose_interpolator(model, self.models_dir))
        if plan.upscale > 1:
            needed.append(UPSCALERS[model.upscalers[plan.upscale]])
        for weights in needed:
            if find_folder(weights, self.models_dir) is None:
                raise Refused(missing_files(weights, self.models_dir), "/model")
        return needed

    def _warnings(self, plan: Plan, model: Model, needed: list[Weights], reduced: bool) -> list[str]:
        unknown = unknown_words(plan.prompt) if model.vocabulary else []
        untrained = [weights.name for weights in needed if not is_trained(weights, self.models_dir)]
        unguided = plan.negative_prompt and plan.guidance_scale <= 1
        conditions = {
            f"{model.name} draws {model.knows} and does not know: {', '.join(unknown)}": unknown,
            f"random weights, the frames are meaningless: {', '.join(untrained)}": untrained,
            f"the model reads only about the first {model.prompt_tokens} words of a prompt": is_too_long(plan, model),
            "the negative prompt has no effect without guidance: set guidance_scale above 1": unguided,
            "generated at a smaller size than usual, because the device ran out of memory": reduced,
            "interpolation was not needed: the model generates at this frame rate": not plan.interpolated,
            "upscaling was not needed: the model generates at this size": plan.upscale == 1,
        }
        return [message for message, applies in conditions.items() if applies]


def is_too_long(plan: Plan, model: Model) -> bool:
    """Whether a prompt has more tokens than the model reads.

    Each word or punctuation mark is at least one token and rare words are several, so there are no false positives.
    """
    return any(len(WORD_OR_MARK.findall(text)) > model.prompt_tokens for text in (plan.prompt, plan.negative_prompt))


def base_frames(spec: Spec, model: Model) -> int:
    """The number of frames for the duration at the model's own rate: 16 for 2 s at 8 fps.

    At that rate it equals the requested number of frames, and nothing is interpolated. At other rates the output
    frames are spread from the first base frame to the last, so the duration is exact despite the rounding here.
    """
    return max(MIN_BASE_FRAMES, round(spec.duration_seconds * model.native_fps))


def base_size(width: int, height: int, area: float, preferred: Sequence[tuple[int, int]] = ()) -> tuple[int, int]:
    """The size of the base frames: at most `area` pixels, sides multiples of 8, close to the requested aspect ratio.

    The rest of the difference is cropped at the end, not stretched. A preferred size may differ more: 16:9 in 64² is
    72 x 40, but 80 x 48 for a model that was trained on it.
    """
    aspect = width / height

    def cost(size: tuple[int, int]) -> float:
        w, h = size
        difference = abs(math.log(w / h / aspect)) + AREA_WEIGHT * math.log(area / (w * h))
        return difference - PREFERENCE * (size in preferred)

    return min(_candidate_sizes(aspect, int(area)), key=cost)


def _candidate_sizes(aspect: float, area: int) -> Iterator[tuple[int, int]]:
    """For every width, the two heights below and above the aspect ratio that the area allows."""
    for width in range(SIDE_MULTIPLE, area // SIDE_MULTIPLE + 1, SIDE_MULTIPLE):
        max_height = area // width // SIDE_MULTIPLE * SIDE_MULTIPLE
        below = int(width / aspect) // SIDE_MULTIPLE * SIDE_MULTIPLE
        for height in (below, below + SIDE_MULTIPLE):
            if SIDE_MULTIPLE <= height <= max_height:
                yield width, height


def upscale_factor(width: int, height: int, spec: Spec) -> int:
    """The smallest factor that reaches the requested size; the largest factor if none does."""
    return next(
        (f for f in UPSCALE_FACTORS if width * f >= spec.width and height * f >= spec.height), UPSCALE_FACTORS[-1]
    )
