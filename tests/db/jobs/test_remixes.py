from sqlalchemy import text

from db.jobs import remixes
from tests.conftest import Sessions
from tests.db.conftest import Life


async def test_the_source_is_kept_when_its_job_is_purged(life: Life, sessions: Sessions) -> None:
    source, remix = await life.queued(), await life.queued()
    async with sessions.begin() as session:
        await remixes.record(session, remix.id, source_id=source.id)
        await session.execute(text("DELETE FROM jobs WHERE id = :id"), {"id": source.id})
    async with sessions.begin() as session:
        assert await remixes.sources(session, [source.id, remix.id]) == {remix.id: source.id}
        await session.execute(text("DELETE FROM jobs"))
        assert await remixes.sources(session, [source.id, remix.id]) == {}
