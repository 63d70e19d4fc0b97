"""Share links, reports and moderation."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.locks import lock_tables

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

NOW = sa.text("now()")
MOMENT = sa.DateTime(timezone=True)
OPEN = sa.text("closed_at IS NULL")
CLOSED = sa.text("closed_at IS NOT NULL")
VIDEO_FILE = sa.text("kind = 'video'")
BASE_HASH: sa.ColumnElement[str] = sa.literal_column("(base ->> 'sha256')")
# In the transaction of publish: a video whose file or base clip is on the block list is rejected, and the rows of its
# objects are deleted; the garbage collection then deletes the objects. The lock is the other half of the one in
# db/moderation/block_list.py. Dispatchers of the release before are covered, since the trigger is on `artifacts`.
_REJECT_BLOCKED = """
    CREATE FUNCTION reject_blocked_video() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        base_clip jsonb := (SELECT base FROM videos WHERE id = NEW.video_id);
        listed blocked_hashes;
        copy CONSTANT text := 'The video is a copy of one that a moderator has removed.';
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(4217, 20);
        SELECT * INTO listed FROM blocked_hashes WHERE sha256 IN (NEW.sha256, base_clip ->> 'sha256') LIMIT 1;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        UPDATE videos SET moderation_state = 'rejected', moderation_reason = listed.reason,
            moderation_statement = copy, moderated_at = clock_timestamp(), updated_at = clock_timestamp(),
            visibility = 'private', published_at = NULL, base = NULL
        WHERE id = NEW.video_id;
        INSERT INTO moderation_decisions (id, video_id, automatic, action, reason, statement)
        VALUES (uuidv7(), NEW.video_id, true, 'reject', listed.reason, copy);
        UPDATE artifacts SET expires_at = least(expires_at, now()) WHERE key = base_clip ->> 'key' AND kind = 'base';
        DELETE FROM artifacts WHERE video_id = NEW.video_id AND kind <> 'base';
        RETURN NULL;
    END $$
"""
_TRIGGER = """
    CREATE TRIGGER reject_blocked_video AFTER INSERT OR UPDATE OF video_id ON artifacts
    FOR EACH ROW WHEN (NEW.kind = 'video' AND NEW.video_id IS NOT NULL) EXECUTE FUNCTION reject_blocked_video()
"""


def upgrade() -> None:
    lock_tables(share_row_exclusive="users, videos, artifacts")
    op.create_index("ix_artifacts_sha256", "artifacts", ["sha256"], postgresql_where=VIDEO_FILE)
    op.create_index("ix_videos_base_sha256", "videos", [BASE_HASH], postgresql_where=sa.text("base IS NOT NULL"))
    _create_shares()
    _create_reports()
    _create_decisions()
    op.create_table(
        "blocked_hashes",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("video_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_blocked_hashes_sha256")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_blocked_hashes")),
    )
    op.execute(_REJECT_BLOCKED)
    op.execute(_TRIGGER)


def _create_shares() -> None:
    op.create_table(
        "shares",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("video_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("show_prompt", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("views", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.CheckConstraint("views >= 0", name=op.f("ck_shares_views")),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], name=op.f("fk_shares_video_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shares")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_shares_token_hash")),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index("ix_shares_video_id", "shares", ["video_id", "id"])
    op.create_index(
        "ix_shares_expires_at", "shares", ["expires_at"], postgresql_where=sa.text("expires_at IS NOT NULL")
    )


def _create_reports() -> None:
    op.create_table(
        "reports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("video_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("details", sa.String(), server_default="", nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.Column(
            "rank",
            sa.Integer(),
            sa.Computed("CASE WHEN reason IN ('minors', 'ncii') THEN 0 ELSE 1 END", persisted=True),
            nullable=False,
        ),
        sa.CheckConstraint(
            "reason IN ('minors', 'ncii', 'violence', 'hate', 'copyright', 'spam', 'other')",
            name=op.f("ck_reports_reason"),
        ),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], name=op.f("fk_reports_video_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
    )
    op.create_index("ix_reports_open", "reports", ["rank", "id"], postgresql_where=OPEN)
    op.create_index("ix_reports_closed", "reports", ["id"], postgresql_where=CLOSED)
    op.create_index("ix_reports_closed_at", "reports", ["closed_at"], postgresql_where=CLOSED)
    op.create_index("ix_reports_open_of_video", "reports", ["video_id", "reason"], postgresql_where=OPEN)
    op.create_index("ix_reports_video_id", "reports", ["video_id", "id"])


def _create_decisions() -> None:
    op.create_table(
        "moderation_decisions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("video_id", sa.Uuid(), nullable=False),
        sa.Column("moderator_id", sa.Uuid(), nullable=True),
        sa.Column("automatic", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("statement", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint("action IN ('hide', 'reject', 'restore')", name=op.f("ck_moderation_decisions_action")),
        sa.ForeignKeyConstraint(
            ["video_id"], ["videos.id"], name=op.f("fk_moderation_decisions_video_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["moderator_id"], ["users.id"], name=op.f("fk_moderation_decisions_moderator_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_moderation_decisions")),
    )
    op.create_index("ix_moderation_decisions_video_id", "moderation_decisions", ["video_id", "id"])
    op.create_index(
        "ix_moderation_decisions_moderator_id",
        "moderation_decisions",
        ["moderator_id"],
        postgresql_where=sa.text("moderator_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER reject_blocked_video ON artifacts")
    op.execute("DROP FUNCTION reject_blocked_video")
    op.drop_index("ix_videos_base_sha256", table_name="videos")
    op.drop_index("ix_artifacts_sha256", table_name="artifacts")
    for table in ("blocked_hashes", "moderation_decisions", "reports", "shares"):
        op.drop_table(table)
