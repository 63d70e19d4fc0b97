"""The instructions in a prompt: `generate sleep 0.5, upscale hang-once`. Other text in a prompt is ignored."""

import ctypes
import os
import signal
import time
from hashlib import sha256
from pathlib import Path
from typing import Final

from pipeline.contract.errors import CheckStopped, OutOfMemory, Refused
from pipeline.contract.plan import Plan

TICK_SECONDS: Final = 0.02
HANG_SECONDS: Final = 300.0


def run(prompt: str, stage: str, check: CheckStopped, *, reduced: bool = False) -> None:
    """Sleep, then inject the faults of this stage."""
    sleep(sleep_seconds(prompt, stage), check)
    inject_faults(prompt, stage, reduced=reduced)


def instructions(prompt: str, stage: str) -> list[list[str]]:
    """The words after the stage's name, for each of its instructions."""
    parts = [part.split() for part in prompt.split(",")]
    return [words[1:] for words in parts if len(words) > 1 and words[0] == stage]


def is_reduced(plan: Plan) -> bool:
    """Whether this is the reduced plan that follows an out-of-memory error."""
    return plan.base_width < plan.base_height


def sleep_seconds(prompt: str, stage: str) -> float:
    return sum(float(words[1]) for words in instructions(prompt, stage) if words[0] == "sleep")


def inject_faults(prompt: str, stage: str, *, reduced: bool = False) -> None:
    for fault, *_ in instructions(prompt, stage):
        if fault == "hang-once" and is_first_call(prompt, stage):  # ignores cancellation too
            time.sleep(HANG_SECONDS)
        elif fault == "hold-gil-once" and is_first_call(prompt, stage):  # a native call that blocks all threads
            ctypes.PyDLL(None).sleep(int(HANG_SECONDS))
        elif fault == "crash-once" and is_first_call(prompt, stage):  # PyTorch's message when the device is lost
            raise RuntimeError("CUDA error: unspecified launch failure")
        elif fault == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif fault == "oom" and not reduced:
            raise OutOfMemory(stage)
        elif fault == "refuse":
            raise Refused("refused as the prompt instructs", "/prompt")
        elif fault == "break":
            raise ValueError("failed as the prompt instructs")


def sleep(seconds: float, check: CheckStopped) -> None:
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        check()
        time.sleep(min(TICK_SECONDS, left))


def is_first_call(prompt: str, stage: str) -> bool:
    """Whether no replica of the stage has received this prompt before."""
    path = Path(os.environ["FAULTS_REPLICAS"], f"{stage}-{sha256(prompt.encode()).hexdigest()}")
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def register_replica(stage: str) -> None:
    """Write the pid of this process to the folder where `System.replicas` looks for it."""
    if folder := os.environ.get("FAULTS_REPLICAS"):
        Path(folder, f"{stage}.{os.getpid()}").touch()
