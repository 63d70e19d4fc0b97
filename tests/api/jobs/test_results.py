from datetime import datetime, timedelta

import httpx
import pytest

from tests.api.conftest import RESOLVED, ApiUser, Worker

JSON = {"Accept": "application/json"}


async def succeeded_job(alice: ApiUser, worker: Worker, data: bytes = b"0123456789") -> str:
    job_id = await alice.generate()
    await worker.publish(await worker.claim(), data)
    return job_id


async def test_a_result_as_json(alice: ApiUser, client: httpx.AsyncClient, worker: Worker) -> None:
    job_id = await succeeded_job(alice, worker)
    response = await alice.get(f"/api/result/{job_id}", headers=JSON)
    assert response.status_code == 200
    body = response.json()
    assert body.keys() == {"url", "expires_at", "outputs", "resolved", "warnings"}
    assert (body["resolved"], body["warnings"]) == (RESOLVED, ["w"])
    video = body["outputs"][0]
    assert video == {
        "kind": "video", "url": body["url"], "content_type": "video/mp4", "width": 512, "height": 512, "fps": 8.0,
        "frames": 8, "duration": 1.0, "size_bytes": 10, "sha256": "0" * 64,
    }  # fmt: skip
    remaining = datetime.fromisoformat(body["expires_at"]) - datetime.now().astimezone()
    assert timedelta(minutes=55) < remaining < timedelta(minutes=61)
    assert (await client.get(body["url"])).content == b"0123456789"


@pytest.mark.parametrize("accept", [None, "*/*", "video/mp4", "text/html,video/*;q=0.8"])
async def test_without_json_a_redirect_to_the_video(alice: ApiUser, worker: Worker, accept: str | None) -> None:
    job_id = await succeeded_job(alice, worker)
    headers = {"Accept": accept} if accept else {}
    response = await alice.get(f"/api/result/{job_id}", headers=headers)
    assert response.status_code == 307
    assert response.headers["cache-control"] == "no-store"
    followed = await alice.get(f"/api/result/{job_id}", headers=headers, follow_redirects=True)
    assert (followed.content, followed.headers["content-type"]) == (b"0123456789", "video/mp4")
    assert followed.headers["content-disposition"] == f'attachment; filename="auraanim-{job_id}-video.mp4"'


@pytest.mark.parametrize("accept", ["application/json", "*/*"])
async def test_a_result_that_is_not_ready(alice: ApiUser, worker: Worker, accept: str) -> None:
    job_id = await alice.generate()
    for status in ("queued", "running"):
        response = await alice.get(f"/api/result/{job_id}", headers={"Accept": accept})
        assert (response.status_code, response.json()["code"]) == (409, "not_ready")
        assert int(response.headers["retry-after"]) >= 1
        if status == "queued":
            await worker.claim()


async def test_the_result_of_a_failed_job(alice: ApiUser, worker: Worker) -> None:
    job_id = await alice.generate()
    await worker.fail(await worker.claim())
    response = await alice.get(f"/api/result/{job_id}")
    assert (response.status_code, response.json()["code"]) == (409, "job_failed")
    assert response.json()["error"] == {"code": "stage_failed", "message": "generate: no", "stage": "generate"}


async def test_the_result_of_a_canceled_job(alice: ApiUser) -> None:
    job_id = await alice.generate()
    await alice.post(f"/api/jobs/{job_id}/cancel")
    response = await alice.get(f"/api/result/{job_id}")
    assert (response.status_code, response.json()["code"]) == (409, "job_canceled")
