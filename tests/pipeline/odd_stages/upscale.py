import threading
import time
from pathlib import Path
from typing import Any

from pipeline.clip import Clip
from pipeline.contract.errors import OutOfMemory


class Upscale:
    """The plan is a word here: it selects an error, a call that runs until it is stopped, or an immediate return."""

    at_once = 0
    most_at_once = 0
    started = threading.Event()

    def __init__(self, models_dir: Path, device: str) -> None:
        self.loaded_in = threading.current_thread().name

    def __call__(self, clip: Clip, plan: Any, check: Any) -> Clip:
        match plan:
            case "raise":
                raise ValueError("the picture is upside down")
            case "too large":
                raise OutOfMemory("upscale")
            case "until stopped":
                self._work(check)
        return clip

    def _work(self, check: Any) -> None:
        Upscale.at_once += 1
        Upscale.most_at_once = max(Upscale.most_at_once, Upscale.at_once)
        Upscale.started.set()
        try:
            while True:
                time.sleep(0.02)
                check()
        finally:
            # The thread stops with a delay.
            time.sleep(0.1)
            Upscale.at_once -= 1
