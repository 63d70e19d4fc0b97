"""Calls of Serve deployments, and the errors they end with."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from ray.exceptions import RayError, RayTaskError
from ray.serve.exceptions import RayServeException

from db.errors import StorageError
from pipeline.contract.errors import DependencyUnavailable, PipelineError, StageFailed, StageLost
from pipeline.contract.progress import Stage

# What awaiting a call raises when it has failed.
CALL_ERRORS: Final = (TimeoutError, RayError, RayServeException, StopAsyncIteration)


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A call in flight."""

    stage: Stage
    response: Any

    def cancel(self) -> None:
        with suppress(RayError, RayServeException):  # raised again by a call that never reached a replica
            self.response.cancel()


async def references(stream: Any) -> AsyncIterator[Any]:
    """The items of a streamed response as ObjectRefs.

    The caller owns these ObjectRefs; a reference nested in an item would be freed with the replica that made it.
    """
    items: AsyncIterator[Any] = await stream._to_object_ref_gen()
    return items


async def finished_clip(items: AsyncIterator[Any]) -> Any:
    """The ObjectRef of the clip that a stream ends with. Its bytes stay where they are; errors of the call are raised.

    Only a clip that is finished may be an argument of another call. Serve repeats a call without end, and without a
    pause, if one of its arguments failed with ActorUnavailableError, as it does for some seconds after a node is lost.
    """
    clip = await anext(items)
    try:
        await (await anext(items))  # FINISHED
    except StopAsyncIteration:
        await clip  # it holds the error of the call
        raise
    await anext(items, None)  # the stream is read to its end: cancelling it earlier may free its items
    return clip


def pipeline_error(error: Exception, stage: Stage) -> PipelineError:
    """The PipelineError that a stage raised; for other errors, one that names the stage."""
    cause = error
    while isinstance(cause, RayTaskError):
        cause = cause.cause
    if isinstance(cause, PipelineError):
        return cause
    if isinstance(cause, RayError | RayServeException | TimeoutError | StopAsyncIteration):
        return StageLost(stage)
    if isinstance(cause, StorageError | OSError):
        return DependencyUnavailable(stage, f"the object store does not answer: {cause}")
    return StageFailed(stage, f"{type(cause).__name__}: {cause}")
