"""A dispatcher whose Python clock is wrong by some seconds: `python -m tests.faults.skewed_clock SECONDS`."""

import datetime
import runpy
import sys
import time
from typing import Any

if __name__ == "__main__":
    offset = int(sys.argv.pop(1))
    real_time = time.time
    RealDatetime = datetime.datetime

    class SkewedDatetime(RealDatetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return RealDatetime.now(tz) + datetime.timedelta(seconds=offset)

    time.time = lambda: real_time() + offset
    datetime.datetime = SkewedDatetime  # type: ignore[misc]
    runpy.run_module("pipeline.dispatch", run_name="__main__", alter_sys=True)
