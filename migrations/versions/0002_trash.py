"""The trash: jobs.trashed_at."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("trashed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("ck_jobs_trashed_has_ended"), "jobs", "trashed_at IS NULL OR finished_at IS NOT NULL"
    )
    op.create_index("ix_jobs_trashed_at", "jobs", ["trashed_at"], postgresql_where=sa.text("trashed_at IS NOT NULL"))


def downgrade() -> None:
    op.drop_index("ix_jobs_trashed_at", table_name="jobs")
    op.drop_constraint(op.f("ck_jobs_trashed_has_ended"), "jobs")
    op.drop_column("jobs", "trashed_at")
