"""One change of many videos."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.problems import NotFound
from api.videos.schemas import Action, BulkRequest
from db.tables import Video, Visibility
from db.videos import edits, publication, trash
from db.videos import queries as videos

CHANGES: Final[Mapping[Action, dict[str, Any]]] = {
    Action.FAVOURITE: {"favourite": True},
    Action.UNFAVOURITE: {"favourite": False},
    Action.PUBLISH: {"visibility": Visibility.PUBLIC},
    Action.UNPUBLISH: {"visibility": Visibility.PRIVATE},
}


async def apply(session: AsyncSession, owner_id: UUID, address: str, request: BulkRequest) -> list[Video]:
    """Change all of these videos, and return them newest first. NotFound, and no change, if one is not the user's."""
    ids = set(request.ids)
    if len(await videos.of(session, ids, owner_id=owner_id)) < len(ids):
        raise NotFound
    match request.action, request.tag:
        case Action.TRASH | Action.RESTORE, _:
            await trash.move(session, ids, owner_id=owner_id, trashed=request.action is Action.TRASH)
        case Action.ADD_TAG, str(tag):
            await edits.add_tag(session, ids, owner_id=owner_id, tag=tag)
        case Action.REMOVE_TAG, str(tag):
            await edits.remove_tag(session, ids, owner_id=owner_id, tag=tag)
        case _:
            values = CHANGES[request.action]
            visibility = values.get("visibility")
            await publication.record(session, ids, owner_id=owner_id, visibility=visibility, address=address)
            await edits.change(session, ids, owner_id=owner_id, values=values)
    return await videos.of(session, ids, owner_id=owner_id)
