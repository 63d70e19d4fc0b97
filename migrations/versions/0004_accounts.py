"""Accounts: login sessions, one-time tokens, rate limits, the outbox, roles and the second factor.

Gateways of the previous release keep working on these tables. Two triggers maintain `login_sessions` for them: a
family that they create gets its row, and a family that they revoke is revoked. Drop both in a later release.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

NOW = sa.text("now()")
MOMENT = sa.DateTime(timezone=True)

_BACKFILL = """
    INSERT INTO login_sessions (id, user_id, user_agent, created_at, last_used_at, expires_at, revoked_at)
    SELECT family_id, user_id, max(user_agent), min(created_at), max(created_at), max(expires_at), min(revoked_at)
    FROM sessions GROUP BY family_id, user_id
"""
# The default of SESSION_DAYS.
_ADD_FAMILY = """
    CREATE FUNCTION add_login_session() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO login_sessions (id, user_id, user_agent, expires_at)
        VALUES (NEW.family_id, NEW.user_id, NEW.user_agent, now() + interval '90 days')
        ON CONFLICT DO NOTHING;
        RETURN NEW;
    END $$
"""
_REVOKE_FAMILY = """
    CREATE FUNCTION revoke_login_session() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE login_sessions SET revoked_at = NEW.revoked_at WHERE id = NEW.family_id AND revoked_at IS NULL;
        RETURN NULL;
    END $$
"""
_TRIGGERS = (
    """CREATE TRIGGER add_login_session BEFORE INSERT ON sessions
       FOR EACH ROW EXECUTE FUNCTION add_login_session()""",
    """CREATE TRIGGER revoke_login_session AFTER UPDATE OF revoked_at ON sessions
       FOR EACH ROW WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL)
       EXECUTE FUNCTION revoke_login_session()""",
)


def upgrade() -> None:
    # First, because it takes longest: the locks of the other statements are held until the commit.
    op.create_index(
        "ix_jobs_never_started",
        "jobs",
        ["finished_at"],
        postgresql_where=sa.text("status = 'canceled' AND attempt = 0"),
    )
    _create_independent_tables()
    _create_tables_of_users()
    op.create_foreign_key(
        op.f("fk_sessions_family_id"), "sessions", "login_sessions", ["family_id"], ["id"], ondelete="CASCADE"
    )
    op.add_column("users", sa.Column("display_name", sa.String(), server_default="", nullable=False))
    op.add_column("users", sa.Column("role", sa.String(), server_default="user", nullable=False))
    op.add_column("users", sa.Column("email_verified_at", MOMENT, nullable=True))
    op.add_column("users", sa.Column("totp_secret", sa.String(), nullable=True))
    op.add_column("users", sa.Column("totp_enabled_at", MOMENT, nullable=True))
    op.add_column("users", sa.Column("totp_last_step", sa.BigInteger(), server_default="0", nullable=False))
    op.create_check_constraint(op.f("ck_users_role"), "users", "role IN ('user', 'moderator', 'admin')")
    op.create_check_constraint(
        op.f("ck_users_totp_has_secret"), "users", "(totp_enabled_at IS NULL) OR (totp_secret IS NOT NULL)"
    )


def _create_independent_tables() -> None:
    op.create_table(
        "rate_limits",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("full_at", MOMENT, nullable=False),
        sa.Column("token_seconds", sa.Double(), nullable=False),
        sa.Column("capacity", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_rate_limits")),
        prefixes=["UNLOGGED"],
        postgresql_with={"fillfactor": 50},
    )
    op.create_index("ix_rate_limits_full_at", "rate_limits", ["full_at"])
    op.create_table(
        "mails",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("available_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mails")),
    )
    op.create_index("ix_mails_unsent", "mails", ["available_at"], postgresql_where=sa.text("ended_at IS NULL"))


def _create_tables_of_users() -> None:
    op.create_table(
        "login_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("user_agent", sa.String(), server_default="", nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("last_used_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_login_sessions_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_sessions")),
    )
    op.create_index(op.f("ix_login_sessions_user_id"), "login_sessions", ["user_id"])
    op.create_index(op.f("ix_login_sessions_expires_at"), "login_sessions", ["expires_at"])
    # A family that is added between the copy and the trigger would be missing.
    op.execute("LOCK TABLE sessions IN SHARE ROW EXCLUSIVE MODE")
    for statement in (_BACKFILL, _ADD_FAMILY, _REVOKE_FAMILY, *_TRIGGERS):
        op.execute(statement)
    op.create_table(
        "one_time_tokens",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_one_time_tokens_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_one_time_tokens")),
    )
    op.create_index(op.f("ix_one_time_tokens_user_id"), "one_time_tokens", ["user_id"])
    op.create_index(op.f("ix_one_time_tokens_expires_at"), "one_time_tokens", ["expires_at"])
    op.create_table(
        "recovery_codes",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_recovery_codes_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "code_hash", name=op.f("pk_recovery_codes")),
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_users_totp_has_secret"), "users")
    op.drop_constraint(op.f("ck_users_role"), "users")
    for column in (
        "totp_last_step",
        "totp_enabled_at",
        "totp_secret",
        "email_verified_at",
        "role",
        "display_name",
    ):
        op.drop_column("users", column)
    op.execute("DROP TRIGGER revoke_login_session ON sessions")
    op.execute("DROP TRIGGER add_login_session ON sessions")
    op.execute("DROP FUNCTION revoke_login_session, add_login_session")
    op.drop_constraint(op.f("fk_sessions_family_id"), "sessions")
    for table in ("recovery_codes", "one_time_tokens", "login_sessions", "mails", "rate_limits"):
        op.drop_table(table)
    op.drop_index(
        "ix_jobs_never_started",
        table_name="jobs",
        postgresql_where=sa.text("status = 'canceled' AND attempt = 0"),
    )
