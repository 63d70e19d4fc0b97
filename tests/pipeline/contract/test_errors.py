import pickle

import pytest

from pipeline.contract import errors

ALL = (
    errors.Refused("no such model", "/model"),
    errors.Stopped(),
    errors.OutOfMemory("generate"),
    errors.StageLost("upscale"),
    errors.DependencyUnavailable("postprocess", "the object store does not respond"),
    errors.StageFailed("interpolate", "the file is missing"),
)


def test_every_error_is_tested() -> None:
    assert {type(error) for error in ALL} == set(errors.PipelineError.__subclasses__())


@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
def test_errors_can_be_pickled(error: errors.PipelineError) -> None:
    copied = pickle.loads(pickle.dumps(error))

    assert type(copied) is type(error)
    assert copied.args == error.args
    assert vars(copied) == vars(error)
    assert str(copied) == str(error)


def test_messages_name_the_stage_or_the_field() -> None:
    assert str(errors.StageFailed("upscale", "the file is missing")) == "upscale: the file is missing"
    assert str(errors.OutOfMemory("generate")) == "generate: out of memory"
    assert str(errors.Refused("no such model", "/model")) == "/model: no such model"
