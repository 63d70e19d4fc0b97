"""The address of the gateway of a data directory."""

import socket
from typing import Final

import httpx

from cli.system.data_dir import DataDir

# The address under which this machine reaches a server that listens on all of its interfaces.
LOOPBACK: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


class StartFailed(Exception):
    """A part of the system did not start; the message names it and the reason."""


def gateway_url(host: str, port: int) -> str:
    """The URL under which this machine reaches a gateway that listens on `host`."""
    host = LOOPBACK.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def require_free_port(host: str, port: int, option: str = "--port") -> None:
    """Raises StartFailed if this process cannot listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        reason = f"{error.strerror}: choose another one with {option} or --host"
        raise StartFailed(f"cannot listen on port {port} of {host}: {reason}") from None


def is_ready(url: str) -> bool:
    """Whether the gateway accepts jobs: it has the newest tables, and the object store answers."""
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def running_gateway_url(data_dir: DataDir) -> str | None:
    """The URL of the gateway that runs in this data directory, or None.

    The address file is used only while the data directory is locked: after a crash, another program may listen on the
    port that the file names.
    """
    try:
        if not data_dir.is_locked:
            return None
        url = data_dir.address_file.read_text()
        return url if httpx.get(f"{url}/healthz", timeout=2).status_code == httpx.codes.OK else None
    except (FileNotFoundError, httpx.TransportError):
        return None
