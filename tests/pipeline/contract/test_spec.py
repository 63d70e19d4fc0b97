"""The limits of a Spec, and reading one that another version wrote."""

import json
import pickle

import pytest
from pydantic import ValidationError

from pipeline.contract.spec import MAX_SEED, Format, Scheduler, Spec

REFUSED = {
    "empty prompt": ({"prompt": ""}, "prompt"),
    "blank prompt": ({"prompt": " \n\t "}, "prompt"),
    "zero-width prompt": ({"prompt": "\u200b\u200d\ufeff\u2060"}, "prompt"),
    "prompt of directions": ({"prompt": "\u202e \u2066"}, "prompt"),
    "prompt of blank letters": ({"prompt": "\u3164\u2800\u115f"}, "prompt"),
    "prompt of combining marks": ({"prompt": "\u0301\ufe0f"}, "prompt"),
    "long prompt": ({"prompt": "a" * 2001}, "prompt"),
    "NUL": ({"prompt": "a\0b"}, "prompt"),
    "escape": ({"prompt": "a\x1b[31mb"}, "prompt"),
    "C1 control": ({"prompt": "a\x85b"}, "prompt"),
    "lone surrogate": ({"prompt": "a\ud800b"}, "prompt"),
    "control in the negative prompt": ({"negative_prompt": "\x07"}, "negative_prompt"),
    "zero steps": ({"num_inference_steps": 0}, "num_inference_steps"),
    "too many steps": ({"num_inference_steps": 151}, "num_inference_steps"),
    "odd width": ({"width": 511}, "width"),
    "odd height": ({"height": 333}, "height"),
    "small": ({"width": 62}, "width"),
    "wide": ({"width": 2050}, "width"),
    "slow": ({"fps": 7}, "fps"),
    "fast": ({"fps": 61}, "fps"),
    "short": ({"duration_seconds": 0.4}, "duration_seconds"),
    "long": ({"duration_seconds": 20.1}, "duration_seconds"),
    "NaN": ({"guidance_scale": float("nan")}, "guidance_scale"),
    "infinite": ({"duration_seconds": float("inf")}, "duration_seconds"),
    "negative seed": ({"seed": -1}, "seed"),
    "large seed": ({"seed": MAX_SEED + 1}, "seed"),
    "format": ({"format": "avi"}, "format"),
    "scheduler": ({"scheduler": "magic"}, "scheduler"),
    "path as model": ({"model": "../../etc"}, "model"),
    "unknown field": ({"steps": 3}, "steps"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_invalid_value_is_refused_with_its_field(case: str) -> None:
    values, field = REFUSED[case]
    with pytest.raises(ValidationError) as caught:
        Spec.model_validate({"prompt": "a red circle"} | values)
    assert [error["loc"] for error in caught.value.errors()] == [(field,)]


@pytest.mark.parametrize(
    "values",
    [
        {"width": 2048, "height": 2048, "fps": 60, "duration_seconds": 20},
        {"width": 1024, "height": 128},
        {"format": "gif", "fps": 60},
    ],
    ids=["too many pixels", "too thin", "gif too fast"],
)
def test_impossible_combinations_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Spec.model_validate({"prompt": "a red circle"} | values)


def test_the_largest_supported_video_is_accepted() -> None:
    assert Spec(prompt="a", width=2048, height=2048, fps=24, duration_seconds=6).frames == 144


def test_whitespace_in_a_prompt_is_collapsed() -> None:
    assert Spec(prompt="  a red\n\tcircle ☺ ").prompt == "a red circle ☺"


def test_a_spec_can_be_stored_as_json() -> None:
    spec = Spec(prompt="a", scheduler=Scheduler.DPMPP, seed=7)
    assert Spec.model_validate(json.loads(json.dumps(spec.model_dump(mode="json")))) == spec


def test_unknown_fields_of_a_request_are_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Spec.model_validate({"prompt": "a", "camera": "pan"})
    assert Spec.model_json_schema()["additionalProperties"] is False


def test_unknown_fields_of_a_row_are_ignored() -> None:
    """A newer gateway stores fields that an older dispatcher does not know."""
    row = {**Spec(prompt="a", seed=7).model_dump(mode="json"), "camera": "pan"}

    assert Spec.from_row(row) == Spec(prompt="a", seed=7)


def test_missing_optional_fields_of_a_row_get_their_defaults() -> None:
    """An older gateway does not store fields that only a newer dispatcher has."""
    assert Spec.from_row({"prompt": "a"}) == Spec(prompt="a")


def test_a_row_is_validated() -> None:
    with pytest.raises(ValidationError):
        Spec.from_row({"prompt": "a", "width": 63})


class NewerSpec(Spec):
    camera: str = "fixed"


def test_a_pickled_spec_is_read_by_other_versions() -> None:
    """A dispatcher and the replicas of the stages exchange pickled values, and may run different versions."""
    requested = Spec(prompt="a", format=Format.WEBM)
    read, (values,) = requested.__reduce__()

    newer = NewerSpec.from_row(values)
    older = Spec.from_row(NewerSpec(prompt="a", camera="pan").__reduce__()[1][0])

    assert read == Spec.from_row
    assert newer == NewerSpec(prompt="a", format=Format.WEBM, camera="fixed")
    assert older == Spec(prompt="a")
    assert pickle.loads(pickle.dumps(requested)) == requested


@pytest.mark.parametrize("prompt", ["e\u0301", "می\u200cخواهم", "👩\u200d🚀", "a\u200bb", "⠿"])
def test_zero_width_characters_between_visible_ones_are_kept(prompt: str) -> None:
    assert Spec(prompt=prompt).prompt == prompt
