"""The number of links of a video is limited exactly, whatever else limits the requests."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import select

from db import shares
from db.errors import TooManyShares
from db.tables import Share, Video
from tests.conftest import Sessions
from tests.db.conftest import Life


async def test_parallel_creations_reach_the_limit_and_no_more(
    life: Life, sessions: Sessions, owner: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "MAX_PER_VIDEO", 3)
    await life.queued()
    job_id = await life.run_next()
    async with sessions() as session:
        video_id = (await session.scalars(select(Video.id).where(Video.job_id == job_id))).one()

    async def create(number: int) -> bool:
        """In a transaction that takes a while."""
        async with sessions() as session, session.begin():
            try:
                await shares.create(
                    session, video_id=video_id, owner_id=owner, token_hash=str(number), password_hash=None,
                    show_prompt=False, days=1,
                )  # fmt: skip
            except TooManyShares:
                return False
            await asyncio.sleep(0.05)
            return True

    assert sorted(await asyncio.gather(*(create(number) for number in range(8)))) == [False] * 5 + [True] * 3
    async with sessions() as session:
        assert len(list(await session.scalars(select(Share)))) == 3
