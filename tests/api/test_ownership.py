"""Whoever asks for the job of another learns nothing. A new route with an id fails here until it has a line."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute

from api.app import ROUTERS
from tests.api.conftest import Person, Worker

OWNED = {
    ("GET", "/api/status/{job_id}"),
    ("GET", "/api/result/{job_id}"),
    ("POST", "/api/jobs/{job_id}/cancel"),
    ("POST", "/api/jobs/{job_id}/retry"),
    ("GET", "/api/jobs/{job_id}/events"),
    ("DELETE", "/api/jobs/{job_id}"),
    ("POST", "/api/jobs/{job_id}/restore"),
}
SIGNED = {("GET", "/api/files/{key:path}"), ("HEAD", "/api/files/{key:path}")}  # tests/api/test_files.py
SOCKETS = {("", "/api/ws")}  # tests/api/test_socket.py
OPEN = {
    ("POST", "/api/auth/register"),
    ("POST", "/api/auth/login"),
    ("POST", "/api/auth/refresh"),
    ("POST", "/api/auth/logout"),
    ("GET", "/test"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
}


def routes() -> Iterator[tuple[str, str]]:
    """Each method and path; a WebSocket has no method."""
    for route in (route for router in ROUTERS for route in router.routes):
        assert isinstance(route, APIRoute | APIWebSocketRoute)
        yield from ((method, route.path) for method in getattr(route, "methods", [""]))


def test_every_route_with_an_id_has_a_line() -> None:
    assert {route for route in routes() if "{" in route[1]} == OWNED | SIGNED


async def test_every_other_route_wants_a_token(alice: Person) -> None:
    alice.token = "none"
    closed = set(routes()) - OPEN - SIGNED - SOCKETS
    assert closed >= OWNED | {("POST", "/api/generate"), ("GET", "/api/jobs"), ("POST", "/api/ws/ticket")}
    for method, path in closed:
        response = await alice.ask(method, path.format(job_id=uuid4()), json={"prompt": "x"})
        assert response.status_code == 401, (method, path)


@pytest.mark.parametrize("state", ["queued", "running", "succeeded", "failed"])
async def test_foreign_and_missing_look_alike(alice: Person, bob: Person, worker: Worker, state: str) -> None:
    job_id = await job_in(state, alice, worker)
    before = (await alice.get(f"/api/status/{job_id}")).json()
    for method, path in OWNED:
        foreign = await bob.ask(method, path.format(job_id=job_id))
        missing = await bob.ask(method, path.format(job_id=uuid4()))
        assert foreign.status_code == missing.status_code == 404, (method, path)
        assert {**foreign.json(), "request_id": 0} == {**missing.json(), "request_id": 0}
        assert foreign.json()["code"] == "not_found"
    assert (await alice.get(f"/api/status/{job_id}")).json()["revision"] == before["revision"]


async def job_in(state: str, owner: Person, worker: Worker) -> UUID:
    job = await worker.enqueue(owner.id)
    if state != "queued":
        lease = await worker.claim()
        if state == "succeeded":
            await worker.publish(lease)
        if state == "failed":
            await worker.fail(lease)
    return job.id


@pytest.mark.parametrize("job_id", ["x", "1", "%00", "00000000-0000-0000-0000-00000000000g", "é"])
async def test_what_is_no_id_is_not_found(alice: Person, job_id: str) -> None:
    for method, path in OWNED:
        response = await alice.ask(method, path.format(job_id=job_id))
        assert (response.status_code, response.json()["code"]) == (404, "not_found"), (method, path)
