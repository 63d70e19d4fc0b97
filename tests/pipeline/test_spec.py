"""Spec: what is accepted and what is refused, and Plan: which frames it means."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.spec import MAX_SEED, Plan, Progress, Scheduler, Spec, Stage

REFUSED = {
    "empty prompt": ({"prompt": ""}, "prompt"),
    "blank prompt": ({"prompt": " \n\t "}, "prompt"),
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
def test_a_limit_is_refused_at_its_field(case: str) -> None:
    wrong, field = REFUSED[case]
    with pytest.raises(ValidationError) as caught:
        Spec.model_validate({"prompt": "a red circle"} | wrong)
    assert [error["loc"] for error in caught.value.errors()] == [(field,)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 2048, "height": 2048, "fps": 60, "duration_seconds": 20},
        {"width": 1024, "height": 128},
        {"format": "gif", "fps": 60},
    ],
    ids=["too many pixels", "too thin", "gif too fast"],
)
def test_fields_that_are_impossible_together_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Spec.model_validate({"prompt": "a red circle"} | wrong)


def test_the_largest_video_of_the_design_is_accepted() -> None:
    assert Spec(prompt="a", width=2048, height=2048, fps=24, duration_seconds=6).frames == 144


def test_a_prompt_keeps_its_words_and_loses_its_line_breaks() -> None:
    assert Spec(prompt="  a red\n\tcircle ☺ ").prompt == "a red circle ☺"


def test_a_spec_survives_json() -> None:
    spec = Spec(prompt="a", scheduler=Scheduler.DPMPP, seed=7)
    assert Spec.model_validate(json.loads(json.dumps(spec.model_dump(mode="json")))) == spec


def plan(*, base_frames: int = 16, frames: int = 48, fps: int = 24, upscale: int = 4) -> Plan:
    return Plan.model_validate(
        {
            "prompt": "a", "negative_prompt": "", "seed": 1, "model": "tiny", "revision": "1", "scheduler": "ddim",
            "num_inference_steps": 10, "guidance_scale": 2, "base_width": 64, "base_height": 64,
            "base_frames": base_frames, "upscale": upscale, "width": 512, "height": 512, "fps": fps, "frames": frames,
            "format": "mp4",
        }
    )  # fmt: skip


@given(st.integers(1, 1200))
def test_the_spans_are_the_frames_in_order_and_none_twice(frames: int) -> None:
    spans = plan(frames=frames).spans
    assert [k for span in spans for k in range(span.start, span.stop)] == list(range(frames))
    assert [span.index for span in spans] == list(range(len(spans)))


@pytest.mark.parametrize(("fps", "frames"), [(24, 48), (30, 60), (60, 120), (8, 16)])
def test_the_frame_times_reach_from_the_first_base_frame_to_the_last_evenly(fps: int, frames: int) -> None:
    two_seconds = plan(fps=fps, frames=frames)
    times = [time for span in two_seconds.spans for time in two_seconds.positions(span)]
    assert times == pytest.approx([k * 15 / (frames - 1) for k in range(frames)])
    assert times[0] == 0
    assert times[-1] == 15
    assert two_seconds.interpolated == (fps != 8)


def test_progress_starts_with_every_stage_pending() -> None:
    assert [(stage.name, stage.status) for stage in Progress().stages] == [(stage, "pending") for stage in Stage]
