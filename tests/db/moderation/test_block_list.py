"""The block list in the transaction of publish, and during a rejection."""

import asyncio
import hashlib
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from db.jobs import leases
from db.jobs.leases import Lease
from db.moderation import decisions
from db.tables import BlockedHash, Decision, Video
from tests.conftest import MakeUser, Sessions
from tests.db.conftest import Life, video

REASON = {"reason": "violence", "statement": "It shows blood."}


def file_of(lease: Lease, content: str) -> dict[str, Any]:
    return {**video(lease), "sha256": hashlib.sha256(content.encode()).hexdigest()}


async def publish(life: Life, content: str) -> UUID:
    """The id of the video."""
    lease = await life.running()
    assert await life.call(
        leases.publish, lease, resolved={"seed": 7}, warnings=[], artifacts=[file_of(lease, content)]
    )
    return await video_of(life, lease.job_id)


async def video_of(life: Life, job_id: UUID) -> UUID:
    async def read(session: Any) -> UUID:
        return (await session.scalars(select(Video.id).where(Video.job_id == job_id))).one()

    found: UUID = await life.call(read)
    return found


async def state(sessions: Sessions, video_id: UUID) -> str:
    async with sessions() as session:
        return (await session.get_one(Video, video_id)).moderation_state


@pytest.fixture
async def moderator(make_user: MakeUser) -> UUID:
    return await make_user(role="moderator")


async def test_a_publication_waits_for_a_rejection_and_is_rejected(
    life: Life, sessions: Sessions, moderator: UUID
) -> None:
    rejected = await publish(life, "same")
    lease = await life.running()
    artifacts = [file_of(lease, "same")]
    async with sessions() as session, session.begin():
        await decisions.decide(session, rejected, moderator_id=moderator, action=Decision.REJECT, **REASON)
        publication = asyncio.create_task(
            life.call(leases.publish, lease, resolved={"seed": 7}, warnings=[], artifacts=artifacts)
        )
        await asyncio.sleep(0.2)
        assert not publication.done()
    assert await publication
    assert await state(sessions, await video_of(life, lease.job_id)) == "rejected"


async def test_a_rejection_waits_for_a_publication_and_rejects_it(
    life: Life, sessions: Sessions, moderator: UUID
) -> None:
    rejected = await publish(life, "same")
    lease = await life.running()
    async with sessions() as session, session.begin():
        assert await leases.publish(
            session, lease, resolved={"seed": 7}, warnings=[], artifacts=[file_of(lease, "same")]
        )
        rejection = asyncio.create_task(
            life.call(decisions.decide, rejected, moderator_id=moderator, action=Decision.REJECT, **REASON)
        )
        await asyncio.sleep(0.2)
        assert not rejection.done()
    assert len((await rejection).videos) == 2
    assert await state(sessions, await video_of(life, lease.job_id)) == "rejected"


async def test_publications_do_not_wait_for_each_other(life: Life, sessions: Sessions, make_user: MakeUser) -> None:
    # Of two users: the publications of one user wait for the user's turn.
    first, second = await life.running(), await life.running(owner=await make_user())
    values: dict[str, Any] = {"resolved": {}, "warnings": []}
    async with sessions() as session, session.begin():
        assert await leases.publish(session, first, artifacts=[file_of(first, "one")], **values)
        async with asyncio.timeout(5):
            assert await life.call(leases.publish, second, artifacts=[file_of(second, "another")], **values)


async def test_a_video_of_the_previous_release_is_compared_too(life: Life, sessions: Sessions, moderator: UUID) -> None:
    """Its dispatchers add objects without a video; a trigger sets the video afterwards."""
    rejected, other = await publish(life, "same"), await publish(life, "other")
    await life.call(decisions.decide, rejected, moderator_id=moderator, action=Decision.REJECT, **REASON)
    async with sessions() as session, session.begin():
        values = {"id": other, "sha256": hashlib.sha256(b"same").hexdigest()}
        await session.execute(text("UPDATE artifacts SET video_id = NULL, sha256 = :sha256"), values)
        await session.execute(text("UPDATE artifacts SET video_id = :id"), values)
    assert await state(sessions, other) == "rejected"
    async with sessions() as session:
        assert await session.scalar(text("SELECT count(*) FROM artifacts")) == 0


async def test_a_block_outlives_the_video_and_its_owner(
    life: Life, sessions: Sessions, moderator: UUID, owner: UUID
) -> None:
    rejected = await publish(life, "same")
    await life.call(decisions.decide, rejected, moderator_id=moderator, action=Decision.REJECT, **REASON)
    async with sessions() as session, session.begin():
        await session.execute(text("DELETE FROM users WHERE id = :id"), {"id": owner})
        (blocked,) = await session.scalars(select(BlockedHash))
    assert (blocked.sha256, blocked.kind) == (hashlib.sha256(b"same").hexdigest(), "video")
