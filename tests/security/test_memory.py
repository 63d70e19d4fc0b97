"""What one connection costs in memory, by what its client has sent."""

import json
import time
from contextlib import ExitStack

import httpx
import pytest

from tests.api.server.raw import TEXT, Raw, frame, handshake, request
from tests.security.conftest import GatewayProcess, StartGateway, sign_in

# Enough that memory which was free at the start does not hide the growth.
CONNECTIONS = 600
CONNECTIONS_WITH_ROWS = 150
# They fill caches and pools before the measurement begins.
WARM_UP_CONNECTIONS = 20
NO_TIME_LIMITS = dict.fromkeys(
    ("HEADER_SECONDS", "BODY_SECONDS", "IDLE_SECONDS", "UNREAD_SECONDS", "SOCKET_AUTH_SECONDS"), "600"
)
KILOBYTE = 1000


@pytest.mark.long_attack
@pytest.mark.parametrize(
    ("kind", "opening", "limit_kilobytes"),
    [
        ("silent", b"", 30),
        ("idle after a request", request(), 60),
        ("unfinished header", b"GET / HTTP/1.1\r\nHost: localhost\r\nx: " + b"a" * 16_000, 80),
        ("unfinished body", request("POST /api/auth/login", "Content-Length: 65536") + b" " * 65_000, 250),
        ("pipelined requests", request("GET /api/jobs/{job_id}/events", "Authorization: {token}") + b"a" * 65_000, 200),
        ("WebSocket", handshake(), 120),
        ("WebSocket of a user with 40 long jobs", handshake(), 550),
        ("unread page of 256 kB", request("GET /api/jobs?limit=100", "Authorization: {token}"), 500),
    ],
)
def test_the_memory_of_a_connection_is_bounded(
    start_gateway: StartGateway, kind: str, opening: bytes, limit_kilobytes: int, costs: dict[str, float]
) -> None:
    gateway = start_gateway(
        SOCKETS_PER_USER="1000",
        SUBMISSIONS_PER_MINUTE="100000",
        QUEUED_PER_USER="1000",
        WAITING_PER_CLIENT="1000",
        **NO_TIME_LIMITS,
    )
    try:
        with sign_in(gateway) as user, ExitStack() as opened:
            spec = {"prompt": "é" * 2000, "negative_prompt": "é" * 2000}
            jobs = [user.post("/api/generate", json=spec).raise_for_status().json()["job_id"] for _ in range(40)]
            token = user.headers["Authorization"]
            data = opening.replace(b"{token}", token.encode()).replace(b"{job_id}", jobs[0].encode())
            before, count = 0, CONNECTIONS_WITH_ROWS if "jobs" in kind else CONNECTIONS
            for n in range(count + WARM_UP_CONNECTIONS):
                if n == WARM_UP_CONNECTIONS:
                    before = settled_memory_bytes(gateway, user)
                client = opened.enter_context(Raw(gateway.port, receive_buffer=4096))
                client.send(data)
                if kind.startswith("WebSocket"):
                    client.response_head()
                if "jobs" in kind:
                    client.send(frame(TEXT, json.dumps({"type": "auth", "token": token.split()[1]}).encode()))
                    client.socket.recv(65_536)
            cost = (settled_memory_bytes(gateway, user) - before) / count / KILOBYTE
    finally:
        gateway.process.kill()
    costs[kind] = cost
    assert cost <= limit_kilobytes


def settled_memory_bytes(gateway: GatewayProcess, user: httpx.Client) -> int:
    """The memory after the gateway has accepted and read all that was sent to it."""
    descriptors = -1
    while descriptors != gateway.descriptors():
        descriptors = gateway.descriptors()
        time.sleep(1)
        user.get("/api/me").raise_for_status()
    return gateway.memory_bytes()
