"""The calls of the stages, as lines of a file: stage, begin, end, span."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def recorded(stage: str, prompt: str, span: int = -1) -> Iterator[None]:
    """Also recorded if the call is stopped or fails."""
    began = time.time()
    try:
        yield
    finally:
        line = {"stage": stage, "prompt": prompt, "span": span, "began": began, "ended": time.time()}
        with open(os.environ["BENCH_CALLS"], "a") as file:
            file.write(json.dumps(line) + "\n")
