"""Jobs of other users are indistinguishable from missing ones. Every route with an id must be listed here."""

import re
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from fastapi.routing import APIRoute
from starlette.routing import WebSocketRoute

from api.routers import ROUTERS
from tests.api.conftest import ApiUser, Worker

OWNED = {
    ("GET", "/api/status/{job_id}"),
    ("GET", "/api/result/{job_id}"),
    ("POST", "/api/jobs/{job_id}/cancel"),
    ("POST", "/api/jobs/{job_id}/retry"),
    ("GET", "/api/jobs/{job_id}/events"),
    ("DELETE", "/api/jobs/{job_id}"),
    ("POST", "/api/jobs/{job_id}/restore"),
}
# Foreign sessions: tests/api/me/test_sessions.py. Passkeys: tests/api/passkeys. Roles: tests/api/admin/test_routes.py.
OTHERS = {
    ("DELETE", "/api/me/sessions/{session_id}"),
    ("PATCH", "/api/me/passkeys/{passkey_id}"),
    ("DELETE", "/api/me/passkeys/{passkey_id}"),
    ("PATCH", "/api/admin/users/{user_id}"),
    # tests/api/keys/test_routes.py
    ("DELETE", "/api/keys/{key_id}"),
    # tests/api/openai/test_routes.py
    ("GET", "/v1/videos/{video_id}"),
    ("DELETE", "/v1/videos/{video_id}"),
    ("GET", "/v1/videos/{video_id}/content"),
    ("HEAD", "/v1/videos/{video_id}/content"),
    ("POST", "/v1/videos/{video_id}/remix"),
    # The same for everybody.
    ("GET", "/v1/models/{model}"),
    # tests/api/webhooks/test_routes.py
    ("PATCH", "/api/webhooks/{webhook_id}"),
    ("DELETE", "/api/webhooks/{webhook_id}"),
    ("POST", "/api/webhooks/{webhook_id}/rotate-secret"),
    ("POST", "/api/webhooks/{webhook_id}/test"),
    ("GET", "/api/webhooks/{webhook_id}/deliveries"),
    ("POST", "/api/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver"),
}
OTHERS |= {
    # tests/api/videos/test_ownership.py
    ("GET", "/api/videos/{video_id}"),
    ("PATCH", "/api/videos/{video_id}"),
    ("DELETE", "/api/videos/{video_id}"),
    ("POST", "/api/videos/{video_id}/restore"),
    ("GET", "/api/videos/{video_id}/recipe"),
    ("POST", "/api/videos/{video_id}/finish"),
    # tests/api/shares/test_routes.py
    ("POST", "/api/videos/{video_id}/shares"),
    ("GET", "/api/videos/{video_id}/shares"),
    ("DELETE", "/api/shares/{share_id}"),
    # tests/api/moderation/test_routes.py
    ("GET", "/api/moderation/videos/{video_id}"),
    ("POST", "/api/moderation/videos/{video_id}"),
}
# For visitors: tests/api/gallery/test_routes.py, tests/api/shares/test_routes.py.
VISITORS = {
    ("GET", "/api/gallery/{video_id}"),
    ("GET", "/api/shared/{token}"),
    ("POST", "/api/shared/{token}"),
}
# Authorized by signature: tests/api/files/test_routes.py.
SIGNED = {("GET", "/api/files/{key:path}"), ("HEAD", "/api/files/{key:path}")}
# Authenticated by the first message: tests/api/events/test_websocket.py.
WEBSOCKETS = {("", "/api/ws")}
PUBLIC = {
    ("POST", "/api/auth/register"),
    ("POST", "/api/auth/verify-email"),
    ("POST", "/api/auth/password/forgot"),
    ("POST", "/api/auth/password/reset"),
    ("POST", "/api/auth/login"),
    ("POST", "/api/auth/refresh"),
    ("POST", "/api/auth/logout"),
    ("POST", "/api/auth/passkey/options"),
    ("POST", "/api/auth/passkey/login"),
    ("GET", "/test"),
    ("GET", "/api/gallery"),
    ("POST", "/api/reports"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/api/docs"),
    ("GET", "/api/docs/start.js"),
    ("GET", "/api/docs/swagger-ui-bundle.js"),
    ("GET", "/api/docs/swagger-ui.css"),
}


def routes() -> Iterator[tuple[str, str]]:
    """Each method and path; the method of a WebSocket is empty."""
    for route in (route for router in ROUTERS for route in router.routes):
        assert isinstance(route, APIRoute | WebSocketRoute)
        yield from ((method, route.path) for method in getattr(route, "methods", [""]))


def test_every_route_with_an_id_is_listed() -> None:
    assert {route for route in routes() if "{" in route[1]} == OWNED | OTHERS | SIGNED | VISITORS


async def test_every_other_route_requires_a_token(alice: ApiUser) -> None:
    alice.token = "none"
    protected = set(routes()) - PUBLIC - SIGNED - WEBSOCKETS - VISITORS
    assert protected >= OWNED | {("POST", "/api/generate"), ("GET", "/api/jobs"), ("POST", "/api/ws/ticket")}
    for method, path in protected:
        path = re.sub(r"\{[^}]+\}", lambda _: str(uuid4()), path)
        response = await alice.request(method, path, json={"prompt": "x"})
        assert response.status_code == 401, (method, path)


@pytest.mark.parametrize("status", ["queued", "running", "succeeded", "failed"])
async def test_foreign_and_missing_jobs_are_indistinguishable(
    alice: ApiUser, bob: ApiUser, worker: Worker, status: str
) -> None:
    job_id = await job_with_status(status, alice, worker)
    before = (await alice.get(f"/api/status/{job_id}")).json()
    for method, path in OWNED:
        foreign = await bob.request(method, path.format(job_id=job_id))
        missing = await bob.request(method, path.format(job_id=uuid4(), session_id=uuid4(), user_id=uuid4()))
        assert foreign.status_code == missing.status_code == 404, (method, path)
        assert {**foreign.json(), "request_id": 0} == {**missing.json(), "request_id": 0}
        assert foreign.json()["code"] == "not_found"
    assert (await alice.get(f"/api/status/{job_id}")).json()["revision"] == before["revision"]


async def job_with_status(status: str, owner: ApiUser, worker: Worker) -> UUID:
    job = await worker.enqueue(owner.id)
    if status != "queued":
        lease = await worker.claim()
        if status == "succeeded":
            await worker.publish(lease)
        if status == "failed":
            await worker.fail(lease)
    return job.id


@pytest.mark.parametrize("job_id", ["x", "1", "%00", "00000000-0000-0000-0000-00000000000g", "é"])
async def test_a_malformed_id_is_not_found(alice: ApiUser, job_id: str) -> None:
    for method, path in OWNED:
        response = await alice.request(method, path.format(job_id=job_id))
        assert (response.status_code, response.json()["code"]) == (404, "not_found"), (method, path)
