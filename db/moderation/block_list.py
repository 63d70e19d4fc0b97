"""The hashes of removed files: a video with the same bytes, or made from the same base clip, is rejected too.

The same recipe gives the same bytes. A trigger on `artifacts` (migration 0008) compares each video with the list in the
transaction of publish; a rejection compares the list with the videos that exist. `lock` is the other half of the
trigger's shared lock: a video that is published during a rejection is seen by one of the two.
"""

from typing import Final
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

# Also in migration 0008.
ADVISORY_LOCK: Final = (4217, 20)
COPY_STATEMENT: Final = "The video is a copy of one that a moderator has removed."


async def lock(session: AsyncSession) -> None:
    """Wait for the publications that are being committed, and hold up further ones until the commit."""
    await session.execute(select(func.pg_advisory_xact_lock(*ADVISORY_LOCK)))


async def reject(session: AsyncSession, video_id: UUID, *, reason: str, statement: str) -> tuple[list[UUID], list[str]]:
    """Reject a video and its copies: block their hashes, end their links, and delete the rows of their objects.

    The ids of the videos, and the keys of the objects. The caller holds `lock`. A base clip is left to the garbage
    collection, which deletes it once no running job reads it.
    """
    hashes = list(await session.scalars(text(_BLOCK), {"id": video_id, "reason": reason}))
    values = {"id": video_id, "hashes": hashes, "reason": reason, "statement": statement, "copy": COPY_STATEMENT}
    ids = list(await session.scalars(text(_REJECT), values))
    await session.execute(text(_RECORD_COPIES), values | {"ids": ids})
    for sql in (_END_SHARES, _EXPIRE_BASES, _FORGET_BASES):
        await session.execute(text(sql), {"ids": ids})
    return ids, list(await session.scalars(text(_DELETE_OBJECTS), {"ids": ids}))


_BLOCK: Final = """
    WITH files AS (
        SELECT sha256, kind FROM artifacts WHERE video_id = :id AND kind = 'video'
        UNION
        SELECT base ->> 'sha256', 'base' FROM videos WHERE id = :id AND base ->> 'sha256' IS NOT NULL
    ), blocked AS (
        INSERT INTO blocked_hashes (sha256, video_id, kind, reason)
        SELECT sha256, :id, kind, :reason FROM files ORDER BY sha256
        ON CONFLICT DO NOTHING
    )
    SELECT sha256 FROM files
"""
_REJECT: Final = """
    WITH copies AS (
        SELECT CAST(:id AS uuid) AS id
        UNION
        SELECT video_id FROM artifacts WHERE kind = 'video' AND sha256 = ANY(CAST(:hashes AS text[]))
        UNION
        SELECT id FROM videos WHERE base IS NOT NULL AND base ->> 'sha256' = ANY(CAST(:hashes AS text[]))
    ), locked AS (
        SELECT id FROM videos WHERE id IN (SELECT id FROM copies) AND moderation_state <> 'rejected'
        ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE videos SET
        moderation_state = 'rejected', moderation_reason = :reason,
        moderation_statement = CASE videos.id WHEN :id THEN CAST(:statement AS text) ELSE :copy END,
        visibility = 'private', published_at = NULL,
        moderated_at = clock_timestamp(), updated_at = clock_timestamp()
    FROM locked WHERE videos.id = locked.id
    RETURNING videos.id
"""
_RECORD_COPIES: Final = """
    INSERT INTO moderation_decisions (id, video_id, automatic, action, reason, statement)
    SELECT uuidv7(), id, true, 'reject', :reason, :copy FROM unnest(CAST(:ids AS uuid[])) AS copy(id) WHERE id <> :id
"""
_END_SHARES: Final = "DELETE FROM shares WHERE video_id = ANY(CAST(:ids AS uuid[]))"
_EXPIRE_BASES: Final = """
    UPDATE artifacts SET expires_at = least(expires_at, now())
    FROM videos WHERE videos.id = ANY(CAST(:ids AS uuid[])) AND videos.base IS NOT NULL
        AND artifacts.key = videos.base ->> 'key' AND artifacts.kind = 'base'
"""
_FORGET_BASES: Final = "UPDATE videos SET base = NULL WHERE id = ANY(CAST(:ids AS uuid[])) AND base IS NOT NULL"
_DELETE_OBJECTS: Final = """
    DELETE FROM artifacts WHERE video_id = ANY(CAST(:ids AS uuid[])) AND kind <> 'base' RETURNING key
"""
