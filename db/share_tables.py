"""The table of share links."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base
from db.ids import uuid7


class Share(Base):
    """A link with which people without an account can play one video. A revoked share has no row."""

    __tablename__ = "shares"
    __table_args__ = (
        CheckConstraint("views >= 0", "views"),
        Index("ix_shares_video_id", "video_id", "id"),
        Index("ix_shares_expires_at", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
        # Leaves room for HOT updates of `views`.
        {"postgresql_with": {"fillfactor": 80}},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    video_id: Mapped[UUID] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"))
    # SHA-256 of the token in the link.
    token_hash: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str | None]
    show_prompt: Mapped[bool] = mapped_column(server_default=text("false"))
    # Written in batches: `api/shares/views.py`.
    views: Mapped[int] = mapped_column(BigInteger, server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # Null: until it is revoked.
    expires_at: Mapped[datetime | None]
