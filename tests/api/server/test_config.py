"""File descriptors, and the end of a server whose clients do not read."""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from api.server import config
from tests.api.conftest import ApiUser, StartServer, Worker
from tests.api.server.raw import Raw, request

ROOT = Path(__file__).parents[3]
PROGRAM = """
import resource, sys
from api.server.config import max_connections
from db import logs
logs.configure()
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
print(max_connections(1000), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def max_connections(soft: int, hard: int) -> list[str]:
    """The output of a process with these limits on descriptors."""
    command = [sys.executable, "-c", PROGRAM, str(soft), str(hard)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()


def test_the_limit_of_descriptors_is_raised_as_far_as_needed() -> None:
    needed = 1000 * config.DESCRIPTORS_PER_CONNECTION + config.RESERVED_DESCRIPTORS
    assert max_connections(200, needed + 500) == [f"1000 {needed}"]


def test_fewer_descriptors_allow_fewer_connections_and_are_logged() -> None:
    line, result = max_connections(200, 400)
    assert result == "150 400"
    assert json.loads(line)["event"] == "too few file descriptors"


def test_enough_descriptors_are_left_alone() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert config.max_connections(10) == 10
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


async def test_a_client_that_does_not_read_does_not_delay_the_end(
    start_server: StartServer, alice: ApiUser, worker: Worker
) -> None:
    for _ in range(40):
        await worker.enqueue(alice.id, prompt="é" * 2000, negative_prompt="é" * 2000)
    with start_server() as server:
        client = Raw(server.port, receive_buffer=4096)
        client.send(request("GET /api/jobs?limit=100", f"Authorization: Bearer {alice.token}"))
        assert client.response_head().status == 200
        started = time.monotonic()
    assert time.monotonic() - started < 5
    client.socket.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_accepted_connections_inherit_small_buffers(host: str) -> None:
    with config.listen(host, 0) as listening:
        assert listening.getsockopt(config.socket.SOL_SOCKET, config.socket.SO_SNDBUF) <= 2 * config.SEND_BUFFER_BYTES
        size = listening.getsockopt(config.socket.SOL_SOCKET, config.socket.SO_RCVBUF)
        assert size <= 2 * config.RECEIVE_BUFFER_BYTES
