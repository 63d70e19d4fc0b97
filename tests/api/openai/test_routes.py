"""OpenAI's shape over the jobs of the gateway, without an SDK."""

import base64
from typing import Any

import pytest

from api.dependencies import Gateway
from api.openai.schemas import MAX_POLL_MS, MIN_POLL_MS
from tests.api.conftest import SPEC, ApiUser, Worker
from tests.api.keys.conftest import key_of

BODY = {"prompt": "a red circle moving right"}
ERROR = {"message", "type", "param", "code"}


async def create(caller: ApiUser, **fields: Any) -> dict[str, Any]:
    response = await caller.post("/v1/videos", json=BODY | fields)
    assert response.status_code == 200, response.text
    video: dict[str, Any] = response.json()
    return video


async def spec_of(user: ApiUser, video: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = (await user.get(f"/api/status/{video['id']}")).json()["spec"]
    return spec


async def test_a_video_from_queued_to_completed(alice: ApiUser, worker: Worker) -> None:
    video = await create(alice, seconds="1", size="640x360")
    assert video | {
        "object": "video", "status": "queued", "progress": 0, "model": "tiny", "seconds": "1", "size": "640x360",
        "prompt": BODY["prompt"], "error": None, "completed_at": None, "remixed_from_video_id": None,
    } == video  # fmt: skip
    lease = await worker.claim()
    await worker.progress(lease, 0.25)
    running = (await alice.get(f"/v1/videos/{video['id']}")).json()
    assert (running["status"], running["progress"]) == ("in_progress", 25)
    await worker.publish(lease)
    done = await alice.get(f"/v1/videos/{video['id']}")
    assert (done.json()["status"], done.json()["progress"]) == ("completed", 100)
    assert done.json()["created_at"] <= done.json()["completed_at"]
    assert "openai-poll-after-ms" not in done.headers


async def test_canceled_and_failed_jobs_have_failed(alice: ApiUser, worker: Worker) -> None:
    failed = await create(alice)
    await worker.fail(await worker.claim())
    canceled = await create(alice)
    await alice.post(f"/api/jobs/{canceled['id']}/cancel")
    for video, code in ((failed, "stage_failed"), (canceled, "canceled")):
        answer = (await alice.get(f"/v1/videos/{video['id']}")).json()
        assert (answer["status"], answer["error"]["code"]) == ("failed", code)


async def test_the_poll_interval_follows_the_estimate(alice: ApiUser, worker: Worker, gateway: Gateway) -> None:
    created = await alice.post("/v1/videos", json=BODY)
    assert created.headers["openai-poll-after-ms"] == "1000"
    lease = await worker.claim()
    for value, expected in ((0.0, 500), (0.9, MIN_POLL_MS)):
        await worker.progress(lease, value)
        answer = await alice.get(f"/v1/videos/{lease.job_id}")
        assert answer.headers["openai-poll-after-ms"] == str(expected)
    assert MIN_POLL_MS < 1000 < MAX_POLL_MS


async def test_the_extensions_are_honoured(alice: ApiUser) -> None:
    fields = {
        "width": 640, "height": 360, "num_frames": 30, "fps": 10, "num_inference_steps": 4, "guidance_scale": 2.5,
        "seed": 7, "negative_prompt": "blurry",
    }  # fmt: skip
    spec = await spec_of(alice, await create(alice, **fields, user="u-1", n=1, audio={"x": [1]}))
    assert spec["duration_seconds"] == 3
    expected = {name: value for name, value in fields.items() if name != "num_frames"}
    assert {name: spec[name] for name in expected} == expected


async def test_an_error_of_a_whole_form_is_no_error_of_its_type(alice: ApiUser) -> None:
    response = await alice.post("/v1/videos", files={"prompt": (None, "x"), "size": (None, "2048x256")})
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "")


async def test_a_form_is_the_same_request(alice: ApiUser) -> None:
    image = b"\x89PNG\r\n"
    fields = {"prompt": "a blue square", "seconds": "1.5", "size": "256x128", "seed": "3", "unknown": "x"}
    response = await alice.post("/v1/videos", data=fields, files={"attachment": ("a.png", image)})
    assert response.status_code == 200, response.text
    spec = await spec_of(alice, response.json())
    assert (spec["prompt"], spec["duration_seconds"], spec["width"], spec["height"], spec["seed"]) == (
        "a blue square", 1.5, 256, 128, 3,
    )  # fmt: skip
    assert spec["image"] is None
    refused = await alice.post("/v1/videos", data=fields, files={"input_reference": ("a.png", image)})
    assert refused.status_code == 422, "the tiny model takes no image"
    assert refused.json()["errors"][0]["pointer"] in ("/input_reference", "/image")
    data_url = {"image_url": f"data:image/png;base64,{base64.b64encode(image).decode()}"}
    as_json = await alice.post("/v1/videos", json=BODY | {"input_reference": data_url})
    assert as_json.json()["errors"] == refused.json()["errors"]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"prompt": ""}, "/prompt"), ({"prompt": None}, "/prompt"), ({"seconds": "100"}, "/seconds"),
        ({"seconds": "long"}, "/seconds"), ({"size": "large"}, "/size"), ({"size": "63x64"}, "/size"),
        ({"size": "512x511"}, "/size"), ({"num_frames": 1}, "/num_frames"), ({"width": 63}, "/width"),
        ({"fps": 7}, "/fps"), ({"model": "sora-2"}, "/model"), ({"seed": -1}, "/seed"),
        ({"size": "2048x256"}, ""),
    ],
)  # fmt: skip
async def test_an_invalid_field_is_named(alice: ApiUser, fields: dict[str, Any], pointer: str) -> None:
    response = await alice.post("/v1/videos", json=BODY | fields)
    body = response.json()
    assert (response.status_code, body["code"]) == (422, "invalid_request"), body
    assert body["errors"][0]["pointer"] == pointer
    assert body["error"].keys() == ERROR
    assert body["error"] | {"type": "invalid_request_error", "code": "invalid_request"} == body["error"]
    assert body["error"]["param"] == (pointer.removeprefix("/") or None)


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "invalid_json"),
        (b"[]", "application/json", 422, "invalid_request"),
        (b"x", "text/plain", 415, "unsupported_media_type"),
        (b"x", "multipart/form-data", 400, "bad_request"),
        (b"garbage", "multipart/form-data; boundary=b", 400, "bad_request"),
        (b"[" * 50_000, "application/json", 400, "invalid_json"),
        (b"\xff", "application/json", 400, "invalid_json"),
    ],
)
async def test_a_malformed_body_is_refused(
    alice: ApiUser, content: bytes, content_type: str, status: int, code: str
) -> None:
    response = await alice.post("/v1/videos", content=content, headers={"Content-Type": content_type})
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json()["error"]["code"] == code


async def test_the_list_has_pages(alice: ApiUser, bob: ApiUser) -> None:
    ids = [(await create(alice))["id"] for _ in range(3)]
    await create(bob)
    first = (await alice.get("/v1/videos?limit=2")).json()
    assert ([video["id"] for video in first["data"]], first["has_more"]) == (ids[:0:-1], True)
    assert (first["object"], first["first_id"], first["last_id"]) == ("list", ids[2], ids[1])
    second = (await alice.get(f"/v1/videos?limit=2&after={first['last_id']}")).json()
    assert ([video["id"] for video in second["data"]], second["has_more"]) == (ids[:1], False)
    oldest = (await alice.get("/v1/videos?limit=1&order=asc")).json()
    assert [video["id"] for video in oldest["data"]] == ids[:1]


async def test_the_content_has_ranges(alice: ApiUser, worker: Worker) -> None:
    video = await create(alice)
    path = f"/v1/videos/{video['id']}/content"
    waiting = await alice.get(path)
    assert (waiting.status_code, waiting.json()["code"]) == (409, "not_ready")
    assert int(waiting.headers["retry-after"]) >= 1
    await worker.publish(await worker.claim())
    whole = await alice.get(path)
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, b"0123456789", "video/mp4")
    part = await alice.get(path, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    head = await alice.request("HEAD", path)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "10")
    assert head.headers["accept-ranges"] == "bytes"
    beyond = await alice.get(path, headers={"Range": "bytes=99-"})
    assert (beyond.status_code, beyond.json()["code"]) == (416, "range_not_satisfiable")
    assert (await alice.get(f"{path}?variant=thumbnail")).status_code == 404, "the worker of this test makes none"
    assert (await alice.get(f"{path}?variant=sound")).status_code == 422


async def test_a_failed_video_has_no_content(alice: ApiUser, worker: Worker) -> None:
    video = await create(alice)
    await worker.fail(await worker.claim())
    assert (await alice.get(f"/v1/videos/{video['id']}/content")).json()["code"] == "job_failed"
    assert (await alice.post(f"/v1/videos/{video['id']}/remix", json=BODY)).json()["code"] == "job_failed"


async def test_a_deleted_video_is_gone(alice: ApiUser, worker: Worker) -> None:
    queued, done = await create(alice), None
    assert (await alice.request("DELETE", f"/v1/videos/{queued['id']}")).json() == {
        "id": queued["id"], "object": "video.deleted", "deleted": True,
    }  # fmt: skip
    assert (await alice.get(f"/api/status/{queued['id']}")).json()["status"] == "canceled"
    done = await create(alice)
    await worker.publish(await worker.claim())
    assert (await alice.request("DELETE", f"/v1/videos/{done['id']}")).status_code == 200
    for video in (queued, done):
        for method, suffix in (("GET", ""), ("DELETE", ""), ("GET", "/content"), ("POST", "/remix")):
            gone = await alice.request(method, f"/v1/videos/{video['id']}{suffix}", json=BODY)
            assert (gone.status_code, gone.json()["error"]["code"]) == (404, "not_found")
    assert (await alice.get("/v1/videos")).json()["data"] == []
    assert (await alice.post(f"/api/jobs/{done['id']}/restore")).status_code == 200
    assert (await alice.get(f"/v1/videos/{done['id']}")).json()["status"] == "completed"


async def test_a_video_that_is_being_made_is_not_deleted(alice: ApiUser, worker: Worker) -> None:
    video = await create(alice)
    await worker.claim()
    refused = await alice.request("DELETE", f"/v1/videos/{video['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_ended")
    assert (await alice.get(f"/api/status/{video['id']}")).json()["status"] == "running", "and not canceled either"


async def test_a_remix_keeps_everything_but_the_prompt(alice: ApiUser, worker: Worker) -> None:
    source = await create(alice, size="256x256", num_inference_steps=3)
    assert (await alice.post(f"/v1/videos/{source['id']}/remix", json=BODY)).json()["code"] == "not_ready"
    await worker.publish(await worker.claim())
    remixed = await alice.post(f"/v1/videos/{source['id']}/remix", json={"prompt": "a blue square", "x": 1})
    remix = remixed.json()
    assert (remixed.status_code, remix["remixed_from_video_id"], remix["status"]) == (200, source["id"], "queued")
    assert remix["prompt"] == "a blue square"
    spec = await spec_of(alice, remix)
    assert spec | {"prompt": "a blue square", "seed": 7, "width": 256, "num_inference_steps": 3} == spec
    for answer in (await alice.get(f"/v1/videos/{remix['id']}"), await alice.get("/v1/videos?limit=1")):
        video = answer.json().get("data", [answer.json()])[0]
        assert video["remixed_from_video_id"] == source["id"]
    empty = await alice.post(f"/v1/videos/{source['id']}/remix", json={"prompt": " "})
    assert (empty.status_code, empty.json()["error"]["param"]) == (422, "prompt")


async def test_an_idempotency_key_is_shared_with_the_native_api(alice: ApiUser, worker: Worker) -> None:
    key = {"Idempotency-Key": "once"}
    native = (await alice.post("/api/generate", json=SPEC, headers=key)).json()
    body = {"prompt": SPEC["prompt"], "seconds": SPEC["duration_seconds"], "fps": SPEC["fps"]}
    same = await alice.post("/v1/videos", json=body, headers=key)
    assert (same.json()["id"], same.headers["idempotency-replayed"]) == (native["job_id"], "true")
    other = await alice.post("/v1/videos", json=BODY, headers=key)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_key_reuse")
    await worker.publish(await worker.claim())
    path = f"/v1/videos/{native['job_id']}/remix"
    remixes = [await alice.post(path, json=BODY, headers={"Idempotency-Key": "remix"}) for _ in range(2)]
    assert remixes[0].json() == remixes[1].json()
    assert (await alice.post("/v1/videos", json=BODY, headers={"Idempotency-Key": "remix"})).status_code == 422


async def test_a_foreign_video_is_not_found(alice: ApiUser, bob: ApiUser, worker: Worker) -> None:
    video = await create(alice)
    await worker.publish(await worker.claim())
    for method, suffix in (("GET", ""), ("DELETE", ""), ("GET", "/content"), ("POST", "/remix")):
        response = await bob.request(method, f"/v1/videos/{video['id']}{suffix}", json=BODY)
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
    for malformed in ("video_123", "%00", "1"):
        assert (await bob.get(f"/v1/videos/{malformed}")).status_code == 404


async def test_scopes_are_those_of_jobs(alice: ApiUser) -> None:
    reader, writer = await key_of(alice, "jobs:read"), await key_of(alice, "jobs:write")
    video = await create(writer)
    assert (await reader.get(f"/v1/videos/{video['id']}")).status_code == 200
    for method, path in (("POST", "/v1/videos"), ("DELETE", f"/v1/videos/{video['id']}")):
        refused = await reader.request(method, path, json=BODY)
        assert (refused.status_code, refused.json()["error"]["type"]) == (403, "permission_error")
        assert refused.json()["scope"] == "jobs:write"
    assert (await writer.get("/v1/videos")).json()["scope"] == "jobs:read"


async def test_models(alice: ApiUser) -> None:
    models = (await alice.get("/v1/models")).json()
    assert models["object"] == "list"
    tiny = next(model for model in models["data"] if model["id"] == "tiny")
    assert tiny["object"] == "model"
    assert (await alice.get("/v1/models/tiny")).json() == tiny
    assert (await alice.get("/v1/models/sora-2")).json()["error"]["code"] == "not_found"


async def test_every_problem_under_v1_has_both_forms(alice: ApiUser) -> None:
    for method, path in (("GET", "/v1/nothing"), ("PUT", "/v1/videos")):
        body = (await alice.request(method, path)).json()
        assert body["error"].keys() == ERROR
        assert body["error"]["code"] == body["code"]
    assert "error" not in (await alice.get("/api/status/x")).json()
    alice.token = "none"
    refused = (await alice.get("/v1/videos")).json()
    assert (refused["error"]["type"], refused["error"]["code"]) == ("authentication_error", "token_refused")
