"""The tables of accounts: users, their sessions and tokens, rate limits, and the outbox of mails."""

import enum
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Json
from db.ids import uuid7


class Role(enum.StrEnum):
    """The rights of an account: a moderator has those of a user, an admin has all."""

    USER = "user"
    MODERATOR = "moderator"
    ADMIN = "admin"


class User(Base):
    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("role IN (" + ", ".join(f"'{role}'" for role in Role) + ")", "role"),
        CheckConstraint("(totp_enabled_at IS NULL) OR (totp_secret IS NOT NULL)", "totp_has_secret"),
        Index("uq_users_email", func.lower(text("email")), unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    email: Mapped[str]
    password_hash: Mapped[str]
    display_name: Mapped[str] = mapped_column(server_default="")
    role: Mapped[str] = mapped_column(server_default="user")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # Null if the account was created while no SMTP server was configured.
    email_verified_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    # The encrypted secret of the second factor; it is asked for once `totp_enabled_at` is set.
    totp_secret: Mapped[str | None]
    totp_enabled_at: Mapped[datetime | None]
    # The time step of the last accepted code: a code is valid once.
    totp_last_step: Mapped[int] = mapped_column(BigInteger, server_default="0")


class RecoveryCode(Base):
    """The hash of an unused recovery code, which replaces a code of the second factor once."""

    __tablename__ = "recovery_codes"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    code_hash: Mapped[str] = mapped_column(primary_key=True)


class Passkey(Base):
    """A WebAuthn credential: it signs in without a password and a second factor."""

    __tablename__ = "passkeys"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    # The authenticator's name of the credential.
    credential_id: Mapped[bytes] = mapped_column(unique=True)
    # In COSE format.
    public_key: Mapped[bytes]
    # Signatures so far, as the authenticator counts them; many count none and stay at 0.
    sign_count: Mapped[int] = mapped_column(BigInteger, server_default="0")
    # How browsers reach the authenticator: internal, usb, hybrid …
    transports: Mapped[list[str]] = mapped_column(server_default="[]")
    # Whether the authenticator synchronizes the credential with other devices.
    backed_up: Mapped[bool] = mapped_column(server_default="false")
    name: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime | None]


class LoginSession(Base):
    """One sign-in of a browser or program: valid until it expires, is revoked, or its account is disabled.

    Access tokens name it (`sid`); `RefreshToken.family_id` is its id.
    """

    __tablename__ = "login_sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    user_agent: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # No refresh extends it.
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]


class RefreshToken(Base):
    """A refresh token of a login session. The tokens of one session, each rotated into the next, share a family.

    The table has the name that it had before login sessions had a table of their own.
    """

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    family_id: Mapped[UUID] = mapped_column(ForeignKey("login_sessions.id", ondelete="CASCADE"), index=True)
    refresh_hash: Mapped[str] = mapped_column(unique=True)
    user_agent: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    rotated_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Purpose(enum.StrEnum):
    """What a one-time token is for; a token is not valid for another purpose."""

    SOCKET_TICKET = "socket_ticket"
    REGISTRATION = "registration"
    PASSWORD_RESET = "password_reset"  # noqa: S105  (not a password)
    INVITATION = "invitation"
    EMAIL_CHANGE = "email_change"
    # The challenges of passkeys.
    PASSKEY_REGISTRATION = "passkey_registration"
    PASSKEY_SIGN_IN = "passkey_sign_in"


class OneTimeToken(Base):
    """A random token that is valid once. Only its hash is stored; redeeming it deletes the row."""

    __tablename__ = "one_time_tokens"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    data: Mapped[Json] = mapped_column(server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(index=True)


class RateLimit(Base):
    """A token bucket that is not full. A bucket without a row is full, so rows whose `full_at` has passed are deleted.

    The table is unlogged: a crash of PostgreSQL empties it, which resets the limits.
    """

    __tablename__ = "rate_limits"
    __table_args__ = (
        Index("ix_rate_limits_full_at", "full_at"),
        {"prefixes": ["UNLOGGED"], "postgresql_with": {"fillfactor": 50}},
    )

    # `name:hash`: neither addresses nor e-mail addresses are stored.
    key: Mapped[str] = mapped_column(primary_key=True)
    # When the bucket will be full again if no further token is taken.
    full_at: Mapped[datetime]
    # Seconds until one token is refilled.
    token_seconds: Mapped[float]
    capacity: Mapped[float]


class Mail(Base):
    """The outbox: a mail is written in the transaction that causes it, and sent afterwards by any gateway."""

    __tablename__ = "mails"
    __table_args__ = (Index("ix_mails_unsent", "available_at", postgresql_where=text("ended_at IS NULL")),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    recipient: Mapped[str]
    subject: Mapped[str]
    # Emptied when the mail was sent, because it may contain a token.
    body: Mapped[str]
    attempts: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # The next attempt is due.
    available_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # Sent, or given up with `error`.
    ended_at: Mapped[datetime | None]
    error: Mapped[str | None]
