import asyncio
import json
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from api.dependencies import Gateway
from pipeline.contract.spec import MAX_PROMPT_CHARS, Spec
from tests.api.conftest import SPEC, ApiUser, Worker


async def test_a_prompt_becomes_a_queued_job(alice: ApiUser, gateway: Gateway) -> None:
    response = await alice.post("/api/generate", json=SPEC | {"seed": 5, "format": "webm", "scheduler": "dpm++"})
    assert response.status_code == 201
    body = response.json()
    assert body | {"status": "queued", "queue_position": 1, "warnings": []} == body
    assert response.headers["location"] == body["links"]["status"] == f"/api/status/{body['job_id']}"
    async with gateway.sessions() as session:
        row = (await session.execute(text("SELECT spec, owner_id, charged_seconds FROM jobs"))).one()
    stored = Spec(**SPEC, seed=5, format="webm", scheduler="dpm++").model_dump(mode="json")
    assert tuple(row) == (stored, alice.id, 1.0)


async def send(alice: ApiUser, content: bytes, **headers: str) -> httpx.Response:
    return await alice.post("/api/generate", content=content, headers={"Content-Type": "application/json"} | headers)


LIMITS: list[tuple[dict[str, Any], str]] = [
    ({"prompt": ""}, "/prompt"),
    ({"prompt": " \n\t "}, "/prompt"),
    ({"prompt": "x" * (MAX_PROMPT_CHARS + 1)}, "/prompt"),
    ({"prompt": "a\x00b"}, "/prompt"),
    ({"prompt": "a\x07b"}, "/prompt"),
    ({"prompt": "a\x85b"}, "/prompt"),
    ({"prompt": "a\ud800b"}, "/prompt"),
    ({"prompt": None}, "/prompt"),
    ({"prompt": 5}, "/prompt"),
    ({"prompt": ["a"]}, "/prompt"),
    ({"negative_prompt": "\x00"}, "/negative_prompt"),
    ({"negative_prompt": "x" * (MAX_PROMPT_CHARS + 1)}, "/negative_prompt"),
    ({"num_inference_steps": 0}, "/num_inference_steps"),
    ({"num_inference_steps": 151}, "/num_inference_steps"),
    ({"num_inference_steps": True}, "/num_inference_steps"),
    ({"num_inference_steps": 2.5}, "/num_inference_steps"),
    ({"guidance_scale": -0.1}, "/guidance_scale"),
    ({"guidance_scale": 31}, "/guidance_scale"),
    ({"guidance_scale": float("nan")}, "/guidance_scale"),
    ({"guidance_scale": float("inf")}, "/guidance_scale"),
    ({"guidance_scale": True}, "/guidance_scale"),
    ({"width": 513}, "/width"),
    ({"height": 511}, "/height"),
    ({"width": 62}, "/width"),
    ({"width": 2050}, "/width"),
    ({"width": "512"}, "/width"),
    ({"fps": 7}, "/fps"),
    ({"fps": 61}, "/fps"),
    ({"duration_seconds": 0.4}, "/duration_seconds"),
    ({"duration_seconds": 20.5}, "/duration_seconds"),
    ({"duration_seconds": float("nan")}, "/duration_seconds"),
    ({"seed": -1}, "/seed"),
    ({"seed": 2**32}, "/seed"),
    ({"seed": False}, "/seed"),
    ({"model": ""}, "/model"),
    ({"model": "../etc"}, "/model"),
    ({"model": "sora"}, "/model"),
    ({"scheduler": "pndm"}, "/scheduler"),
    ({"format": "avi"}, "/format"),
    ({"steps": 5}, "/steps"),
    ({"a/b~c": 5}, "/a~1b~0c"),
    ({"width": 2048, "height": 2048, "fps": 60, "duration_seconds": 20}, ""),
    ({"width": 2048, "height": 256}, ""),
    ({"format": "gif", "fps": 60}, ""),
]


async def test_every_violated_limit_is_reported_with_a_pointer(alice: ApiUser) -> None:
    reported = []
    for changed, _ in LIMITS:
        response = await send(alice, json.dumps(SPEC | changed).encode())
        body = response.json()
        assert (response.status_code, body.get("code")) == (422, "invalid_request"), changed
        assert response.headers["content-type"] == "application/problem+json"
        assert all(error["detail"] for error in body["errors"])
        reported.append((changed, *(error["pointer"] for error in body["errors"])))
    # Compared as text because NaN is not equal to itself.
    assert repr(reported) == repr(LIMITS)


async def test_all_errors_are_reported_in_one_response(alice: ApiUser) -> None:
    response = await alice.post("/api/generate", json={"width": 1, "height": 1})
    assert {error["pointer"] for error in response.json()["errors"]} == {"/prompt", "/width", "/height"}


async def test_an_error_does_not_contain_the_input(alice: ApiUser) -> None:
    response = await alice.post("/api/generate", json=SPEC | {"prompt": "secret" + "x" * MAX_PROMPT_CHARS})
    assert "secret" not in response.text


@pytest.mark.parametrize("prompt", ["x" * MAX_PROMPT_CHARS, "ein Vögelchen 🐦 鳥", "a\nb\tc", "'; DROP TABLE jobs; --"])
async def test_valid_prompts_are_accepted(alice: ApiUser, prompt: str) -> None:
    await alice.generate(prompt=prompt)


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"", {}, 422, "invalid_request"),
        (b"{", {}, 400, "invalid_json"),
        (b'{"prompt": }', {}, 400, "invalid_json"),
        (b"\xff\xfe", {}, 400, "invalid_json"),
        (b"[" * 60_000, {}, 400, "invalid_json"),
        (b"[]", {}, 422, "invalid_request"),
        (b"null", {}, 422, "invalid_request"),
        (b'"prompt"', {}, 422, "invalid_request"),
        (b'{"prompt": "x"}', {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        (b" " * (64 * 1024 + 1), {}, 413, "body_too_large"),
    ],
)
async def test_a_malformed_body(
    alice: ApiUser, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    response = await send(alice, content, **headers)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_request_without_a_token_enqueues_nothing(client: httpx.AsyncClient, gateway: Gateway) -> None:
    assert (await client.post("/api/generate", json=SPEC)).status_code == 401
    async with gateway.sessions() as session:
        assert await session.scalar(text("SELECT count(*) FROM jobs")) == 0


async def test_fifty_requests_with_one_idempotency_key_are_one_job(alice: ApiUser, gateway: Gateway) -> None:
    requests = [alice.post("/api/generate", json=SPEC, headers={"Idempotency-Key": "k"}) for _ in range(50)]
    responses = await asyncio.gather(*requests)
    assert {response.status_code for response in responses} == {201}
    assert len({response.json()["job_id"] for response in responses}) == 1
    assert sum("idempotency-replayed" not in response.headers for response in responses) == 1
    assert {response.headers.get("idempotency-replayed", "true") for response in responses} == {"true"}
    async with gateway.sessions() as session:
        assert await session.scalar(text("SELECT count(*) FROM jobs")) == 1


async def test_an_idempotency_key_is_scoped_to_one_body_and_one_user(alice: ApiUser, bob: ApiUser) -> None:
    key = {"Idempotency-Key": "k"}
    first = await alice.post("/api/generate", json=SPEC, headers=key)
    same = await alice.post("/api/generate", json=SPEC | {"width": 512}, headers=key)  # the default value
    other = await alice.post("/api/generate", json=SPEC | {"width": 256}, headers=key)
    bobs = await bob.post("/api/generate", json=SPEC, headers=key)
    assert same.json()["job_id"] == first.json()["job_id"] != bobs.json()["job_id"]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reuse")


async def test_without_an_idempotency_key_each_request_is_a_job(alice: ApiUser) -> None:
    assert await alice.generate() != await alice.generate()


@pytest.mark.parametrize("key", ["", "x" * 256, "a b"])
async def test_a_malformed_idempotency_key_is_refused(alice: ApiUser, key: str) -> None:
    response = await alice.post("/api/generate", json=SPEC, headers={"Idempotency-Key": key})
    assert response.status_code == 422
    assert response.json()["errors"][0]["parameter"] == "idempotency-key"


async def test_a_full_queue_has_retry_after(
    alice: ApiUser, bob: ApiUser, gateway: Gateway, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.settings, "queued_per_user", 2)
    await alice.generate()
    await alice.generate()
    refused = await alice.post("/api/generate", json=SPEC)
    assert (refused.status_code, refused.json()["code"]) == (429, "queue_full")
    assert int(refused.headers["retry-after"]) >= 1
    await bob.generate()
    await worker.claim()
    await alice.generate()


async def test_an_exceeded_quota_has_retry_after(
    alice: ApiUser, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.settings, "seconds_per_day", 2.0)
    await alice.generate(duration_seconds=1.5)
    refused = await alice.post("/api/generate", json=SPEC)
    assert (refused.status_code, refused.json()["code"]) == (429, "quota_exceeded")
    assert int(refused.headers["retry-after"]) > 3600
    await alice.generate(duration_seconds=0.5)
