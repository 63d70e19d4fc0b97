"""Calls of Serve deployments, and the errors they end with."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Self

from ray.exceptions import RayError, RayTaskError
from ray.serve.exceptions import RayServeException

from db.errors import StorageError
from pipeline.contract.errors import DependencyUnavailable, PipelineError, StageFailed, StageLost
from pipeline.contract.progress import Stage

# What awaiting a call raises when it has failed.
CALL_ERRORS: Final = (TimeoutError, RayError, RayServeException, StopAsyncIteration)
# The actor of a dead replica, as Ray's message names it: SERVE_REPLICA::<application>#<deployment>#<id>.
REPLICA_ACTOR: Final = re.compile(r"SERVE_REPLICA::(\w+)#")


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A call in flight, and the call whose result is its argument. They are cancelled together."""

    stage: Stage
    response: Any
    previous: Self | None = None

    def cancel(self) -> None:
        with suppress(RayError, RayServeException):  # raised again by a call that never reached a replica
            self.response.cancel()
        if self.previous:
            self.previous.cancel()

    def stages(self) -> Iterator[Stage]:
        """The stages of the chain, the last one first."""
        yield self.stage
        if self.previous:
            yield from self.previous.stages()


async def references(stream: Any) -> AsyncIterator[Any]:
    """The items of a streamed response as ObjectRefs.

    The caller owns these ObjectRefs; a reference nested in an item would be freed with the replica that made it.
    """
    items: AsyncIterator[Any] = await stream._to_object_ref_gen()
    return items


async def last_item(items: AsyncIterator[Any]) -> Any:
    """The next item, which is the last. The stream is read to its end: cancelling it earlier may free its items."""
    item = await anext(items)
    await anext(items, None)
    return item


def pipeline_error(error: Exception, call: Call) -> PipelineError:
    """The PipelineError that a stage raised; for other errors, one that names the stage at fault."""
    cause = error
    while isinstance(cause, RayTaskError):  # nested once per call whose argument failed
        cause = cause.cause
    if isinstance(cause, PipelineError):
        return cause
    if isinstance(cause, RayError | RayServeException | TimeoutError | StopAsyncIteration):
        return StageLost(lost_stage(cause, call))
    if isinstance(cause, StorageError | OSError):
        return DependencyUnavailable(call.stage, f"the object store does not answer: {cause}")
    return StageFailed(call.stage, f"{type(cause).__name__}: {cause}")


def lost_stage(error: Exception, call: Call) -> Stage:
    """The stage of the replica that died: a call fails too when a replica dies that makes one of its arguments."""
    named = REPLICA_ACTOR.search(str(error))
    return next((stage for stage in call.stages() if named and stage == named[1]), call.stage)
