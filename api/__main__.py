"""`python -m api`: the gateway as a process, with the limits that uvicorn is to keep for it."""

import argparse
import os
import socket
import sys

import uvicorn

SEND_BUFFER_BYTES = 64 * 1024
"""The kernel would hold megabytes for a reader that does not read; with this it holds no more than the gateway does."""
STALLED_SECONDS = 30
"""A peer that takes nothing for so long loses its connection: closing it alone would wait for ever to send the rest."""
LARGEST_MESSAGE_BYTES = 64 * 1024
GRACE_SECONDS = 5


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; what it accepts inherits the small send buffer and the patience with a stalled peer."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    if sys.platform == "linux":
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_SECONDS * 1000)
    listening.bind((host, port))
    return listening


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m api", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    chosen = parser.parse_args(arguments)
    config = uvicorn.Config(
        "api.app:create_app",
        factory=True,
        access_log=False,
        ws_max_size=LARGEST_MESSAGE_BYTES,
        timeout_graceful_shutdown=GRACE_SECONDS,
        # Whose word about the caller's address is taken: behind a proxy, the proxy's.
        forwarded_allow_ips=os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1"),
    )
    uvicorn.Server(config).run(sockets=[listen(chosen.host, chosen.port)])


if __name__ == "__main__":
    main()
