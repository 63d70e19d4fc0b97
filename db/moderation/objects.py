"""The objects of hidden videos, for the gateway that serves the files of a local store."""

from datetime import datetime
from typing import Final

from db.direct import Direct, Statement

_HIDDEN: Final = Statement.of("""
    SELECT moderated_at FROM artifacts JOIN videos ON videos.id = artifacts.video_id
    WHERE artifacts.key = :key AND moderation_state <> 'visible'
""")


async def hidden_since(direct: Direct, key: str) -> datetime | None:
    """When the video of this object was hidden; None if it is visible, or if the object belongs to no video.

    The objects of a rejected video belong to no video: they are deleted.
    """
    rows = await direct.read(_HIDDEN, {"key": key})
    return rows[0]["moderated_at"] if rows else None
