"""The spans of a Plan, the positions of their frames, and reading a Plan that another version wrote."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.contract.plan import Plan


def create_plan(*, base_frames: int = 16, frames: int = 48, fps: int = 24, upscale: int = 4) -> Plan:
    return Plan.model_validate(
        {
            "prompt": "a", "negative_prompt": "", "seed": 1, "model": "tiny", "revision": "1", "scheduler": "ddim",
            "num_inference_steps": 10, "guidance_scale": 2, "base_width": 64, "base_height": 64,
            "base_frames": base_frames, "upscale": upscale, "width": 512, "height": 512, "fps": fps, "frames": frames,
            "format": "mp4",
        }
    )  # fmt: skip


@given(st.integers(1, 1200))
def test_the_spans_contain_every_frame_once_and_in_order(frames: int) -> None:
    spans = create_plan(frames=frames).spans
    assert [k for span in spans for k in range(span.start, span.stop)] == list(range(frames))
    assert [span.index for span in spans] == list(range(len(spans)))


@pytest.mark.parametrize(("fps", "frames"), [(24, 48), (30, 60), (60, 120), (8, 16)])
def test_the_positions_are_spread_evenly_from_the_first_base_frame_to_the_last(fps: int, frames: int) -> None:
    two_seconds = create_plan(fps=fps, frames=frames)
    positions = [position for span in two_seconds.spans for position in two_seconds.positions(span)]
    assert positions == pytest.approx([k * 15 / (frames - 1) for k in range(frames)])
    assert positions[0] == 0
    assert positions[-1] == 15
    assert two_seconds.interpolated == (fps != 8)


def test_a_stored_plan_of_a_newer_version_can_be_read() -> None:
    plan = create_plan()

    assert Plan.model_validate({**plan.model_dump(mode="json"), "camera": "pan"}) == plan


class NewerPlan(Plan):
    camera: str = "fixed"


def test_a_pickled_plan_is_read_by_other_versions() -> None:
    plan = create_plan()
    read, (values,) = plan.__reduce__()

    assert read == Plan.model_validate
    assert NewerPlan.model_validate(values).camera == "fixed"
    assert Plan.model_validate(NewerPlan(**values, camera="pan").__reduce__()[1][0]) == plan
    assert pickle.loads(pickle.dumps(plan)) == plan
