"""API keys; the sprite sheet as a kind of artifact; remixes."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.locks import lock_tables

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)
_SCOPES = '\'["jobs:read", "jobs:write", "videos:read", "videos:write", "admin"]\'::jsonb'


def upgrade() -> None:
    lock_tables(share_row_exclusive="users, jobs", access_exclusive="artifacts")
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("key_hash", sa.String(), nullable=False),
        sa.Column("scopes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", MOMENT, nullable=True),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.CheckConstraint(f"scopes <@ {_SCOPES} AND scopes <> '[]'::jsonb", name=op.f("ck_api_keys_scopes")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_api_keys_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_keys_key_hash")),
    )
    op.create_index(op.f("ix_api_keys_user_id"), "api_keys", ["user_id"])
    op.create_table(
        "remixes",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_remixes_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_remixes")),
    )
    _set_kinds("'video', 'poster', 'preview', 'spritesheet', 'base'")


def _set_kinds(kinds: str) -> None:
    op.drop_constraint(op.f("ck_artifacts_kind"), "artifacts")
    op.create_check_constraint(op.f("ck_artifacts_kind"), "artifacts", f"kind IN ({kinds})")


def downgrade() -> None:
    op.execute("DELETE FROM artifacts WHERE kind = 'spritesheet'")
    _set_kinds("'video', 'poster', 'preview', 'base'")
    op.drop_table("remixes")
    op.drop_table("api_keys")
