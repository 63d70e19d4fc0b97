"""Links to the objects of moderated videos, for a local store. An S3 store serves its objects until a link expires."""

from typing import Final

from db.direct import Direct
from db.moderation import objects

# Lifetime of a link for the owner or a moderator. Links for visitors are valid for five minutes and are not made for a
# hidden video. A link that expires later than this after the decision was therefore made after it, for one of the two.
LINK_SECONDS: Final = 3600


async def is_taken_down(direct: Direct, key: str, expires: int) -> bool:
    """Whether this object is not served by a link that expires at this moment, in seconds since 1970."""
    hidden = await objects.hidden_since(direct, key)
    return hidden is not None and expires < int(hidden.timestamp()) + LINK_SECONDS
