"""An allowance per minute, all of which may be used at once."""

import time


class Budget:
    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._left = float(per_minute)
        self._at = time.monotonic()

    def spend(self, amount: int) -> bool:
        """Whether the allowance was sufficient; if not, nothing is spent."""
        self._earn()
        if self._left < amount:
            return False
        self._left -= amount
        return True

    def is_full(self) -> bool:
        """Whether the whole allowance is available."""
        self._earn()
        return self._left >= self._per_minute

    def _earn(self) -> None:
        now = time.monotonic()
        self._left = min(float(self._per_minute), self._left + (now - self._at) * self._per_minute / 60)
        self._at = now
