"""What administrators see of the system: the dispatchers, measured figures, and indexes of jobs over all users."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

NOW = sa.text("now()")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "dispatchers",
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("jobs", sa.Integer(), nullable=False),
        sa.Column("replicas", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("started_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("seen_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint("jobs >= 1", name=op.f("ck_dispatchers_jobs")),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_dispatchers")),
    )
    op.create_table(
        "system_figures",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("figures", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("measured_at", MOMENT, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_system_figures")),
    )
    op.create_index("ix_jobs_waiting", "jobs", ["created_at"], postgresql_where=sa.text("status = 'queued'"))
    op.create_index(
        "ix_jobs_ended",
        "jobs",
        ["status", "finished_at", "id"],
        postgresql_where=sa.text("finished_at IS NOT NULL"),
    )
    op.create_index(
        "ix_jobs_error_code",
        "jobs",
        [sa.literal_column("(error ->> 'code')"), "finished_at", "id"],
        postgresql_where=sa.text("status = 'failed'"),
    )


def downgrade() -> None:
    for name in ("ix_jobs_error_code", "ix_jobs_ended", "ix_jobs_waiting"):
        op.drop_index(name, table_name="jobs")
    op.drop_table("system_figures")
    op.drop_table("dispatchers")
