"""How many threads a stage computes with: as many as the machine has idle cores, measured again at every check.

OpenMP's threads spin for a moment between two parallel loops. That is fastest on idle cores, and slows everything down
many times on cores that other stages use: a loop then waits for a thread that is not scheduled. The frames are the
same with any number of threads.
"""

import os
import sys
import time
from typing import Final

import psutil

# A measurement over a shorter time is too coarse, and one over a longer time includes load that has ended.
SHORTEST_SECONDS: Final = 0.05
LONGEST_SECONDS: Final = 2.0
# `generate`, `interpolate`, `upscale` and `postprocess` may all compute at once: each may always use its part.
COMPUTING_STAGES: Final = 4


class Threads:
    """The threads of torch in the calling thread. Without torch, or with one core, there is nothing to do."""

    def __init__(self) -> None:
        self._most = 0
        self._measured_at, self._others_before = 0.0, 0.0

    def adapt(self) -> None:
        """Call this between two steps of the work. It takes about 30 µs."""
        torch = sys.modules.get("torch")
        if torch is None:
            return
        self._most = self._most or torch.get_num_threads()
        now, others = time.monotonic(), seconds_of_others()
        elapsed = now - self._measured_at
        if self._most == 1 or elapsed < SHORTEST_SECONDS:
            return
        used = (others - self._others_before) / elapsed if elapsed < LONGEST_SECONDS else 0.0
        self._measured_at, self._others_before = now, others
        if (threads := number(self._most, used)) != torch.get_num_threads():
            torch.set_num_threads(threads)


def number(cores: int, used: float) -> int:
    """The threads on a machine with so many cores, of which others use `used`."""
    return max(1, cores // COMPUTING_STAGES, min(cores, round(cores - used)))


def seconds_of_others() -> float:
    """The CPU time of all other processes since the start of the machine.

    Those with a lower priority do not count: they wait for this one.
    """
    times = psutil.cpu_times()
    equal = times.user + times.system + (getattr(times, "nice", 0.0) if os.nice(0) > 0 else 0.0)
    return float(equal - time.process_time())
