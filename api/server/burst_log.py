"""Log lines about refused and closed connections: a client that causes thousands of them causes few lines."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

# After the first line of a kind, one line per interval with the number of events in it.
INTERVAL_SECONDS = 10.0
# Distinct addresses that are counted per interval, and of those the ones that are logged.
MAX_ADDRESSES = 1000
LOGGED_ADDRESSES = 5

log = structlog.get_logger("api.server")


@dataclass
class _Burst:
    next_line_at: float
    count: int = 0
    addresses: Counter[str] = field(default_factory=Counter)


class BurstLog:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._bursts: dict[tuple[str, str], _Burst] = {}

    def add(self, event: str, reason: str, address: str) -> None:
        """Log the event now, or in a later `flush` if the same was logged during the last seconds."""
        burst = self._bursts.get((event, reason))
        if burst is None:
            self._bursts[event, reason] = _Burst(self._clock() + INTERVAL_SECONDS)
            log.warning(event, reason=reason, count=1, addresses=[address])
            return
        burst.count += 1
        if address in burst.addresses or len(burst.addresses) < MAX_ADDRESSES:
            burst.addresses[address] += 1

    @property
    def is_pending(self) -> bool:
        """Whether `flush` must be called again."""
        return bool(self._bursts)

    def flush(self) -> None:
        """Log the events of each interval that has ended."""
        now = self._clock()
        for key, burst in [(key, burst) for key, burst in self._bursts.items() if burst.next_line_at <= now]:
            if not burst.count:
                del self._bursts[key]
                continue
            event, reason = key
            most = [address for address, _ in burst.addresses.most_common(LOGGED_ADDRESSES)]
            log.warning(event, reason=reason, count=burst.count, addresses=most)
            self._bursts[key] = _Burst(now + INTERVAL_SECONDS)
