"""A video once more: another finish of its base clip, and the request that repeats it."""

import pytest
from pydantic import ValidationError

from pipeline.contract.errors import Refused
from pipeline.contract.finish import finished_plan, finished_spec, repeating_spec
from pipeline.contract.plan import NOT_INTERPOLATED, NOT_UPSCALED
from pipeline.contract.spec import Format, Spec
from tests.pipeline.contract.test_plan import create_plan

SPEC = Spec(prompt="a red circle", width=512, height=512, fps=24, duration_seconds=2, seed=1)
# Decided when the clip was drawn.
DRAWN = ("prompt", "seed", "model", "revision", "scheduler", "num_inference_steps", "base_width", "base_frames")


def test_only_the_fields_of_the_finish_change() -> None:
    plan = create_plan()
    spec = finished_spec(SPEC, plan, width=128, height=64, fps=10, format=Format.WEBM)
    finished = finished_plan(plan, spec)
    assert (finished.width, finished.height, finished.fps, finished.frames, finished.format) == (
        128,
        64,
        10,
        20,
        "webm",
    )
    assert (finished.upscale, finished.upscaler, finished.reused_base) == (2, "tiny-realesr-x2", True)
    assert [getattr(finished, name) for name in DRAWN] == [getattr(plan, name) for name in DRAWN]
    assert (spec.prompt, spec.duration_seconds, spec.seed) == (SPEC.prompt, 2, plan.seed)
    assert finished.duration_seconds == plan.duration_seconds


def test_the_new_file_is_without_the_prompt() -> None:
    plan = create_plan().model_copy(update={"embed_prompt": True})
    spec = finished_spec(SPEC.model_copy(update={"embed_prompt": True}), plan, fps=8)
    assert (spec.embed_prompt, finished_plan(plan, spec).embed_prompt) == (False, False)


def test_the_warnings_are_those_of_the_new_finish() -> None:
    plan = create_plan().model_copy(update={"warnings": ("random weights", NOT_UPSCALED)})
    spec = finished_spec(SPEC, plan, fps=8)
    assert finished_plan(plan, spec).warnings == ("random weights", NOT_INTERPOLATED)
    spec = finished_spec(SPEC, plan, width=64, height=64)
    assert finished_plan(plan, spec).warnings == ("random weights", NOT_UPSCALED)


def test_the_times_of_a_prompt_travel_stay() -> None:
    spec = SPEC.model_copy(update={"prompt_travel": {"12": "a square", "1.5s": "a star"}})
    finished = finished_spec(spec, create_plan(), fps=8)
    assert finished.prompt_travel == {"0.500s": "a square", "1.500s": "a star"}


@pytest.mark.parametrize(
    "changes", [{"width": 63}, {"fps": 61}, {"format": "gif", "fps": 60}, {"width": 64, "height": 512}]
)
def test_the_limits_are_those_of_every_request(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        finished_spec(SPEC, create_plan(), **changes)


def test_a_model_that_is_gone_is_refused() -> None:
    with pytest.raises(Refused, match="there is no model"):
        finished_plan(create_plan(), SPEC.model_copy(update={"model": "gone"}))


def test_a_finished_video_can_be_finished_again() -> None:
    first = finished_plan(create_plan(), finished_spec(SPEC, create_plan(), fps=10))
    again = finished_plan(first, finished_spec(SPEC, first, fps=24))
    assert again == create_plan().model_copy(update={"reused_base": True, "upscaler": "tiny-realesr-x4", "upscale": 4})


def test_a_recipe_fixes_the_seed_and_the_revision() -> None:
    resolved = create_plan().model_dump(mode="json")
    recipe = repeating_spec(SPEC.model_copy(update={"seed": None}), resolved)
    assert (recipe.seed, recipe.revision, recipe.num_inference_steps, recipe.guidance_scale) == (1, "1", 10, 2)
    assert recipe.prompt == SPEC.prompt
    assert repeating_spec(SPEC, {}) == SPEC
