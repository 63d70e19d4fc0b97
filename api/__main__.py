"""`python -m api`: run the gateway with the connection limits that uvicorn and the kernel enforce for it."""

import argparse
import os
import socket
import sys

import uvicorn

# Without this the kernel buffers megabytes for a client that does not read.
SEND_BUFFER_BYTES = 64 * 1024
# The kernel drops a connection whose peer acknowledges nothing for this long; close() alone would wait indefinitely.
UNACKNOWLEDGED_SECONDS = 30
MAX_WEBSOCKET_MESSAGE_BYTES = 64 * 1024
SHUTDOWN_SECONDS = 5


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; accepted connections inherit its send buffer and its timeout for unacknowledged data."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    if sys.platform == "linux":
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_SECONDS * 1000)
    listening.bind((host, port))
    return listening


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m api", description="Run the AuraAnim gateway.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args(arguments)
    config = uvicorn.Config(
        "api.app:create_app",
        factory=True,
        access_log=False,
        ws_max_size=MAX_WEBSOCKET_MESSAGE_BYTES,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        # Proxies whose X-Forwarded-For header is trusted.
        forwarded_allow_ips=os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1"),
    )
    uvicorn.Server(config).run(sockets=[listen(options.host, options.port)])


if __name__ == "__main__":
    main()
