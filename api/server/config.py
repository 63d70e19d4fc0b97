"""uvicorn with the limits of this package, and the listening socket."""

import asyncio
import resource
import socket
import sys
from typing import Any

import structlog
import uvicorn
from starlette.types import ASGIApp

from api.server.clients import ClientLimit
from api.server.connections import Connections, ServerConfig
from api.server.http import LimitedHttp
from api.server.settings import ServerSettings
from api.server.websocket import LimitedWebSocket

# Without these the kernel buffers megabytes for a client that does not read, and delivers as much in one read.
SEND_BUFFER_BYTES = 64 * 1024
RECEIVE_BUFFER_BYTES = 32 * 1024
# The kernel drops a connection whose peer acknowledges nothing for this long; close() alone would wait indefinitely.
UNACKNOWLEDGED_SECONDS = 30
MAX_WEBSOCKET_MESSAGE_BYTES = 16 * 1024
SHUTDOWN_SECONDS = 5
# File descriptors for the database, the object store, logs and the event loop.
RESERVED_DESCRIPTORS = 100
# A connection may have a file open that is being sent.
DESCRIPTORS_PER_CONNECTION = 2

log = structlog.get_logger("api.server")


def server_config(
    app: ASGIApp, limits: ServerSettings, trusted_proxies: str = "127.0.0.1", **options: Any
) -> ServerConfig:
    """`options` override those of the gateway, for tests."""
    connections = Connections(limits, max_connections(limits.connections), trusted_proxies)
    defaults = {
        # The application configures the loggers, and logs the requests.
        "log_config": None,
        "access_log": False,
        "http": LimitedHttp,
        "ws": LimitedWebSocket,
        "ws_max_size": MAX_WEBSOCKET_MESSAGE_BYTES,
        "ws_per_message_deflate": False,
        "timeout_keep_alive": limits.idle_seconds,
        "timeout_graceful_shutdown": SHUTDOWN_SECONDS,
        "forwarded_allow_ips": trusted_proxies,
        "server_header": False,
    }
    return ServerConfig(ClientLimit(app, connections), connections, **(defaults | options))


class GatewayServer(uvicorn.Server):
    """Ends in time although clients do not read: uvicorn waits until what it has written was received."""

    config: ServerConfig

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        self.config.connections.abort_all()
        # Aborted connections are closed in the next iteration of the event loop.
        await asyncio.sleep(0.1)


def max_connections(wanted: int) -> int:
    """The number of connections that the limit of file descriptors allows, after raising it as far as permitted."""
    needed = wanted * DESCRIPTORS_PER_CONNECTION + RESERVED_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    allowed = max(1, (soft - RESERVED_DESCRIPTORS) // DESCRIPTORS_PER_CONNECTION)
    log.warning("too few file descriptors", connections=wanted, allowed=allowed, descriptors=soft)
    return allowed


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; accepted connections inherit its buffer sizes and its timeout for unacknowledged data."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    if sys.platform == "linux":
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_SECONDS * 1000)
    listening.bind((host, port))
    return listening
