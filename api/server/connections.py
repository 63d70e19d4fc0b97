"""The open connections of the process: how many there may be, and for how long each may wait for its client.

Time limits are checked by a sweep of the table and not by the code that reads from the connection, so that no client
can keep the check from running.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections import Counter
from typing import Any

import uvicorn
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from api.networks import network_of
from api.server.budget import Budget
from api.server.burst_log import BurstLog
from api.server.refusals import ADDRESS_FAST, ADDRESS_FULL, SERVER_FULL, Refusal
from api.server.settings import ServerSettings

SWEEP_SECONDS = 0.5
# Refused connections that are kept until their request arrives, so that the client can read the reason. Others are
# reset at once.
MAX_REFUSED = 50
REFUSED_SECONDS = 1.0
# Networks whose new connections are counted; those beyond are not limited.
MAX_ARRIVALS = 10_000


class Watched(asyncio.Protocol, ABC):
    """A connection in the table. Subclasses add the time limits of their protocol."""

    transport: asyncio.Transport
    table: "Connections"
    # The address that limits apply to; empty for a Unix socket.
    network = ""
    opened_at = 0.0
    # Since when the client has not read what waits in the write buffer.
    unread_since: float | None = None

    @abstractmethod
    def overdue(self, now: float) -> Refusal | None:
        """The limit that the connection has exceeded."""

    def is_evictable(self) -> bool:
        """Whether the connection may be closed to make room for another one."""
        return False

    @abstractmethod
    def refuse(self, refusal: Refusal) -> None:
        """Send the reason to the client, log it, and close."""

    def abort(self, reason: str) -> None:
        """Close without sending the rest of the write buffer."""
        self.table.log.add("connection closed", reason, self.network)
        self.transport.abort()

    def resume_writing(self) -> None:
        self.unread_since = None
        super().resume_writing()

    def sweep(self, now: float) -> None:
        if self.transport.get_write_buffer_size() == 0:
            self.unread_since = None
        elif self.unread_since is None:
            self.unread_since = now
        elif now - self.unread_since > self.table.limits.unread_seconds:
            self.abort("unread_timeout")
            return
        if not self.transport.is_closing() and (refusal := self.overdue(now)):
            self.refuse(refusal)


class Connections:
    """`trusted_proxies` in uvicorn's format: the connections of a proxy are those of many clients."""

    def __init__(self, limits: ServerSettings, maximum: int, trusted_proxies: str) -> None:
        self.limits = limits
        self.log = BurstLog()
        self._maximum = maximum
        self._trusted = ProxyHeadersMiddleware(_no_app, trusted_proxies).trusted_hosts
        self._open: dict[asyncio.Transport, Watched] = {}
        self._per_network: Counter[str] = Counter()
        # Of the networks that have opened connections during the last minute.
        self._arrivals: dict[str, Budget] = {}
        self._refused: set[Watched] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: Watched) -> Refusal | None:
        """Add a new connection to the table, or return why it is refused."""
        peer = connection.transport.get_extra_info("peername")
        host = peer[0] if isinstance(peer, tuple) else ""
        connection.network, connection.opened_at = network_of(host), time.monotonic()
        refusal = self._refusal(connection.network, is_client=bool(host) and not self.is_proxy(host))
        if refusal is None:
            self._open[connection.transport] = connection
            self._per_network[connection.network] += 1
        elif len(self._refused) < MAX_REFUSED:
            self._refused.add(connection)
        else:
            self.log.add("connection refused", refusal.code, connection.network)
            connection.transport.abort()
        self._schedule_sweep()
        return refusal

    def is_proxy(self, host: str) -> bool:
        return host in self._trusted

    def replace(self, connection: Watched) -> None:
        """The connection has changed its protocol."""
        previous = self._open[connection.transport]
        connection.network, connection.opened_at = previous.network, time.monotonic()
        self._open[connection.transport] = connection

    def release(self, connection: Watched) -> None:
        """The connection is closed."""
        self._refused.discard(connection)
        if self._open.pop(connection.transport, None) is None:
            return
        self._per_network[connection.network] -= 1
        if not self._per_network[connection.network]:
            del self._per_network[connection.network]

    def abort_all(self) -> None:
        """Close what is still open when the process ends."""
        for connection in [*self._open.values(), *self._refused]:
            connection.transport.abort()

    def _refusal(self, network: str, *, is_client: bool) -> Refusal | None:
        if is_client and not self._may_arrive(network):
            return ADDRESS_FAST
        if is_client and self._per_network[network] >= self.limits.connections_per_address:
            return ADDRESS_FULL
        if len(self._open) >= self._maximum and not self._evict():
            return SERVER_FULL
        return None

    def _may_arrive(self, network: str) -> bool:
        budget = self._arrivals.get(network)
        if budget is None:
            if len(self._arrivals) >= MAX_ARRIVALS:
                return True
            budget = self._arrivals[network] = Budget(self.limits.new_connections_per_minute)
        return budget.spend(1)

    def _evict(self) -> bool:
        """Close the connection that has waited longest for a request."""
        idle = [c for c in self._open.values() if c.is_evictable() and not c.transport.is_closing()]
        if not idle:
            return False
        min(idle, key=lambda connection: connection.opened_at).abort("evicted")
        return True

    def _schedule_sweep(self) -> None:
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)

    def _sweep(self) -> None:
        self._sweeper = None
        now = time.monotonic()
        for connection in list(self._open.values()):
            connection.sweep(now)
        for connection in [c for c in self._refused if now - c.opened_at > REFUSED_SECONDS]:
            connection.transport.abort()
        self._limit_unread()
        self._arrivals = {network: budget for network, budget in self._arrivals.items() if not budget.is_full()}
        self.log.flush()
        if self._open or self._refused or self._arrivals or self.log.is_pending:
            self._schedule_sweep()

    def _limit_unread(self) -> None:
        """Close the slowest readers until the write buffers of all connections are within the limit."""
        unread = {c: c.transport.get_write_buffer_size() for c in self._open.values() if c.unread_since is not None}
        total = sum(unread.values())
        for connection in sorted(unread, key=lambda c: c.unread_since or 0.0):
            if total <= self.limits.unread_bytes:
                break
            total -= unread[connection]
            connection.abort("unread_bytes")


async def _no_app(*_: Any) -> None:
    """ProxyHeadersMiddleware is used only for its parser of addresses and networks."""


class ServerConfig(uvicorn.Config):
    """uvicorn's configuration, which it passes to every protocol, with the table."""

    def __init__(self, app: Any, connections: Connections, **options: Any) -> None:
        self.connections = connections
        super().__init__(app, **options)
