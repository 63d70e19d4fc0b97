"""Connecting to a cluster: what is reported when it fails, and when a cluster counts as lost."""

import time
from collections.abc import Callable

import pytest

from db.embedded import free_port
from pipeline.cluster import client
from pipeline.cluster.client import answers, connect, explain
from pipeline.cluster.errors import CannotConnect


def test_a_head_that_is_gone_is_reported_at_once() -> None:
    began = time.monotonic()
    with pytest.raises(CannotConnect, match=r"^127\.0\.0\.1:.*Connection refused$"):
        connect(f"127.0.0.1:{free_port()}")
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (
            "Failed to connect to Ray cluster at 10.0.0.1:6379",
            "Failed to connect to Ray cluster at 10.0.0.1:6379: "
            "are RAY_AUTH_MODE and the token (RAY_AUTH_TOKEN_PATH) those of the cluster?",
        ),
        (
            "No node info found matching attributes: '10.0.0.2' when trying to resolve node to connect to.",
            "No node info found matching attributes: '10.0.0.2' when trying to resolve node to connect to.: "
            "no Ray node of this cluster runs on this host (or none at RAY_NODE_IP)",
        ),
        (
            "Version mismatch: The cluster was started with:\n    Ray: 2.60.0\n    Python: 3.11.7\nThis process",
            "Version mismatch: The cluster was started with: Ray: 2.60.0 Python: 3.11.7 This process",
        ),
    ],
    ids=["token", "no node", "version"],
)
def test_the_reason_is_one_line(message: str, line: str) -> None:
    assert explain(RuntimeError(message)) == line


def raise_error() -> bool:
    raise ConnectionError


def wait() -> bool:
    time.sleep(1)
    return True


@pytest.mark.parametrize(
    ("question", "expected"), [(lambda: True, True), (lambda: False, False), (raise_error, False), (wait, False)]
)
async def test_only_yes_in_time_counts(question: Callable[[], bool], expected: bool) -> None:
    assert await answers(question, seconds=0.2) is expected


async def test_stages_that_were_removed_are_not_the_fault_of_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dispatcher then gives its jobs back without counting a failure, as when the head is lost."""
    monkeypatch.setattr(client, "DYING_SECONDS", 0)
    monkeypatch.setattr(client.ray, "nodes", lambda: ["a node"])
    deployed = True
    monkeypatch.setattr(client.serve, "status", lambda: None)
    monkeypatch.setattr(client, "stages_deployed", lambda status: deployed)
    cluster = client.RayCluster(None, {})  # type: ignore[arg-type]
    assert await cluster.is_alive()
    deployed = False
    assert not await cluster.is_alive()
    assert await cluster.answers()


async def test_replicas_are_unknown_while_serve_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = client.RayCluster(None, {})  # type: ignore[arg-type]
    monkeypatch.setattr(client.serve, "status", raise_error)
    assert await cluster.replicas() == {}
    monkeypatch.setattr(client.serve, "status", lambda: "a status")
    monkeypatch.setattr(client, "count_replicas", lambda status: {"generate": {"running": 1}} if status else {})
    assert await cluster.replicas() == {"generate": {"running": 1}}
