"""Videos that were published, and many that were only inserted."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from db.jobs import leases
from db.jobs.leases import Lease
from db.tables import Video
from db.videos import queries as videos
from tests.db.conftest import Call, Life, video

MakeVideo = Callable[..., Awaitable[Video]]


def files(lease: Lease) -> list[dict[str, Any]]:
    """The three objects of a video."""
    kinds = {"video": ("video.mp4", "video/mp4"), "poster": ("poster.webp", "image/webp"),
             "preview": ("preview.webp", "image/webp")}  # fmt: skip
    return [
        {
            **video(lease),
            "kind": kind,
            "key": f"jobs/{lease.job_id}/{lease.attempt}/{name}",
            "content_type": content_type,
        }
        for kind, (name, content_type) in kinds.items()
    ]


@pytest.fixture
def make_video(life: Life, call: Call) -> MakeVideo:
    """A video as publish makes it."""

    async def make(owner: UUID | None = None, *, keep_base: bool = False, **spec: Any) -> Video:
        owner = owner or life.owner
        job = await life.queued(owner, spec={"prompt": "a red circle", "fps": 8, **spec})
        lease = await life.claim()
        assert lease is not None
        if keep_base:
            assert await life.keep_base(lease)
        assert await call(
            leases.publish, lease, resolved={"seed": 7, "embed_prompt": False}, warnings=[], artifacts=files(lease)
        )
        page = await call(videos.page, owner_id=owner, limit=1)
        assert page.data[0].job_id == job.id
        found: Video = page.data[0]
        return found

    return make


# The words of the prompts: `all` is in each, `most` in nine of ten, `rare` in one of a thousand.
CROWD = """
    INSERT INTO videos (id, owner_id, prompt, tags, favourite, visibility, published_at, format, width, height, fps,
        frames, duration, spec, resolved, created_at, trashed_at)
    SELECT uuidv7(make_interval(secs => number - :videos)), owner,
        'all ' || CASE WHEN number % 10 > 0 THEN 'most ' ELSE '' END || CASE WHEN number % 1000 = 0 THEN 'rare ' ELSE ''
            END || 'number' || number,
        CASE WHEN number % 100 = 0 THEN array['tag' || number % 700] ELSE '{}' END,
        number % 1000 = 1, CASE WHEN number % 1000 = 2 THEN 'public' ELSE 'private' END,
        CASE WHEN number % 1000 = 2 THEN now() END, CASE WHEN number % 1000 = 3 THEN 'gif' ELSE 'mp4' END,
        512, 512, 8, 16, 2, jsonb_build_object('prompt', repeat('x', 500)),
        jsonb_build_object('prompt', repeat('x', 500)), now(), CASE WHEN number % 1000 = 4 THEN now() END
    FROM (
        SELECT number, (CAST(:owners AS uuid[]))[1 + number % cardinality(CAST(:owners AS uuid[]))] AS owner
        FROM generate_series(1, :videos) AS number
    ) AS numbered
"""


async def make_crowd(owner_engine: AsyncEngine, owners: list[UUID], videos: int) -> None:
    """So many videos, distributed over the owners, with fresh statistics."""
    async with owner_engine.connect() as connection:
        apart = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await apart.execute(text(CROWD), {"owners": owners, "videos": videos})
        await apart.execute(text("VACUUM ANALYZE videos"))
