"""An attempt against a real database and in-process stages: how it ends, and what it leaves behind."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from db.storage.local import LocalStorage
from pipeline.contract.errors import DependencyUnavailable, OutOfMemory, Refused, StageFailed, StageLost
from pipeline.worker.attempt import Attempt, ClusterLost
from tests.conftest import MakeUser
from tests.pipeline.worker.conftest import InProcessCluster, Queue

Start = Callable[..., Attempt]


async def keys(storage: LocalStorage) -> list[str]:
    return sorted(stored.key for stored in await storage.list(""))


async def test_a_rendered_video_is_published(queue: Queue, start: Start, storage: LocalStorage) -> None:
    job_id = await queue.submit()
    await start(await queue.claim()).run()
    job = await queue.row(job_id)
    assert (job.status, job.progress["value"], job.warnings) == ("succeeded", 1.0, ["a warning"])
    assert job.resolved is not None
    (artifact,) = await queue.execute("SELECT key, frames FROM artifacts WHERE kind = 'video'")
    assert (artifact.key, artifact.frames) == (f"jobs/{job_id}/1/video.mp4", 16)
    assert artifact.key in await keys(storage)


async def test_the_rates_of_a_published_job_are_learned_and_its_trace_is_written(
    queue: Queue, start: Start, tmp_path: Path
) -> None:
    job_id = await queue.submit()
    await start(await queue.claim(), traces_dir=tmp_path / "traces").run()
    rates = await queue.execute("SELECT stage FROM stage_rates WHERE model = 'tiny'")
    assert {row.stage for row in rates} >= {"generate", "spans"}
    assert [path.stem for path in (tmp_path / "traces").iterdir()] == [str(job_id)]


async def test_progress_and_previews_are_published_while_it_runs(
    queue: Queue, start: Start, cluster: InProcessCluster, storage: LocalStorage
) -> None:
    cluster.release.clear()
    job_id = await queue.submit()
    running = asyncio.create_task(start(await queue.claim()).run())
    async with asyncio.timeout(5):
        while not (job := await queue.row(job_id)).preview_key:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert job.progress["step"] == 2
    assert await storage.get(job.preview_key or "") == b"a preview"
    cluster.release.set()
    await running


async def test_the_source_of_the_first_frame_is_the_file_of_the_owners_video(
    queue: Queue, start: Start, cluster: InProcessCluster
) -> None:
    first = await queue.submit()
    await start(await queue.claim()).run()
    ((video_id,),) = await queue.execute("SELECT id FROM videos WHERE job_id = :job", job=first)
    second = await queue.submit(image_from={"video_id": str(video_id), "at": 0.5})
    await start(await queue.claim()).run()
    assert (await queue.row(second)).status == "succeeded"
    assert [source.key for source in cluster.sources] == [f"jobs/{first}/1/video.mp4"]


GONE = {
    "deleted": "DELETE FROM videos",
    "rejected": "UPDATE videos SET moderation_state = 'rejected', moderated_at = now()",
    "of another user": "UPDATE videos SET owner_id = :other, job_id = NULL",
}


@pytest.mark.parametrize("change", GONE)
async def test_a_job_whose_source_is_gone_fails_once_and_says_so(
    queue: Queue, start: Start, make_user: MakeUser, change: str
) -> None:
    first = await queue.submit()
    await start(await queue.claim()).run()
    ((video_id,),) = await queue.execute("SELECT id FROM videos WHERE job_id = :job", job=first)
    second = await queue.submit(image_from={"video_id": str(video_id), "at": 0.5})
    await queue.execute(GONE[change], **({"other": await make_user()} if "other" in change else {}))
    await start(await queue.claim()).run()
    job = await queue.row(second)
    assert (job.status, job.failures, (job.error or {})["code"]) == ("failed", 1, "image_gone")
    assert "deleted" in (job.error or {})["message"]


@pytest.mark.parametrize(
    ("error", "status", "code", "stage"),
    [
        (StageFailed("upscale", "no"), "failed", "stage_failed", "upscale"),
        (Refused("no such thing", "/prompt"), "failed", "refused", None),
        (StageLost("upscale"), "queued", None, None),
        (DependencyUnavailable("postprocess", "object store"), "queued", None, None),
        (ValueError("a defect that quotes a prompt"), "queued", None, None),
    ],
    ids=["stage failed", "refused", "stage lost", "store unavailable", "defect"],
)
async def test_an_error_ends_or_requeues_the_job(
    queue: Queue, start: Start, cluster: InProcessCluster, error: Exception, status: str, code: str, stage: str
) -> None:
    job_id = await queue.submit()
    cluster.errors = [error]
    await start(await queue.claim()).run()
    job = await queue.row(job_id)
    assert (job.status, job.failures, job.losses) == (status, 1, 0)
    assert (job.error or {}).get("code") == code
    assert (job.error or {}).get("stage") == stage


async def test_the_message_of_a_defect_is_not_shown_to_the_owner(
    queue: Queue, start: Start, cluster: InProcessCluster
) -> None:
    job_id = await queue.submit()
    cluster.errors = [ValueError("quotes a prompt")]
    await start(await queue.claim(), max_failures=1).run()
    assert (await queue.row(job_id)).error == {
        "code": "internal_error", "message": "Something went wrong on our side.", "stage": None,
    }  # fmt: skip


async def test_max_failures_is_a_setting(queue: Queue, start: Start, cluster: InProcessCluster) -> None:
    job_id = await queue.submit()
    cluster.errors = [StageLost("generate")]
    await start(await queue.claim(), max_failures=1).run()
    job = await queue.row(job_id)
    assert (job.status, (job.error or {})["code"]) == ("failed", "stage_lost")


async def test_out_of_memory_is_retried_once_with_the_reduced_plan(
    queue: Queue, start: Start, cluster: InProcessCluster
) -> None:
    job_id = await queue.submit()
    cluster.errors = [OutOfMemory("generate"), OutOfMemory("generate")]
    await start(await queue.claim()).run()
    job = await queue.row(job_id)
    assert (job.status, job.reduced) == ("queued", True)
    await queue.execute("UPDATE jobs SET available_at = now() - interval '1 s'")
    await start(await queue.claim()).run()
    job = await queue.row(job_id)
    assert (job.status, (job.error or {})["code"]) == ("failed", "out_of_memory")


async def test_a_lost_stage_on_a_lost_cluster_gives_the_job_back_without_a_charge(
    queue: Queue, start: Start, cluster: InProcessCluster
) -> None:
    job_id = await queue.submit()
    cluster.errors, cluster.alive = [StageLost("generate")], False
    with pytest.raises(ClusterLost):
        await start(await queue.claim()).run()
    job = await queue.row(job_id)
    assert (job.status, job.failures, job.losses) == ("queued", 0, 0)


async def test_a_cancel_request_stops_the_stages_and_deletes_the_objects(
    queue: Queue, start: Start, cluster: InProcessCluster, storage: LocalStorage
) -> None:
    cluster.release.clear()
    job_id = await queue.submit()
    running = asyncio.create_task(start(await queue.claim()).run())
    await cluster.started.wait()
    await storage.put(f"jobs/{job_id}/1/poster.webp", b"x", "image/webp")
    await storage.put(f"jobs/{job_id}/1/base.mkv", b"x", "video/x-matroska")
    await queue.cancel(job_id)
    await running
    assert (await queue.row(job_id)).status == "canceled"
    assert cluster.cancelled == 1
    assert f"jobs/{job_id}/1/poster.webp" not in await keys(storage)
    assert f"jobs/{job_id}/1/base.mkv" in await keys(storage), "another attempt may have started from the base clip"


async def test_a_cancel_accepted_before_publish_wins(
    queue: Queue, start: Start, cluster: InProcessCluster, storage: LocalStorage
) -> None:
    job_id = await queue.submit()
    cluster.before_publish = lambda: queue.cancel(job_id)
    await start(await queue.claim(), beat_seconds=2.9).run()
    assert (await queue.row(job_id)).status == "canceled"
    assert f"jobs/{job_id}/1/video.mp4" not in await keys(storage)


async def test_a_fenced_attempt_deletes_its_objects_and_changes_no_row(
    queue: Queue, start: Start, cluster: InProcessCluster, storage: LocalStorage
) -> None:
    job_id = await queue.submit()
    attempt = start(await queue.claim(), beat_seconds=2.9)

    async def lease_taken_over() -> None:
        await queue.execute("UPDATE jobs SET attempt = 2, lease_owner = 'another'")

    cluster.before_publish = lease_taken_over
    await attempt.run()
    job = await queue.row(job_id)
    assert (job.status, job.attempt, job.lease_owner, job.resolved) == ("running", 2, "another", None)
    assert f"jobs/{job_id}/1/video.mp4" not in await keys(storage)


async def test_a_cancelled_task_gives_the_job_back_without_a_charge(
    queue: Queue, start: Start, cluster: InProcessCluster
) -> None:
    cluster.release.clear()
    job_id = await queue.submit()
    running = asyncio.create_task(start(await queue.claim()).run())
    await cluster.started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    job = await queue.row(job_id)
    assert (job.status, job.failures, job.losses) == ("queued", 0, 0)
    assert cluster.cancelled == 1


async def test_the_base_clip_is_recorded_and_expires(queue: Queue, start: Start) -> None:
    job_id = await queue.submit()
    await start(await queue.claim(), base_clip_days=2).run()
    base = (await queue.row(job_id)).base
    assert base is not None
    assert base["key"] == f"jobs/{job_id}/1/base.mkv"
    (kept,) = await queue.execute(
        "SELECT expires_at - now() BETWEEN interval '47 hours' AND interval '49 hours' AS two_days "
        "FROM artifacts WHERE kind = 'base'"
    )
    assert kept.two_days


async def test_a_spec_with_a_field_of_a_newer_version_is_rendered(
    queue: Queue, start: Start, cluster: InProcessCluster
) -> None:
    """Rolling upgrade: a newer gateway stores an optional field that this dispatcher does not know."""
    job_id = await queue.submit(camera_motion="pan left")
    await start(await queue.claim()).run()
    assert (await queue.row(job_id)).status == "succeeded"
    assert cluster.specs[0].prompt == "a red circle"
