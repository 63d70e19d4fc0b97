"""A video that begins with a frame of another one, or with an image."""

import base64
import json
from typing import Any
from uuid import uuid4

import pytest

from api.dependencies import Gateway
from pipeline.contract.spec import MAX_IMAGE_CHARS, MAX_PROMPT_CHARS
from tests.api.conftest import SPEC, ApiUser, Worker
from tests.api.keys.conftest import change, key_of, rows
from tests.api.public_videos import make_video

PNG = b"\x89PNG\r\n\x1a\n"


def request(video_id: object, at: float = 0.5, **changes: Any) -> dict[str, Any]:
    return SPEC | {"model": "svd", "image_from": {"video_id": str(video_id), "at": at}} | changes


async def test_a_frame_of_an_own_video_is_stored_with_the_job(alice: ApiUser, worker: Worker, gateway: Gateway) -> None:
    video_id = await make_video(worker, alice)
    response = await alice.post("/api/generate", json=request(video_id))
    assert response.status_code == 201, response.text
    (row,) = await rows(gateway, "SELECT spec FROM jobs WHERE id = :id", id=response.json()["job_id"])
    assert row["spec"]["image_from"] == {"video_id": str(video_id), "at": 0.5}
    assert row["spec"]["image"] is None


async def test_a_video_of_another_user_does_not_exist(
    alice: ApiUser, bob: ApiUser, worker: Worker, gateway: Gateway
) -> None:
    video_id = await make_video(worker, bob, public=True)
    for named in (video_id, uuid4()):
        refused = await alice.post("/api/generate", json=request(named))
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    (row,) = await rows(gateway, "SELECT count(*) AS jobs FROM jobs WHERE owner_id = :id", id=alice.id)
    assert row["jobs"] == 0


@pytest.mark.parametrize("state", ["hidden", "rejected"])
async def test_a_video_that_a_moderator_has_hidden_is_refused(
    alice: ApiUser, worker: Worker, gateway: Gateway, state: str
) -> None:
    video_id = await make_video(worker, alice)
    await change(gateway, f"UPDATE videos SET moderation_state = '{state}', moderated_at = now()")
    refused = await alice.post("/api/generate", json=request(video_id))
    assert (refused.status_code, refused.json()["code"]) == (409, "video_moderated")


async def test_a_time_after_the_end_of_the_video_is_refused(alice: ApiUser, worker: Worker) -> None:
    video_id = await make_video(worker, alice)
    refused = await alice.post("/api/generate", json=request(video_id, at=1.0))
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/image_from/at"]


async def test_a_key_needs_the_scope_for_videos(alice: ApiUser, worker: Worker) -> None:
    video_id = await make_video(worker, alice)
    refused = await (await key_of(alice, "jobs:write")).post("/api/generate", json=request(video_id))
    assert (refused.status_code, refused.json()["scope"]) == (403, "videos:read")
    both = await key_of(alice, "jobs:write", "videos:read")
    assert (await both.post("/api/generate", json=request(video_id))).status_code == 201


async def test_a_repeated_request_returns_its_job_although_the_video_is_deleted(
    alice: ApiUser, worker: Worker, gateway: Gateway
) -> None:
    video_id = await make_video(worker, alice)
    headers = {"Idempotency-Key": "once"}
    first = await alice.post("/api/generate", json=request(video_id), headers=headers)
    await change(gateway, "DELETE FROM videos")
    again = await alice.post("/api/generate", json=request(video_id), headers=headers)
    assert (again.status_code, again.json()["job_id"]) == (201, first.json()["job_id"])


INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "a model without a first frame": ({"model": "tiny", "image_from": {"video_id": str(uuid4())}}, "/image_from"),
    "both": ({"image": base64.b64encode(PNG).decode(), "image_from": {"video_id": str(uuid4())}}, ""),
    "no id": ({"image_from": {"at": 1}}, "/image_from/video_id"),
    "id": ({"image_from": {"video_id": "1"}}, "/image_from/video_id"),
    "negative time": ({"image_from": {"video_id": str(uuid4()), "at": -0.1}}, "/image_from/at"),
    "time of another type": ({"image_from": {"video_id": str(uuid4()), "at": "1"}}, "/image_from/at"),
    "unknown field": ({"image_from": {"video_id": str(uuid4()), "frame": 1}}, "/image_from/frame"),
    "image that is not base64": ({"image": "data:image/png;base64,AAAA"}, "/image"),
    "image of another kind": ({"image": base64.b64encode(b"GIF89a").decode()}, "/image"),
    "large image": ({"image": "A" * (MAX_IMAGE_CHARS + 1)}, "/image"),
}


@pytest.mark.parametrize("case", INVALID)
async def test_an_invalid_first_frame_is_refused_before_it_is_queued(alice: ApiUser, case: str) -> None:
    changes, pointer = INVALID[case]
    refused = await alice.post("/api/generate", json=SPEC | {"model": "svd"} | changes)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request"), refused.text
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]


async def test_the_largest_image_and_prompt_fit_into_a_body(alice: ApiUser) -> None:
    image = base64.b64encode(PNG + bytes(MAX_IMAGE_CHARS * 3 // 4 - len(PNG))).decode()
    assert len(image) == MAX_IMAGE_CHARS
    body = SPEC | {"model": "svd", "image": image, "prompt": "x" * MAX_PROMPT_CHARS, "negative_prompt": "y" * 2000}
    response = await alice.post("/api/generate", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert response.status_code == 201, response.text
