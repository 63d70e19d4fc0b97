"""The errors of the pipeline.

PipelineError
├── Refused                the request cannot be met: never retried
│   └── ImageGone          the video of `image_from` was deleted, or hidden by a moderator
├── Stopped                the call was canceled: not a failure
├── OutOfMemory            out of device memory: retried once with a smaller plan
├── StageLost              the process of the stage died or stopped responding: retried
├── DependencyUnavailable  a dependency of the stage (the object store) is unavailable: retried
└── StageFailed            any other failure of a stage: not retried

Every error passes its arguments to `Exception`, so it can be pickled.
"""

from collections.abc import Callable
from typing import ClassVar, Final

# The code that clients receive for an internal error.
INTERNAL: Final = "internal_error"

# Called by long-running code between its steps; raises Stopped if the call was canceled.
CheckStopped = Callable[[], None]


class PipelineError(Exception):
    """Base class. Clients receive `code` with a failed job."""

    code: ClassVar[str] = INTERNAL


class Refused(PipelineError):
    """The request is invalid. `pointer` names the field as a JSON pointer."""

    code = "refused"

    def __init__(self, message: str, pointer: str = "") -> None:
        super().__init__(message, pointer)
        self.message, self.pointer = message, pointer

    def __str__(self) -> str:
        return f"{self.pointer}: {self.message}" if self.pointer else self.message


class ImageGone(Refused):
    """The frame of `image_from` cannot be read any more."""

    code = "image_gone"

    def __init__(
        self,
        message: str = "the video was deleted, or hidden by a moderator, before its frame was read",
        pointer: str = "/image_from",
    ) -> None:
        super().__init__(message, pointer)


class Stopped(PipelineError):
    """The call was canceled."""


class OutOfMemory(PipelineError):
    """The stage ran out of device memory."""

    code = "out_of_memory"

    def __init__(self, stage: str) -> None:
        super().__init__(stage)
        self.stage = stage

    def __str__(self) -> str:
        return f"{self.stage}: out of memory"


class StageLost(PipelineError):
    """The process that ran the stage died or stopped responding."""

    code = "stage_lost"

    def __init__(self, stage: str) -> None:
        super().__init__(stage)
        self.stage = stage

    def __str__(self) -> str:
        return f"{self.stage}: the process that ran it was lost"


class DependencyUnavailable(PipelineError):
    """A dependency of the stage is temporarily unavailable."""

    code = "unavailable"

    def __init__(self, stage: str, message: str) -> None:
        super().__init__(stage, message)
        self.stage, self.message = stage, message

    def __str__(self) -> str:
        return f"{self.stage}: {self.message}"


class StageFailed(PipelineError):
    """The stage failed, and a retry would fail again."""

    code = "stage_failed"

    def __init__(self, stage: str, message: str) -> None:
        super().__init__(stage, message)
        self.stage, self.message = stage, message

    def __str__(self) -> str:
        return f"{self.stage}: {self.message}"
