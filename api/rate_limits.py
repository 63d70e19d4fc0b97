"""Rate limits in the memory of one process: n gateways allow n times the rate."""

import contextlib
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator

from api.problems import TooManyRequests

# Bounds the memory. The least recently used bucket is evicted, which resets its limit.
MAX_BUCKETS = 10_000


class TokenBuckets:
    """One token bucket per key: a capacity of `per_minute` tokens, refilled continuously at that rate."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity = float(per_minute)
        self._tokens_per_second = per_minute / 60
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> None:
        """Take one token, or raise TooManyRequests if the bucket is empty."""
        tokens = self._tokens(key)
        if tokens < 1:
            raise TooManyRequests(retry_after=(1 - tokens) / self._tokens_per_second + 0.5)
        self._store(key, tokens - 1)

    def put_back(self, key: str) -> None:
        self._store(key, min(self._capacity, self._tokens(key) + 1))

    @contextlib.contextmanager
    def limit_failures(self, key: str, failure: type[Exception]) -> Iterator[None]:
        """Take a token for the block and put it back unless the block raises `failure`.

        Taking the token first bounds concurrent attempts too.
        """
        self.take(key)
        failed = False
        try:
            yield
        except failure:
            failed = True
            raise
        finally:
            if not failed:
                self.put_back(key)

    def _tokens(self, key: str) -> float:
        tokens, updated_at = self._buckets.get(key, (self._capacity, self._clock()))
        return min(self._capacity, tokens + (self._clock() - updated_at) * self._tokens_per_second)

    def _store(self, key: str, tokens: float) -> None:
        self._buckets[key] = (tokens, self._clock())
        self._buckets.move_to_end(key)
        while len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)


def network_of(host: str) -> str:
    """The key of a client address: the IPv4 address, also if mapped into IPv6, or the IPv6 /64 network.

    A /64 is the smallest network that providers assign, so one customer can use all of its addresses.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    return str(address.ipv4_mapped or ipaddress.IPv6Network((int(address), 64), strict=False))
