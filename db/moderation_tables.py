"""The tables of reports and moderation: reports, decisions, and the hashes of removed files."""

import enum
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base
from db.ids import uuid7


class ReportReason(enum.StrEnum):
    MINORS = "minors"
    # Non-consensual intimate imagery.
    NCII = "ncii"
    VIOLENCE = "violence"
    HATE = "hate"
    COPYRIGHT = "copyright"
    SPAM = "spam"
    OTHER = "other"


# A report with one of these reasons hides the video at once and comes first in the queue.
URGENT: Final = frozenset({ReportReason.MINORS, ReportReason.NCII})


class Decision(enum.StrEnum):
    """What a moderator may decide about a video."""

    # Only its owner and moderators see the video.
    HIDE = "hide"
    # Its objects are deleted, and its hashes are blocked. Final.
    REJECT = "reject"
    # The video is visible, or stays so: its reports were unfounded.
    RESTORE = "restore"


def _sql_list(values: type[enum.StrEnum]) -> str:
    return "(" + ", ".join(f"'{value}'" for value in values) + ")"


class Report(Base):
    """A report of a video by somebody, with or without an account. It is open until a moderator decides."""

    __tablename__ = "reports"
    __table_args__ = (
        CheckConstraint(f"reason IN {_sql_list(ReportReason)}", "reason"),
        # The queue.
        Index("ix_reports_open", "rank", "id", postgresql_where=text("closed_at IS NULL")),
        Index("ix_reports_closed", "id", postgresql_where=text("closed_at IS NOT NULL")),
        Index("ix_reports_closed_at", "closed_at", postgresql_where=text("closed_at IS NOT NULL")),
        # The number of open reports of a video, also by reason.
        Index("ix_reports_open_of_video", "video_id", "reason", postgresql_where=text("closed_at IS NULL")),
        Index("ix_reports_video_id", "video_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    video_id: Mapped[UUID] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"))
    reason: Mapped[str]
    details: Mapped[str] = mapped_column(server_default="")
    # For questions to the reporter; never shown to the owner of the video.
    email: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    closed_at: Mapped[datetime | None]
    # The order of the queue: urgent reasons first.
    rank: Mapped[int] = mapped_column(
        Computed("CASE WHEN reason IN ('minors', 'ncii') THEN 0 ELSE 1 END", persisted=True)
    )


class ModerationDecision(Base):
    """One decision about a video. The last one is the state of the video; all of them are its history."""

    __tablename__ = "moderation_decisions"
    __table_args__ = (
        CheckConstraint(f"action IN {_sql_list(Decision)}", "action"),
        Index("ix_moderation_decisions_video_id", "video_id", "id"),
        Index(
            "ix_moderation_decisions_moderator_id", "moderator_id", postgresql_where=text("moderator_id IS NOT NULL")
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    video_id: Mapped[UUID] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"))
    # Null: an urgent report or a blocked hash, without a moderator; or the account was deleted.
    moderator_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    automatic: Mapped[bool] = mapped_column(server_default=text("false"))
    action: Mapped[str]
    reason: Mapped[str]
    statement: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class BlockedHash(Base):
    """The SHA-256 of a file of a rejected video: a video with such a file, or made from such a base clip, is rejected.

    No foreign key: the block outlives the video and its owner.
    """

    __tablename__ = "blocked_hashes"
    __table_args__ = (CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", "sha256"),)

    sha256: Mapped[str] = mapped_column(primary_key=True)
    # The rejected video.
    video_id: Mapped[UUID]
    # The kind of the file: `video` or `base`.
    kind: Mapped[str]
    reason: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
