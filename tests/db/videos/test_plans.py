"""The plans of lists and searches among 100,000 videos of one user, and of a hundred users: no table is read whole."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.sql import Select

from db.ids import uuid7
from db.tables import Video
from db.videos import queries as videos
from db.videos.queries import Filter
from tests.conftest import MakeUser, Sessions
from tests.db.videos.conftest import make_crowd

VIDEOS: Final = 100_000
FILTERS: Final = {
    "all": Filter(), "favourites": Filter(favourite=True), "published": Filter(visibility="public"),
    "gif": Filter(format="gif"), "mp4": Filter(format="mp4"), "trash": Filter(trashed=True),
    "tag": Filter(tag="tag100"),
    "rare word": Filter(words="rare"), "frequent words": Filter(words="all most"),
    "prefix": Filter(words="number99"),
    "unknown word": Filter(words="elephant"), "exclusion": Filter(words="rare -most"),
    "word and tag": Filter(words="most", tag="tag200"),
    "old": Filter(created_before=datetime(2020, 1, 1, tzinfo=UTC)),
    "period": Filter(created_after=datetime(2020, 1, 1, tzinfo=UTC), created_before=datetime(2100, 1, 1, tzinfo=UTC)),
    "favourite with a word": Filter(favourite=True, words="all"),
}  # fmt: skip
# The lists that have an index of their own.
INDEXES: Final = {
    "favourites": "ix_videos_favourite", "published": "ix_videos_public",
    "gif": "ix_videos_format", "tags": "ix_videos_tags",
}  # fmt: skip
# A page of 20 of these reads few rows, however many videos the owner has.
FEW: Final = ("all", "favourites", "published", "gif", "mp4", "trash", "tag", "old", "period")
MAX_ROWS: Final = 1_000


@pytest.fixture(params=["one", "many"])
async def owner(request: pytest.FixtureRequest, make_user: MakeUser, owner_engine: AsyncEngine) -> AsyncIterator[UUID]:
    """The owner of all videos, or of one in a hundred."""
    owners = [await make_user() for _ in range(1 if request.param == "one" else 100)]
    await make_crowd(owner_engine, owners, VIDEOS)
    yield owners[0]
    async with owner_engine.begin() as connection:
        await connection.execute(text("TRUNCATE videos CASCADE"))


def page_of(owner_id: UUID, only: Filter) -> Select[Video]:
    return videos.chosen(owner_id, only).where(Video.id < uuid7()).order_by(Video.id.desc()).limit(21)


async def explain(session: AsyncSession, statement: Any) -> str:
    compiled = statement.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    return "\n".join(await session.scalars(text(f"EXPLAIN ANALYZE {compiled}".replace(":", "\\:"))))


async def test_no_list_reads_the_whole_table(owner: UUID, sessions: Sessions) -> None:
    async with sessions() as session:
        plans = {name: await explain(session, page_of(owner, only)) for name, only in FILTERS.items()}
        values = {"owner_id": owner, "limit": videos.MAX_LISTED_TAGS}
        plans["tags"] = "\n".join(await session.scalars(text(f"EXPLAIN (ANALYZE) {videos.TAGS}"), values))
    assert {name: plan for name, plan in plans.items() if "Seq Scan" in plan} == {}
    used = {name: set(re.findall(r"using (ix_videos_\w+)|on (ix_videos_\w+)", plan)) for name, plan in plans.items()}
    indexes = {name: {index for pair in found for index in pair if index} for name, found in used.items()}
    assert {name: indexes[name] for name in INDEXES} == {name: {index} for name, index in INDEXES.items()}
    # Which of the two depends on the statistics.
    assert "Index Only Scan" in plans["tags"] or "Bitmap Index Scan" in plans["tags"]
    too_many = {name: plan for name, plan in plans.items() if name in FEW and rows_read(plan) > MAX_ROWS}
    assert too_many == {}


def rows_read(plan: str) -> int:
    """The most rows that a node of the plan returned or removed."""
    counts = re.findall(r"rows=([\d.]+) loops|Rows Removed by \w+: (\d+)", plan)
    return max(int(float(returned or removed)) for returned, removed in counts)
