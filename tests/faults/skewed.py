"""A dispatcher in whose Python it is another time: `python -m tests.faults.skewed SECONDS`."""

import datetime
import runpy
import sys
import time
from typing import Any

if __name__ == "__main__":
    offset = int(sys.argv.pop(1))
    real = time.time
    Real = datetime.datetime

    class Skewed(Real):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return Real.now(tz) + datetime.timedelta(seconds=offset)

    time.time = lambda: real() + offset
    datetime.datetime = Skewed  # type: ignore[misc]
    runpy.run_module("pipeline.dispatch", run_name="__main__", alter_sys=True)
