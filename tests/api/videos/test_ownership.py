"""Videos of other users are indistinguishable from missing ones."""

from uuid import uuid4

import pytest

from tests.api.conftest import ApiUser, Worker
from tests.api.videos.test_routes import make_video

OWNED = [
    ("GET", "/api/videos/{video_id}"),
    ("PATCH", "/api/videos/{video_id}"),
    ("DELETE", "/api/videos/{video_id}"),
    ("POST", "/api/videos/{video_id}/restore"),
    ("GET", "/api/videos/{video_id}/recipe"),
    ("POST", "/api/videos/{video_id}/finish"),
]


async def test_foreign_and_missing_videos_are_indistinguishable(alice: ApiUser, bob: ApiUser, worker: Worker) -> None:
    video = await make_video(alice, worker)
    for method, path in OWNED:
        foreign, missing = [await bob.request(method, path.format(video_id=each), json={}) for each in (video, uuid4())]
        assert foreign.status_code == missing.status_code == 404, (method, path)
        assert {**foreign.json(), "request_id": 0} == {**missing.json(), "request_id": 0}
    assert (await alice.get(f"/api/videos/{video}")).json()["trashed_at"] is None
    assert (await bob.get("/api/videos")).json()["data"] == (await bob.get("/api/videos/tags")).json()["data"] == []


@pytest.mark.parametrize("video_id", ["x", "%00", "00000000-0000-0000-0000-00000000000g"])
async def test_a_malformed_id_is_not_found(alice: ApiUser, video_id: str) -> None:
    for method, path in OWNED:
        response = await alice.request(method, path.format(video_id=video_id), json={})
        assert (response.status_code, response.json()["code"]) == (404, "not_found"), (method, path)
