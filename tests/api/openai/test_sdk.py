"""The official SDK of OpenAI against a real gateway. Its files are no videos; those of tests/e2e/test_openai.py are."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import openai
import pytest
from openai import AsyncOpenAI

from db.jobs import leases
from tests.api.conftest import ApiUser, Server, StartServer, Worker
from tests.api.keys.conftest import key_of

PROMPT = "a red circle moving right"

# OpenAI's own servers no longer have this API.
pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")


@pytest.fixture
def sdk_server(start_server: StartServer) -> contextlib.AbstractContextManager[Server]:
    """A gateway on the object store of the test."""
    return start_server(submissions_per_minute=6)


@contextlib.asynccontextmanager
async def signed_in(server: Server, user: ApiUser, *scopes: str) -> AsyncIterator[AsyncOpenAI]:
    """The SDK with a new API key. It does not repeat requests."""
    key = await key_of(user, *(scopes or ("jobs:read", "jobs:write")))
    async with AsyncOpenAI(base_url=f"{server.http}/v1", api_key=key.token, max_retries=0, timeout=20) as client:
        yield client


@contextlib.asynccontextmanager
async def working(worker: Worker) -> AsyncIterator[None]:
    """Claims and finishes every job."""

    async def run() -> None:
        while True:
            async with worker.gateway.sessions.begin() as session:
                job = await leases.claim(session, owner="worker", running_per_user=1000, lease_seconds=30)
            if job is not None:
                await worker.progress(leases.lease_of(job), 0.5)
                await worker.publish(leases.lease_of(job))
            await asyncio.sleep(0.05)

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_life_of_a_video(
    sdk_server: contextlib.AbstractContextManager[Server], alice: ApiUser, worker: Worker
) -> None:
    with sdk_server as server:
        async with signed_in(server, alice) as client, working(worker):
            video = await client.videos.create_and_poll(prompt=PROMPT, model="tiny", seconds="4", size="720x1280")
            assert (video.status, video.progress, video.seconds, video.size) == ("completed", 100, "4", "720x1280")
            content = await client.videos.download_content(video.id)
            assert content.content == b"0123456789"
            remix = await client.videos.remix(video.id, prompt="a blue square")
            assert remix.remixed_from_video_id == video.id
            assert (await client.videos.poll(remix.id)).status == "completed"
            extended = await client.videos.create(prompt=PROMPT, extra_body={"num_frames": 16, "fps": 8, "seed": 7})
            assert (extended.seconds, extended.status) == ("2", "queued")
            await client.videos.poll(extended.id)
            listed = [one.id async for one in client.videos.list(limit=1)]
            assert listed == [extended.id, remix.id, video.id]
            assert [one.id async for one in client.videos.list(limit=2, order="asc")] == listed[::-1]
            assert (await client.videos.delete(video.id)).deleted
            with pytest.raises(openai.NotFoundError):
                await client.videos.retrieve(video.id)


async def test_a_failed_video_ends_the_poll(server: Server, alice: ApiUser, worker: Worker) -> None:
    async with signed_in(server, alice) as client:
        video = await client.videos.create(prompt=PROMPT)
        polling = asyncio.create_task(client.videos.poll(video.id))
        await worker.fail(await worker.claim())
        async with asyncio.timeout(10):
            failed = await polling
        assert failed.status == "failed"
        assert failed.error is not None
        assert failed.error.code == "stage_failed"


async def test_models_are_listed(server: Server, alice: ApiUser) -> None:
    async with signed_in(server, alice, "jobs:read") as client:
        assert "tiny" in [model.id async for model in client.models.list()]
        assert (await client.models.retrieve("tiny")).id == "tiny"


async def test_problems_are_the_exceptions_of_the_sdk(
    sdk_server: contextlib.AbstractContextManager[Server], alice: ApiUser
) -> None:
    with sdk_server as server:
        async with signed_in(server, alice) as client, signed_in(server, alice, "jobs:read") as reader:
            with pytest.raises(openai.NotFoundError) as missing:
                await client.videos.retrieve("video_123")
            assert (missing.value.code, missing.value.status_code) == ("not_found", 404)
            with pytest.raises(openai.UnprocessableEntityError) as invalid:
                await client.videos.create(prompt=PROMPT, size="1x1")  # type: ignore[arg-type]
            assert (invalid.value.param, invalid.value.type) == ("size", "invalid_request_error")
            with pytest.raises(openai.PermissionDeniedError) as denied:
                await reader.videos.create(prompt=PROMPT)
            assert denied.value.code == "scope_required"
            video = await client.videos.create(prompt=PROMPT)
            with pytest.raises(openai.ConflictError):
                await client.videos.download_content(video.id)
            attempts = [client.videos.create(prompt=PROMPT) for _ in range(7)]
            with pytest.raises(openai.RateLimitError) as limited:
                await asyncio.gather(*attempts)
            assert limited.value.code == "too_many_requests"
            assert int(limited.value.response.headers["retry-after"]) >= 1
        for wrong in ("sk-1234", "aura_sk_" + "0" * 49):
            async with AsyncOpenAI(base_url=f"{server.http}/v1", api_key=wrong, max_retries=0) as stranger:
                with pytest.raises(openai.AuthenticationError):
                    await stranger.videos.list()
