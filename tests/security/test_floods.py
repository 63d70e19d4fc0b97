"""A flood of any kind costs the gateway little memory, and other clients little time."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.api.server.raw import Raw, request
from tests.security import flood
from tests.security.conftest import GatewayProcess, Measurement, Scale, StartGateway

MAX_GROWTH_BYTES = 100_000_000
MAX_WAIT_SECONDS = 2.0
PROBE_PAUSE_SECONDS = 0.02


def attack(gateway: GatewayProcess, kind: str, scale: Scale, *account: str) -> Measurement:
    """Run a flood while another client probes the gateway."""
    command = [sys.executable, str(Path(flood.__file__)), str(gateway.port), kind]
    command += [str(scale.connections), str(scale.seconds), *account]
    before = highest = gateway.memory_bytes()
    longest, probes = 0.0, 0
    with subprocess.Popen(command) as attacker:
        while attacker.poll() is None:
            started = time.monotonic()
            with Raw(gateway.port) as client:
                client.socket.settimeout(60)
                client.send(request())
                assert client.response().status == 200
            longest = max(longest, time.monotonic() - started)
            highest = max(highest, gateway.memory_bytes())
            probes += 1
            time.sleep(PROBE_PAUSE_SECONDS)
    assert attacker.returncode == 0
    assert probes > 5
    return Measurement(kind, longest, highest - before)


def check(measured: Measurement, gateway: GatewayProcess, measurements: list[Measurement]) -> None:
    measurements.append(measured)
    assert measured.longest_wait_seconds <= MAX_WAIT_SECONDS
    assert measured.growth_bytes <= MAX_GROWTH_BYTES
    assert "Traceback" not in gateway.log()


@pytest.mark.parametrize("kind", flood.KINDS)
def test_a_flood_leaves_memory_and_time_for_others(
    gateway: GatewayProcess, scale: Scale, measurements: list[Measurement], kind: str
) -> None:
    check(attack(gateway, kind, scale), gateway, measurements)


@pytest.mark.parametrize("kind", flood.SIGNED_IN_KINDS)
def test_a_flood_of_a_user_leaves_memory_and_time_for_others(
    gateway: GatewayProcess, scale: Scale, measurements: list[Measurement], user: httpx.Client, kind: str
) -> None:
    """The attacker has an account, and long pages of jobs."""
    spec = {"prompt": "é" * 2000, "negative_prompt": "é" * 2000}
    job_ids = [user.post("/api/generate", json=spec).raise_for_status().json()["job_id"] for _ in range(40)]
    check(attack(gateway, kind, scale, user.headers["Authorization"], job_ids[0]), gateway, measurements)


def test_refused_floods_are_logged_in_few_lines(start_gateway: StartGateway, scale: Scale) -> None:
    """One line per reason at the start and then every ten seconds. A gateway that has not logged other floods."""
    gateway = start_gateway()
    before = len(gateway.log().splitlines())
    attack(gateway, "garbage", scale)
    lines = [line for line in gateway.log().splitlines()[before:] if '"event": "request"' not in line]
    assert 0 < len(lines) <= 20, lines


def test_silent_connections_do_not_use_up_the_file_descriptors(start_gateway: StartGateway) -> None:
    """260 silent connections to a gateway with 200 descriptors."""
    gateway = start_gateway(descriptors=200)
    silent = [Raw(gateway.port, f"127.0.0.{10 + n % 10}") for n in range(260)]
    try:
        for n in range(20):
            with Raw(gateway.port, f"127.0.0.{100 + n}") as other:
                other.send(request())
                assert other.response().status == 200
    finally:
        for client in silent:
            client.socket.close()
    log = gateway.log()
    assert "too few file descriptors" in log
    assert "evicted" in log


@pytest.mark.long_attack
@pytest.mark.parametrize(
    ("opening", "drop", "seconds"),
    [
        (b"", b"", 10),
        (b"GET /healthz HTTP/1.1\r\n", b"a: b\r\n", 10),
        (request("POST /api/auth/login", "Content-Length: 1000"), b" ", 20),
        (flood.CHUNKED, b"1\r\n \r\n", 20),
        (request(), b"", 5),
        (flood.HANDSHAKE, b"", 5),
        (flood.HANDSHAKE, b"\x89\x80" + flood.MASK, 5),
    ],
    ids=["silent", "slow header", "slow body", "slow chunks", "idle", "silent WebSocket", "WebSocket with pings"],
)
def test_slow_and_silent_connections_are_closed(
    gateway: GatewayProcess, opening: bytes, drop: bytes, seconds: float
) -> None:
    """With the default settings: one drop each second, until the gateway closes the connection."""
    started = time.monotonic()
    with Raw(gateway.port) as client:
        client.send(opening)
        client.socket.settimeout(1)
        while time.monotonic() - started < seconds + 10:
            try:
                client.send(drop)
                while client.socket.recv(65_536):
                    pass
                break
            except TimeoutError:
                continue
            except ConnectionError:
                break
    assert seconds - 1 <= time.monotonic() - started < seconds + 5


def test_the_kinds_of_floods_are_what_they_say(gateway: GatewayProcess) -> None:
    """The requests and the handshake of the attacker are valid, so that the floods reach what they attack."""
    for opening, status in ((flood.request("GET /healthz"), 200), (flood.HANDSHAKE, 101)):
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
            connection.sendall(opening)
            assert connection.recv(12) == f"HTTP/1.1 {status}".encode()
