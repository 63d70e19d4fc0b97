"""Publications in the audit log."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from db import audit
from db.tables import Action, Video, Visibility


async def record(
    session: AsyncSession, ids: Collection[UUID], *, owner_id: UUID, visibility: Visibility | None, address: str
) -> None:
    """Record which of these videos a change to this visibility publishes or withdraws. To be called before it."""
    if visibility is None:
        return
    action = Action.VIDEO_PUBLISHED if visibility is Visibility.PUBLIC else Action.VIDEO_UNPUBLISHED
    changing = (
        select(Video.id)
        .where(Video.id.in_(ids), Video.owner_id == owner_id, Video.visibility != visibility)
        .order_by(Video.id)
        .with_for_update(key_share=True)
    )
    for video_id in list(await session.scalars(changing)):
        await audit.record(session, action=action, actor_id=owner_id, target=("video", video_id), address=address)
