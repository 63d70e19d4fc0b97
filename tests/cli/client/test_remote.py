"""The typed client with an API key against a real gateway."""

from collections.abc import Iterator

import pytest

from cli.client import ApiError, Client
from cli.credentials import StoredKey
from tests.cli.conftest import SMALL, Remote


@pytest.fixture
def client(stored_key: StoredKey) -> Iterator[Client]:
    with Client(stored_key.url, stored_key.key) as client:
        yield client


def test_events_are_received_with_a_key(client: Client) -> None:
    """Over the WebSocket itself, without the reconnection of `follow`, which would hide a refusal."""
    job_id = client.generate(SMALL | {"prompt": "a ring, generate sleep 1"})
    seen = []
    for job in client._updates(job_id):
        seen.append(job)
        if job.is_terminal:
            break
    assert not seen[0].is_terminal, "the snapshot"
    assert seen[-1].status == "succeeded", "an event"


def test_a_job_is_retried_trashed_and_restored(client: Client) -> None:
    job_id = client.generate(SMALL | {"prompt": "odd, generate refuse"})
    *_, failed = client.follow(job_id)
    assert failed.error is not None
    assert (failed.status, failed.error.code) == ("failed", "refused")
    *_, again = client.follow(client.retry_job(job_id).job_id)
    assert again.retried_from == job_id
    assert client.trash_job(job_id).trashed_at is not None
    assert [job.job_id for job in client.list_jobs(trashed=True).data] == [job_id]
    assert client.restore_job(job_id).trashed_at is None
    assert [job.job_id for job in client.list_jobs(status="failed", limit=1, order="asc").data] == [job_id]


def test_a_video_is_changed_shared_trashed_and_restored(client: Client, remote: Remote) -> None:
    job = client.status(remote.make_video(prompt="a brown box"))
    assert job.video_id is not None
    video = client.change_video(job.video_id, title="Box", tags=["boxes"], favourite=True)
    assert (video.title, video.tags, video.favourite) == ("Box", ["boxes"], True)
    assert [one.id for one in client.list_videos(tag="boxes", favourite=True, format="mp4").data] == [video.id]
    share = client.share(video.id, expires_in_days=1)
    assert [one.id for one in client.list_shares(video.id).data] == [share.id]
    client.revoke_share(share.id)
    assert client.list_shares(video.id).data == []
    assert client.trash_video(video.id).trashed_at is not None
    assert client.restore_video(video.id).trashed_at is None
    assert client.recipe(video.id)["seed"] == 7


def test_a_key_cannot_manage_keys(client: Client) -> None:
    with pytest.raises(ApiError) as error:
        client.list_keys()
    assert (error.value.status, error.value.code) == (403, "session_required")
