"""Webhooks and their deliveries.

Triggers write the deliveries in the transaction of the event: every statement that ends a job or decides on a video is
covered, also those of dispatchers and gateways of earlier versions during a rolling upgrade.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.locks import lock_tables

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

NOW = sa.text("now()")
MOMENT = sa.DateTime(timezone=True)
_EVENTS = """ARRAY['job.succeeded', 'job.failed', 'job.canceled',
    'video.hidden', 'video.rejected', 'video.restored']::varchar[]"""

# Locks the endpoints in one order, so that two events of one user do not deadlock. Users without endpoints cost one
# look into an index. A plan that was cached while the table was small would read all of it after it has grown.
WRITE_DELIVERIES = """
CREATE FUNCTION write_webhook_deliveries(owner uuid, event text, subject uuid)
RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    PERFORM FROM webhooks
    WHERE owner_id = owner AND disabled_at IS NULL AND events @> ARRAY[event]::varchar[] ORDER BY id FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    WITH called AS (
        UPDATE webhooks SET due_at = least(due_at, clock_timestamp())
        WHERE owner_id = owner AND disabled_at IS NULL AND events @> ARRAY[event]::varchar[]
        RETURNING id
    )
    INSERT INTO webhook_deliveries (id, webhook_id, type, subject_id) SELECT uuidv7(), id, event, subject FROM called;
END $$"""
JOB_ENDED = """
CREATE FUNCTION webhooks_follow_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM write_webhook_deliveries(NEW.owner_id, 'job.' || NEW.status, NEW.id);
    RETURN NULL;
END $$"""
VIDEO_MODERATED = """
CREATE FUNCTION webhooks_follow_video() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM write_webhook_deliveries(
        NEW.owner_id, 'video.' || replace(NEW.moderation_state, 'visible', 'restored'), NEW.id);
    RETURN NULL;
END $$"""
# Heartbeats and progress call no function.
TRIGGERS = (
    """CREATE TRIGGER webhooks_follow_job AFTER UPDATE OF finished_at ON jobs FOR EACH ROW
    WHEN (OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL) EXECUTE FUNCTION webhooks_follow_job()""",
    """CREATE TRIGGER webhooks_follow_video AFTER UPDATE OF moderation_state ON videos FOR EACH ROW
    WHEN (OLD.moderation_state <> NEW.moderation_state) EXECUTE FUNCTION webhooks_follow_video()""",
)


def upgrade() -> None:
    lock_tables(share_row_exclusive="users, jobs, videos")
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("description", sa.String(), server_default="", nullable=False),
        sa.Column("events", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("previous_secret", sa.String(), nullable=True),
        sa.Column("previous_secret_until", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("disabled_at", MOMENT, nullable=True),
        sa.Column("disabled_reason", sa.String(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failing_since", MOMENT, nullable=True),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("leased_until", MOMENT, nullable=True),
        sa.CheckConstraint(f"cardinality(events) > 0 AND events <@ {_EVENTS}", name=op.f("ck_webhooks_events")),
        sa.CheckConstraint(
            "disabled_reason IN ('owner', 'gone', 'failures')", name=op.f("ck_webhooks_disabled_reason")
        ),
        sa.CheckConstraint(
            "(disabled_at IS NULL) = (disabled_reason IS NULL)", name=op.f("ck_webhooks_disabled_has_reason")
        ),
        sa.CheckConstraint("disabled_at IS NULL OR due_at IS NULL", name=op.f("ck_webhooks_disabled_is_not_due")),
        sa.CheckConstraint(
            "(previous_secret IS NULL) = (previous_secret_until IS NULL)", name=op.f("ck_webhooks_previous_secret")
        ),
        sa.CheckConstraint(
            "failures >= 0 AND (failures = 0) = (failing_since IS NULL)", name=op.f("ck_webhooks_failures")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_webhooks_owner_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_index("ix_webhooks_owner_id_id", "webhooks", ["owner_id", "id"])
    op.create_index("ix_webhooks_due_at", "webhooks", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("available_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("attempted_at", MOMENT, nullable=True),
        sa.Column("response_status", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.CheckConstraint("state IN ('pending', 'delivered', 'failed')", name=op.f("ck_webhook_deliveries_state")),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_webhook_deliveries_attempts")),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name=op.f("fk_webhook_deliveries_webhook_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
    )
    op.create_index("ix_webhook_deliveries_webhook_id_id", "webhook_deliveries", ["webhook_id", "id"])
    op.create_index(
        "ix_webhook_deliveries_pending",
        "webhook_deliveries",
        ["webhook_id", "available_at"],
        postgresql_where=sa.text("state = 'pending'"),
    )
    for statement in (WRITE_DELIVERIES, JOB_ENDED, VIDEO_MODERATED, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TRIGGER webhooks_follow_video ON videos")
    op.execute("DROP TRIGGER webhooks_follow_job ON jobs")
    op.execute("DROP FUNCTION webhooks_follow_video(), webhooks_follow_job()")
    op.execute("DROP FUNCTION write_webhook_deliveries(uuid, text, uuid)")
    op.drop_table("webhook_deliveries")
    op.drop_table("webhooks")
