"""The table of videos: what publish makes of a succeeded job. It outlives the job."""

import enum
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, String, func, text
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlalchemy.orm import Mapped, deferred, mapped_column

from db.base import Base, Json

# A row of the index on the tags has at most 2704 bytes.
MAX_TAGS: Final = 20
MAX_TAG_CHARS: Final = 30


class Visibility(enum.StrEnum):
    """Who sees a video besides its owner. A share link shows a private one too."""

    PRIVATE = "private"
    # In the public gallery.
    PUBLIC = "public"


class Moderation(enum.StrEnum):
    """The decision of a moderator on a video."""

    VISIBLE = "visible"
    # Only its owner sees it.
    HIDDEN = "hidden"
    # Its objects are deleted. Only its owner and moderators see the row.
    REJECTED = "rejected"


def _sql_list(names: type[enum.StrEnum]) -> str:
    return "(" + ", ".join(f"'{name}'" for name in names) + ")"


# The videos that visitors see in the gallery.
IN_GALLERY: Final = "visibility = 'public' AND moderation_state = 'visible' AND trashed_at IS NULL"


class Video(Base):
    """A finished video of a user. Its objects are the rows of `artifacts` with its id.

    `id` is a UUIDv7 of the database, and `created_at` the moment in it: a range of ids is a range of time.
    """

    __tablename__ = "videos"
    __table_args__ = (
        CheckConstraint(f"visibility IN {_sql_list(Visibility)}", "visibility"),
        CheckConstraint(f"moderation_state IN {_sql_list(Moderation)}", "moderation_state"),
        CheckConstraint("(visibility = 'public') = (published_at IS NOT NULL)", "public_is_published"),
        CheckConstraint("moderation_state = 'visible' OR moderated_at IS NOT NULL", "moderated"),
        Index("uq_videos_job_id", "job_id", unique=True),
        # Keyset lists: all, the favourites, by format, the published, the trash, the gallery.
        Index("ix_videos_owner_id_id", "owner_id", "id"),
        Index("ix_videos_favourite", "owner_id", "id", postgresql_where=text("favourite AND trashed_at IS NULL")),
        Index("ix_videos_format", "owner_id", "format", "id", postgresql_where=text("trashed_at IS NULL")),
        Index(
            "ix_videos_public", "owner_id", "id",
            postgresql_where=text("visibility = 'public' AND trashed_at IS NULL"),
        ),
        Index("ix_videos_trashed", "owner_id", "id", postgresql_where=text("trashed_at IS NOT NULL")),
        Index("ix_videos_gallery", "published_at", "id", postgresql_where=text(IN_GALLERY)),
        Index("ix_videos_trashed_at", "trashed_at", postgresql_where=text("trashed_at IS NOT NULL")),
        Index("ix_videos_base", text("(base ->> 'key')"), postgresql_where=text("base IS NOT NULL")),
        Index("ix_videos_base_sha256", text("(base ->> 'sha256')"), postgresql_where=text("base IS NOT NULL")),
        Index("ix_videos_finished_from", "finished_from", postgresql_where=text("finished_from IS NOT NULL")),
        # The tags are counted from the index alone.
        Index("ix_videos_tags", "owner_id", "tags", postgresql_where=text("tags <> '{}' AND trashed_at IS NULL")),
        Index("ix_videos_words", "words", postgresql_using="gin"),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    # The job that made it; null once the job was purged.
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    # The video whose kept base clip it was finished from.
    finished_from: Mapped[UUID | None] = mapped_column(ForeignKey("videos.id", ondelete="SET NULL"))
    title: Mapped[str] = mapped_column(server_default="")
    # The requested prompt.
    prompt: Mapped[str]
    tags: Mapped[list[str]] = mapped_column(ARRAY(String), server_default="{}")
    favourite: Mapped[bool] = mapped_column(server_default=text("false"))
    visibility: Mapped[str] = mapped_column(server_default="private")
    # Whether visitors see the prompt.
    show_prompt: Mapped[bool] = mapped_column(server_default=text("false"))
    published_at: Mapped[datetime | None]
    moderation_state: Mapped[str] = mapped_column(server_default="visible")
    moderation_reason: Mapped[str | None]
    # The statement of reasons for the owner.
    moderation_statement: Mapped[str | None]
    moderated_at: Mapped[datetime | None]
    format: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    fps: Mapped[float]
    frames: Mapped[int]
    # Seconds.
    duration: Mapped[float]
    # The request and what it was resolved to, as in `jobs`.
    spec: Mapped[Json]
    resolved: Mapped[Json]
    # The kept base clip, as in `jobs`; null once it has expired. That of a favourite does not expire.
    base: Mapped[Json | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # When the owner deleted it: it is purged some days later.
    trashed_at: Mapped[datetime | None]
    # The words of title, prompt and tags, the tags as `#tag`, the owner as `@id`: one index finds the words and tags of
    # one owner. The function is in migration 0006.
    words: Mapped[str] = deferred(
        mapped_column(TSVECTOR, Computed("video_words(owner_id, title, prompt, tags)", persisted=True))
    )
