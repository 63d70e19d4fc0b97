"""How often one caller may try. Counted in this process only: with n gateways the limit is n times as high."""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

from api.problems import TooManyRequests

REMEMBERED = 10_000


class Buckets:
    """One token bucket per key: `per_minute` tries at once, refilled evenly. The key seen longest ago is forgotten."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = float(per_minute)
        self._per_second = per_minute / 60
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> None:
        level = self._level(key)
        if level < 1:
            raise TooManyRequests(retry_after=(1 - level) / self._per_second + 0.5)
        self._keep(key, level - 1)

    def give_back(self, key: str) -> None:
        """For a try that turned out to be a good one."""
        self._keep(key, min(self._size, self._level(key) + 1))

    def _level(self, key: str) -> float:
        level, seen = self._buckets.get(key, (self._size, self._clock()))
        return min(self._size, level + (self._clock() - seen) * self._per_second)

    def _keep(self, key: str, level: float) -> None:
        self._buckets[key] = (level, self._clock())
        self._buckets.move_to_end(key)
        while len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)


def neighbourhood(host: str) -> str:
    """An IPv4 address, or the /64 that one IPv6 customer has to himself."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return str(ipaddress.ip_network(f"{host}/64", strict=False)) if address.version == 6 else host
