"""Identifiers that sort by creation time."""

import secrets
import threading
import time
import uuid
from datetime import datetime
from typing import Final

_RANDOM_BITS: Final = 74
_lock = threading.Lock()
# Milliseconds and random bits of the newest id, as one number.
_last = 0


def uuid7() -> uuid.UUID:
    """A UUIDv7 (RFC 9562), greater than all earlier ones of this process even if the clock steps back."""
    global _last
    with _lock:
        fresh = (time.time_ns() // 1_000_000) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
        _last = fresh if fresh > _last else _last + 1 + secrets.randbits(32)
        value = _last
    return _uuid7(value >> _RANDOM_BITS, value & ((1 << _RANDOM_BITS) - 1))


def first_uuid7(moment: datetime) -> uuid.UUID:
    """The smallest id of this millisecond: it separates the ids before `moment` from those after it."""
    return _uuid7(max(0, int(moment.timestamp() * 1000)), 0)


def _uuid7(milliseconds: int, random: int) -> uuid.UUID:
    high, low = random >> 62, random & ((1 << 62) - 1)
    return uuid.UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low)
