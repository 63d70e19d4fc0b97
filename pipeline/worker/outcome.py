"""How an error of an attempt is recorded, and whether the job is tried again."""

from dataclasses import dataclass
from typing import Any

from pipeline.contract.errors import INTERNAL, DependencyUnavailable, OutOfMemory, PipelineError, StageLost


@dataclass(frozen=True, slots=True)
class Failure:
    """`error` is the JSON that is shown to the owner of the job. `reduced`: the next attempt uses the reduced plan."""

    error: dict[str, Any]
    retry: bool
    reduced: bool


def classify(error: Exception, *, already_reduced: bool) -> Failure:
    """The failure to record for an error.

    Retried: a lost stage, an unavailable dependency, an unexpected error, and the first out of memory.
    The message of an unexpected error may quote rows, so the owner sees a general one; the log has the traceback.
    """
    if not isinstance(error, PipelineError):
        details = {"code": INTERNAL, "message": "Something went wrong on our side.", "stage": None}
        return Failure(details, retry=True, reduced=False)
    reduced = isinstance(error, OutOfMemory) and not already_reduced
    details = {"code": error.code, "message": str(error), "stage": getattr(error, "stage", None)}
    return Failure(details, retry=reduced or isinstance(error, StageLost | DependencyUnavailable), reduced=reduced)
