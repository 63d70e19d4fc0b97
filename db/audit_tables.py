"""The audit log: who did what to whose account or video, and from where.

The role of the application may add and read rows, and neither change nor delete them: `db/roles.py`, migration 0007.
"""

import enum
from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, func
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Json
from db.ids import uuid7


class Action(enum.StrEnum):
    """What was done. A name that was ever written is not changed; a new one needs no migration."""

    SIGN_IN = "sign_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    REFRESH_TOKEN_REUSED = "refresh_token_reused"  # noqa: S105  (not a password)
    SIGN_OUT = "sign_out"
    SESSION_ENDED = "session_ended"
    ALL_SESSIONS_ENDED = "all_sessions_ended"

    REGISTERED = "registered"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    PASSWORD_RESET_REQUESTED = "password_reset_requested"  # noqa: S105
    PASSWORD_RESET = "password_reset"  # noqa: S105
    EMAIL_CHANGE_REQUESTED = "email_change_requested"
    EMAIL_CHANGED = "email_changed"
    SECOND_FACTOR_ENABLED = "second_factor_enabled"
    SECOND_FACTOR_REMOVED = "second_factor_removed"
    RECOVERY_CODE_USED = "recovery_code_used"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_RENAMED = "passkey_renamed"
    PASSKEY_REMOVED = "passkey_removed"
    ACCOUNT_EXPORTED = "account_exported"
    ACCOUNT_DELETED = "account_deleted"

    INVITATION_CREATED = "invitation_created"
    ROLE_CHANGED = "role_changed"
    ACCOUNT_DISABLED = "account_disabled"
    ACCOUNT_ENABLED = "account_enabled"

    KEY_CREATED = "key_created"
    KEY_REVOKED = "key_revoked"
    WEBHOOK_CREATED = "webhook_created"
    WEBHOOK_CHANGED = "webhook_changed"
    WEBHOOK_DELETED = "webhook_deleted"
    WEBHOOK_SECRET_ROTATED = "webhook_secret_rotated"  # noqa: S105
    # By its failures, or by its answer 410.
    WEBHOOK_DISABLED = "webhook_disabled"
    SHARE_CREATED = "share_created"
    SHARE_REVOKED = "share_revoked"
    VIDEO_PUBLISHED = "video_published"
    VIDEO_UNPUBLISHED = "video_unpublished"
    # By a report, without a moderator.
    VIDEO_HIDDEN_BY_REPORT = "video_hidden_by_report"
    VIDEO_HIDDEN = "video_hidden"
    VIDEO_REJECTED = "video_rejected"
    VIDEO_RESTORED = "video_restored"


class AuditEntry(Base):
    """One action. No foreign keys: an entry outlives the account and the object that it is about."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_action", "action", "id"),
        Index("ix_audit_log_actor_id", "actor_id", "id"),
    )

    # The order of the entries, and the cursor of the list.
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    # Null for a stranger, for a person who reports a video, and for a command of the operator.
    actor_id: Mapped[UUID | None]
    action: Mapped[str]
    # `user`, `session`, `passkey`, `video`, `report`, `share`, `key` …, with its id.
    target_type: Mapped[str | None]
    target_id: Mapped[UUID | None]
    # The network address of the client.
    address: Mapped[str | None]
    details: Mapped[Json] = mapped_column(server_default="{}")
