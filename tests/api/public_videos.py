"""Finished videos of a user, as a dispatcher publishes them."""

import hashlib
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update

from db.jobs import leases
from db.tables import Video, Visibility
from tests.api.conftest import ApiUser, Worker

PROMPT = "a red circle that nobody else may read about"
DATA = bytes(range(256)) * 8
BASE: dict[str, Any] = {
    "content_type": "video/x-matroska", "width": 64, "height": 64, "frames": 8, "fps": 8.0, "plan": {},
}  # fmt: skip


def file_of(kind: str, name: str, data: bytes) -> dict[str, Any]:
    types = {"mp4": "video/mp4", "webp": "image/webp", "png": "image/png"}
    return {
        "kind": kind, "key": name, "content_type": types[name.rpartition(".")[2]], "width": 512, "height": 256,
        "fps": 8.0, "frames": 8, "duration": 1.0, "size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(),
    }  # fmt: skip


async def make_video(
    worker: Worker,
    user: ApiUser,
    data: bytes = DATA,
    *,
    base: bytes | None = None,
    public: bool = False,
    **columns: Any,
) -> UUID:
    """A video with a poster, and with a kept base clip if one is given. The id of the video."""
    job = await worker.enqueue(user.id, prompt=PROMPT)
    lease = await worker.claim()
    assert lease.job_id == job.id
    prefix = f"jobs/{lease.job_id}/{lease.attempt}"
    files = [file_of("video", f"{prefix}/video.mp4", data), file_of("poster", f"{prefix}/poster.webp", b"poster")]
    await worker.storage.put(files[0]["key"], data, "video/mp4")
    await worker.storage.put(files[1]["key"], b"poster", "image/webp")
    async with worker.gateway.sessions.begin() as session:
        if base is not None:
            await worker.storage.put(f"{prefix}/base.mkv", base, "video/x-matroska")
            kept = {**BASE, "key": f"{prefix}/base.mkv", "sha256": hashlib.sha256(base).hexdigest(), "size_bytes": 9}
            assert await leases.keep_base(session, lease, kept, days=7)
        assert await leases.publish(
            session, lease, resolved={"seed": 7, "embed_prompt": False}, warnings=[], artifacts=files
        )
    async with worker.gateway.sessions.begin() as session:
        video_id = (await session.scalars(select(Video.id).where(Video.job_id == lease.job_id))).one()
        if public:
            columns = {"visibility": Visibility.PUBLIC, "published_at": func.clock_timestamp(), **columns}
        if columns:
            await session.execute(update(Video).where(Video.id == video_id).values(**columns))
    return video_id


async def read_video(worker: Worker, video_id: UUID) -> Video:
    async with worker.gateway.sessions() as session:
        return await session.get_one(Video, video_id)
