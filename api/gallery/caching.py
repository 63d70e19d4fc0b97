"""Conditional requests of the public gallery.

The tag is made from the rows, not from the body: each body has newly signed links. It changes every minute, so that the
links in a cached body are valid for four minutes at least.
"""

import hashlib
import time
from collections.abc import Iterable
from typing import Annotated, Final

from fastapi import Header

from db.tables import Video

CACHE_SECONDS: Final = 30
TAG_SECONDS: Final = 60
CACHE_CONTROL: Final = f"public, max-age={CACHE_SECONDS}"

IfNoneMatch = Annotated[str | None, Header(description="the ETag of an earlier response")]


def tag_of(videos: Iterable[Video]) -> str:
    """The weak ETag of these videos, as they are now."""
    states = [f"{video.id} {video.published_at} {video.updated_at}" for video in videos]
    text = "\n".join([str(int(time.time()) // TAG_SECONDS), *states])
    return f'W/"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def headers(tag: str) -> dict[str, str]:
    return {"ETag": tag, "Cache-Control": CACHE_CONTROL}


def is_current(if_none_match: str | None, tag: str) -> bool:
    """Whether the client's cached response is still current, RFC 9110 section 13.1.2."""
    tags = {one.strip() for one in (if_none_match or "").split(",")}
    return tag in tags or tag.removeprefix("W/") in tags or "*" in tags
