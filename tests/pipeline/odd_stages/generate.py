import time
from pathlib import Path
from typing import Any

from pipeline.clip import Clip


class Generate:
    """Takes ten steps, checks for a stop before each, and fails after the last one."""

    last_step = 0

    def __init__(self, models_dir: Path, device: str) -> None:
        pass

    def __call__(self, plan: Any, on_step: Any, check: Any) -> Clip:
        for step in range(1, 11):
            check()
            Generate.last_step = step
            on_step(step, 10, b"preview" if step == 5 else None)
            time.sleep(0.02)
        raise ValueError("no colours left")
