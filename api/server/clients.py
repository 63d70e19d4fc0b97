"""The limit on connections per address, for clients behind a proxy."""

from collections import Counter

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.networks import network_of
from api.problems import MEDIA_TYPE
from api.server.connections import Connections
from api.server.refusals import ADDRESS_FULL


class ClientLimit:
    """Limits the requests, event streams and WebSockets that the clients of one address have open.

    The address is the one that a trusted proxy reports. Without a proxy, `Connections` has the same limit already.
    """

    def __init__(self, app: ASGIApp, connections: Connections) -> None:
        self.app = app
        self._connections = connections
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host, _ = scope.get("client") or ("", 0)
        # A trusted proxy that reports no client, or a client on the same machine. With `*`, every address is trusted.
        is_direct = scope["type"] == "lifespan" or "x-forwarded-for" not in Headers(scope=scope)
        if not host or (is_direct and self._connections.is_proxy(host)):
            await self.app(scope, receive, send)
            return
        network = network_of(host)
        if self._open[network] >= self._connections.limits.connections_per_address:
            self._connections.log.add("connection refused", ADDRESS_FULL.code, network)
            refusal = Response(ADDRESS_FULL.body(), ADDRESS_FULL.status, ADDRESS_FULL.headers(), MEDIA_TYPE)
            await refusal(scope, receive, send)
            return
        self._open[network] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._open[network] -= 1
            if not self._open[network]:
                del self._open[network]
