"""Spec to Plan: every default chosen, every size worked out, everything impossible refused before a GPU is touched."""

import math
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pipeline.errors import Refused
from pipeline.models.registry import UPSCALERS, Model, Weights, choose, interpolator
from pipeline.spec import MAX_SEED, Plan, Spec
from pipeline.tiny.vocabulary import unknown_words

TOKEN: Final = re.compile(r"\w+|[^\w\s]")
SIDE: Final = 8  # pixels: what the VAE can draw
LEAST_FRAMES: Final = 2  # below that nothing moves, and nothing lies between
FACTORS: Final = (1, 2, 4)
AREA_WEIGHT: Final = 0.15  # a base 1 % smaller is as bad as an aspect ratio 0.15 % off
PREFERENCE: Final = 0.08  # a size that the model was trained on may have an aspect ratio 8 % further off
REDUCED_AREA: Final = 0.5


class Preprocess:
    def __init__(self, models_dir: Path) -> None:
        self.models_dir = Path(models_dir)

    def __call__(self, spec: Spec, reduced: bool = False) -> Plan:
        """`reduced` draws half the area: for a second try after the device ran out of memory."""
        model, scheduler = choose(spec)
        area = model.base_area * (REDUCED_AREA if reduced else 1)
        width, height = base_size(spec.width, spec.height, area, model.sizes)
        plan = Plan(
            prompt=spec.prompt,
            negative_prompt=spec.negative_prompt,
            seed=random.SystemRandom().randint(0, MAX_SEED) if spec.seed is None else spec.seed,
            model=model.name,
            revision=model.exact_revision(self.models_dir),
            scheduler=scheduler,
            num_inference_steps=spec.num_inference_steps or model.num_inference_steps,
            guidance_scale=model.guidance_scale if spec.guidance_scale is None else spec.guidance_scale,
            base_width=width,
            base_height=height,
            base_frames=base_frames(spec, model),
            upscale=factor(width, height, spec),
            width=spec.width,
            height=spec.height,
            fps=spec.fps,
            frames=spec.frames,
            format=spec.format,
        )
        used = self._used(plan, model)
        return plan.model_copy(update={"warnings": tuple(self._warnings(plan, model, used, reduced))})

    def _used(self, plan: Plan, model: Model) -> list[Weights]:
        """The sets of files this plan needs; Refused when one of them is not there."""
        used: list[Weights] = [model]
        if plan.interpolated:
            used.append(interpolator(model, self.models_dir))
        if plan.upscale > 1:
            used.append(UPSCALERS[model.upscalers[plan.upscale]])
        for weights in used:
            if weights.folder(self.models_dir) is None:
                raise Refused(weights.missing(self.models_dir), "/model")
        return used

    def _warnings(self, plan: Plan, model: Model, used: list[Weights], reduced: bool) -> list[str]:
        unknown = unknown_words(plan.prompt) if model.vocabulary else []
        untrained = [weights.name for weights in used if not weights.trained(self.models_dir)]
        guided = not plan.negative_prompt or plan.guidance_scale > 1
        said = {
            f"{model.name} draws {model.knows} and does not know: {', '.join(unknown)}": unknown,
            f"random weights, the pictures mean nothing: {', '.join(untrained)}": untrained,
            f"only about the first {model.prompt_tokens} words of a prompt are read": too_long(plan, model),
            "the negative prompt has no effect without guidance: ask for a guidance_scale above 1": not guided,
            "drawn smaller than usual, because the device ran out of memory": reduced,
            "interpolation was not needed: the model draws at this frame rate": not plan.interpolated,
            "upscaling was not needed: the model draws at this size": plan.upscale == 1,
        }
        return [message for message, true in said.items() if true]


def too_long(plan: Plan, model: Model) -> bool:
    """Words and marks are at least as many tokens; rare words are more, so this never warns too early."""
    return any(len(TOKEN.findall(text)) > model.prompt_tokens for text in (plan.prompt, plan.negative_prompt))


def base_frames(spec: Spec, model: Model) -> int:
    """What diffusion draws for this duration at its own rate: 16 for 2 s at 8 fps.

    At the model's own rate this is the number of frames asked for, so nothing is interpolated. At any other, the
    finished frames are spread from the first base frame to the last: the duration is exact whatever this number is.
    """
    return max(LEAST_FRAMES, round(spec.duration_seconds * model.native_fps))


def base_size(width: int, height: int, area: float, preferred: Sequence[tuple[int, int]] = ()) -> tuple[int, int]:
    """The width and height to draw: at most `area` pixels, multiples of 8, as near as can be to the aspect ratio.

    What is left of a difference is cut off at the end, so circles stay circles. A size that the model prefers may be
    a little further off: 16:9 in 64² is 72 x 40, or 80 x 48 for a model that was trained on it.
    """
    aspect = width / height

    def cost(size: tuple[int, int]) -> float:
        w, h = size
        lost = abs(math.log(w / h / aspect)) + AREA_WEIGHT * math.log(area / (w * h))
        return lost - PREFERENCE * (size in preferred)

    return min(_sizes(aspect, int(area)), key=cost)


def _sizes(aspect: float, area: int) -> Iterator[tuple[int, int]]:
    """For every width the two heights around the aspect ratio, as far as the area allows."""
    for width in range(SIDE, area // SIDE + 1, SIDE):
        highest = area // width // SIDE * SIDE
        below = int(width / aspect) // SIDE * SIDE
        for height in (below, below + SIDE):
            if SIDE <= height <= highest:
                yield width, height


def factor(width: int, height: int, spec: Spec) -> int:
    """The smallest enlargement that reaches the size asked for; 4 when none does."""
    return next((f for f in FACTORS if width * f >= spec.width and height * f >= spec.height), FACTORS[-1])
