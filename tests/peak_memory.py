"""The memory of a process and its descendants over a time."""

import threading

import psutil


class PeakMemory:
    """The peak memory of the Ray processes, shared memory included, in bytes."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._stop = threading.Event()
        self.bytes = 0

    def __enter__(self) -> "PeakMemory":
        self._thread = threading.Thread(target=self._measure)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _measure(self) -> None:
        while not self._stop.wait(0.2):
            self.bytes = max(self.bytes, sum(map(self._memory, self._root.children(recursive=True))))

    @staticmethod
    def _memory(process: psutil.Process) -> int:
        """The proportional set size: private pages and a share of the shared ones."""
        try:
            return int(process.memory_full_info().pss)
        except psutil.Error:
            return 0
