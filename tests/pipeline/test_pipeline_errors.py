import pickle

import pytest

from pipeline import errors

EVERY = (
    errors.Refused("no such model", "/model"),
    errors.Stopped(),
    errors.OutOfMemory("generate"),
    errors.StageLost("upscale"),
    errors.StageFailed("interpolate", "the file is missing"),
)


@pytest.mark.parametrize("error", EVERY, ids=lambda error: type(error).__name__)
def test_errors_travel_between_processes(error: errors.PipelineError) -> None:
    arrived = pickle.loads(pickle.dumps(error))

    assert type(arrived) is type(error)
    assert arrived.args == error.args
    assert vars(arrived) == vars(error)
    assert str(arrived) == str(error)


def test_messages_name_the_stage_and_the_field() -> None:
    assert str(errors.StageFailed("upscale", "the file is missing")) == "upscale: the file is missing"
    assert str(errors.OutOfMemory("generate")) == "generate: out of memory"
    assert str(errors.Refused("no such model", "/model")) == "/model: no such model"
