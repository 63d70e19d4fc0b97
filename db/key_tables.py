"""The table of API keys."""

import enum
from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base
from db.ids import uuid7


class Scope(enum.StrEnum):
    """What a key may be used for. Whatever its scopes are, a key has no right that its account lacks."""

    JOBS_READ = "jobs:read"
    JOBS_WRITE = "jobs:write"
    VIDEOS_READ = "videos:read"
    VIDEOS_WRITE = "videos:write"
    # Administration and moderation, as far as the role of the account allows them.
    ADMIN = "admin"


_SCOPES = "'[" + ", ".join(f'"{scope}"' for scope in Scope) + "]'::jsonb"


class ApiKey(Base):
    """A key of a program: valid until it expires or is revoked, or its account is disabled. Only its hash is stored."""

    __tablename__ = "api_keys"
    __table_args__ = (CheckConstraint(f"scopes <@ {_SCOPES} AND scopes <> '[]'::jsonb", "scopes"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    # The first characters, by which the owner recognises the key.
    prefix: Mapped[str]
    # SHA-256: enough for a key of 256 random bits, and fast enough for every request.
    key_hash: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # At most a minute and some seconds old.
    last_used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
