"""How errors of Serve calls become errors of the pipeline."""

from collections.abc import AsyncIterator, Generator

import pytest
from ray.exceptions import ActorDiedError, ActorUnavailableError, RayTaskError

from pipeline.cluster.calls import finished_clip, pipeline_error
from pipeline.cluster.replica import FINISHED
from pipeline.contract.errors import DependencyUnavailable, OutOfMemory, PipelineError, StageFailed, StageLost
from pipeline.contract.progress import Stage

UNAVAILABLE = ActorUnavailableError("The node has been lost.", bytes(16))


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize("error", [ActorDiedError(), UNAVAILABLE, TimeoutError()], ids=["died", "unavailable", "late"])
def test_a_lost_replica_is_named_by_the_stage_it_ran(stage: Stage, error: Exception) -> None:
    mapped = pipeline_error(error, stage)
    assert isinstance(mapped, StageLost)
    assert mapped.stage == stage


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
    assert type(pipeline_error(nested, Stage.POSTPROCESS)) is kind


class Reference:
    """An ObjectRef: awaiting it fetches the value, or raises the error of the call."""

    def __init__(self, value: object) -> None:
        self.value, self.fetched = value, False

    def __await__(self) -> Generator[None, None, object]:
        self.fetched = True
        yield
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


async def stream(*items: Reference) -> AsyncIterator[Reference]:
    for item in items:
        yield item


async def test_a_finished_clip_is_returned_without_fetching_its_bytes() -> None:
    clip = Reference("frames")
    assert await finished_clip(stream(clip, Reference(FINISHED))) is clip
    assert not clip.fetched


@pytest.mark.parametrize("before", [[], [Reference("frames")]], ids=["before its clip", "after its clip"])
async def test_a_call_that_fails_raises_its_error(before: list[Reference]) -> None:
    """Its clip must not become an argument of another call: Serve would repeat that call without end."""
    with pytest.raises(ActorUnavailableError):
        await finished_clip(stream(*before, Reference(UNAVAILABLE)))
