from pathlib import Path

import pytest

from pipeline.contract.catalog import MODELS
from pipeline.contract.estimate import PHASES, base_frames, expected_seconds, planned_units, requested_units
from pipeline.contract.spec import Spec
from pipeline.stages.preprocess import Preprocess

REQUESTS = (
    {},
    {"duration_seconds": 6, "fps": 30},
    {"width": 1280, "height": 720, "num_inference_steps": 40},
    {"width": 384, "height": 640, "loop": True},
)


@pytest.mark.parametrize("values", REQUESTS, ids=str)
def test_a_request_has_the_units_of_its_plan(values: dict[str, object], models_dir: Path) -> None:
    """The area of the base frames is the usual one of the model: the plan's sides are rounded."""
    spec = Spec(prompt="a red circle", model="tiny", **values)
    planned = planned_units(Preprocess(models_dir)(spec))
    assert requested_units(spec, MODELS["tiny"]) == pytest.approx(planned, rel=0.2)


def test_the_seconds_are_those_of_all_phases() -> None:
    units = {"generate": 10.0, "spans": 4.0, "assemble": 4.0}
    assert expected_seconds(units, {"generate": 2.0, "spans": 0.5, "assemble": 0.25}) == 23.0


@pytest.mark.parametrize("unknown", PHASES)
def test_without_the_rate_of_a_phase_the_seconds_are_unknown(unknown: str) -> None:
    rates = {phase: 1.0 for phase in PHASES if phase != unknown}
    assert expected_seconds(dict.fromkeys(PHASES, 1.0), rates) is None


@pytest.mark.parametrize(("seconds", "frames"), [(0.5, 4), (1, 8), (2, 16), (2.6, 21)])
def test_the_base_frames_are_those_of_the_duration_at_the_rate_of_the_model(seconds: float, frames: int) -> None:
    assert base_frames(Spec(prompt="a", duration_seconds=seconds), MODELS["tiny"]) == frames
