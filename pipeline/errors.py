"""What can go wrong between a Spec and a Video.

PipelineError
├── Refused        the request cannot be met as it stands: never try it again
├── Stopped        somebody asked for the stop: not a failure
├── OutOfMemory    the device was too small: try once more with a smaller plan
├── StageLost      the process that ran the stage died, or went silent: try again
├── Unavailable    something that the stage needs did not answer (the object store, say): try again
└── StageFailed    anything else that a stage met

Every error keeps its arguments in `args`, so that it travels between processes unchanged.
"""

from typing import ClassVar, Final

INTERNAL: Final = "internal_error"
"""What a client sees of a mistake of ours."""


class PipelineError(Exception):
    """The root of this tree. `code` is what a client sees of a failed job."""

    code: ClassVar[str] = INTERNAL


class Refused(PipelineError):
    """Invalid input; `pointer` names the field of the request as a JSON pointer."""

    code = "refused"

    def __init__(self, message: str, pointer: str = "") -> None:
        super().__init__(message, pointer)
        self.message, self.pointer = message, pointer

    def __str__(self) -> str:
        return f"{self.pointer}: {self.message}" if self.pointer else self.message


class Stopped(PipelineError):
    """The work was asked to stop and did."""


class OutOfMemory(PipelineError):
    """The device's memory was not enough for this stage."""

    code = "out_of_memory"

    def __init__(self, stage: str) -> None:
        super().__init__(stage)
        self.stage = stage

    def __str__(self) -> str:
        return f"{self.stage}: out of memory"


class StageLost(PipelineError):
    """The process that ran this stage is gone."""

    code = "stage_lost"

    def __init__(self, stage: str) -> None:
        super().__init__(stage)
        self.stage = stage

    def __str__(self) -> str:
        return f"{self.stage}: the process that ran it was lost"


class Unavailable(PipelineError):
    """Something outside the stage that it needs is out of reach for now."""

    code = "unavailable"

    def __init__(self, stage: str, message: str) -> None:
        super().__init__(stage, message)
        self.stage, self.message = stage, message

    def __str__(self) -> str:
        return f"{self.stage}: {self.message}"


class StageFailed(PipelineError):
    """A stage could not do its work, and trying the same again would not help."""

    code = "stage_failed"

    def __init__(self, stage: str, message: str) -> None:
        super().__init__(stage, message)
        self.stage, self.message = stage, message

    def __str__(self) -> str:
        return f"{self.stage}: {self.message}"
