"""Ports stay free until they are used."""

import socket
from pathlib import Path

import pytest

from db import ports
from db.ports import free_port


def test_the_kernel_does_not_give_a_free_port_to_outgoing_connections() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(port < lowest for port in (free_port() for _ in range(20)))


def test_a_used_port_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as used:
        used.bind(("127.0.0.1", 0))
        taken = used.getsockname()[1]
        monkeypatch.setattr(ports, "CANDIDATES", range(taken, taken + 100))
        assert free_port() != taken
