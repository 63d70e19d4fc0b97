"""How often one caller may try. Counted in this process only: with n gateways the limit is n times as high."""

import contextlib
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator

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

    @contextlib.contextmanager
    def attempt(self, key: str, failure: type[Exception]) -> Iterator[None]:
        """One try, which costs nothing unless it ends in this failure."""
        self.take(key)
        failed = False
        try:
            yield
        except failure:
            failed = True
            raise
        finally:
            if not failed:
                self.give_back(key)

    def give_back(self, key: str) -> None:
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
    """An IPv4 address, also when it is written as IPv6, or the /64 that one IPv6 customer has to himself."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    return str(address.ipv4_mapped or ipaddress.IPv6Network((int(address), 64), strict=False))
