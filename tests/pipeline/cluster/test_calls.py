"""How errors of Serve calls become errors of the pipeline."""

import pytest
from ray.core.generated.common_pb2 import ActorDiedErrorContext
from ray.exceptions import ActorDiedError, RayTaskError

from pipeline.cluster.calls import Call, pipeline_error
from pipeline.contract.errors import DependencyUnavailable, OutOfMemory, PipelineError, StageFailed, StageLost
from pipeline.contract.progress import Stage

CHAIN = Call(Stage.POSTPROCESS, None, Call(Stage.UPSCALE, None, Call(Stage.INTERPOLATE, None)))


def died(stage: str) -> ActorDiedError:
    """What a caller receives after a replica was killed; without a stage, Ray does not know the actor."""
    if not stage:
        return ActorDiedError()
    return ActorDiedError(
        ActorDiedErrorContext(
            error_message="The actor died unexpectedly.",
            class_name=f"ServeReplica:{stage}:{stage}",
            name=f"SERVE_REPLICA::{stage}#{stage}#ab12",
            actor_id=bytes(16),
            pid=1,
        )
    )


@pytest.mark.parametrize("stage", ["interpolate", "upscale", "postprocess"])
def test_a_lost_replica_is_named_by_the_stage_it_ran(stage: str) -> None:
    error = pipeline_error(died(stage), CHAIN)
    assert isinstance(error, StageLost)
    assert error.stage == stage


@pytest.mark.parametrize("stage", ["", "another_application"])
def test_without_a_known_name_the_awaited_stage_is_named(stage: str) -> None:
    error = pipeline_error(died(stage), CHAIN)
    assert isinstance(error, StageLost)
    assert error.stage == Stage.POSTPROCESS


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (OutOfMemory("upscale"), OutOfMemory),
        (ConnectionRefusedError(), DependencyUnavailable),
        (KeyError("x"), StageFailed),
        (TimeoutError(), StageLost),
    ],
    ids=["of the pipeline", "store", "unexpected", "timeout"],
)
def test_the_cause_decides_the_error(cause: Exception, kind: type[PipelineError]) -> None:
    nested = RayTaskError("encode", "traceback", RayTaskError("upscale", "traceback", cause))
    assert type(pipeline_error(nested, CHAIN)) is kind
