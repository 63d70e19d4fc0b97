"""An index for the time of a user's last start, which the fair order compares."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(
        "ix_jobs_started", "jobs", ["owner_id", "started_at"], postgresql_where=sa.text("started_at IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_jobs_started", table_name="jobs")
