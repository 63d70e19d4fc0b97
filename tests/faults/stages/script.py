"""What a prompt tells the sleeping stages: `generate sleep 0.5, upscale hang`. Anything else in a prompt is ignored."""

import ctypes
import os
import signal
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

from pipeline.errors import OutOfMemory, Refused
from pipeline.spec import Plan

Check = Callable[[], None]
TICK_SECONDS: Final = 0.02
HANG_SECONDS: Final = 300.0


def orders(prompt: str, stage: str) -> list[list[str]]:
    """The words that follow the stage's name, for each order that is given to it."""
    said = [order.split() for order in prompt.split(",")]
    return [words[1:] for words in said if len(words) > 1 and words[0] == stage]


def obey(prompt: str, stage: str, check: Check, *, reduced: bool = False) -> None:
    sleep(seconds(prompt, stage), check)
    misbehave(prompt, stage, reduced=reduced)


def is_reduced(plan: Plan) -> bool:
    """Whether this is the smaller plan of a second try after out of memory."""
    return plan.base_width < plan.base_height


def seconds(prompt: str, stage: str) -> float:
    return sum(float(words[1]) for words in orders(prompt, stage) if words[0] == "sleep")


def misbehave(prompt: str, stage: str, *, reduced: bool = False) -> None:
    for what, *_ in orders(prompt, stage):
        if what == "hang-once" and first(prompt, stage):  # deaf: not even a cancel ends it
            time.sleep(HANG_SECONDS)
        elif what == "seize-once" and first(prompt, stage):  # a native call that lets no other thread run
            ctypes.PyDLL(None).sleep(int(HANG_SECONDS))
        elif what == "crash-once" and first(prompt, stage):  # as PyTorch says it when the device is lost
            raise RuntimeError("CUDA error: unspecified launch failure")
        elif what == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif what == "oom" and not reduced:
            raise OutOfMemory(stage)
        elif what == "refuse":
            raise Refused("asked to refuse", "/prompt")
        elif what == "break":
            raise ValueError("asked to break")


def sleep(seconds: float, check: Check) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        check()
        time.sleep(min(TICK_SECONDS, left))


def first(prompt: str, stage: str) -> bool:
    """Whether nobody has come here with this prompt before."""
    path = Path(os.environ["FAULTS_REPLICAS"], f"{stage}-{sha256(prompt.encode()).hexdigest()}")
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def sign_in(stage: str) -> None:
    """Leave the number of this process where the harness looks for it."""
    if folder := os.environ.get("FAULTS_REPLICAS"):
        Path(folder, f"{stage}.{os.getpid()}").touch()
