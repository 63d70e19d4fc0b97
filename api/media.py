"""Signed links to the objects of a video, with the properties of the files."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime

from pydantic import AwareDatetime, BaseModel

from db.storage.base import Storage
from db.tables import Artifact


class MediaView(BaseModel):
    """A file. `url` works without a token until `expires_at`."""

    url: str
    content_type: str
    width: int
    height: int
    fps: float
    frames: int
    duration_seconds: float
    size_bytes: int
    expires_at: AwareDatetime


def media_view(artifact: Artifact, storage: Storage, *, expires_seconds: int, filename: str | None = None) -> MediaView:
    columns = ("content_type", "width", "height", "fps", "frames", "size_bytes")
    return MediaView(
        url=storage.url(artifact.key, expires_seconds=expires_seconds, filename=filename),
        duration_seconds=artifact.duration,
        expires_at=datetime.fromtimestamp(int(time.time()) + expires_seconds, UTC),
        **{name: getattr(artifact, name) for name in columns},
    )


def of_kind(artifacts: Iterable[Artifact], kind: str) -> Artifact | None:
    return next((artifact for artifact in artifacts if artifact.kind == kind), None)
