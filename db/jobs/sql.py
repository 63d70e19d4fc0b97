"""SQL expressions that the statements of this package share."""

from typing import Final

from db.tables import Job

# All that a statement of `db.direct` reads of a job, and the names in its rows.
JOB_COLUMNS: Final = (*Job.__table__.c, Job.video_id)
JOB_ATTRIBUTES: Final = (*(column.name for column in Job.__table__.c), "video_id")

# Part of every SET clause whose change a client can see.
TOUCHED: Final = "revision = jobs.revision + 1, updated_at = clock_timestamp()"


def notify(event: str) -> str:
    """An SQL expression for a RETURNING clause that notifies channel `jobs` of the change; `event` is SQL too."""
    return (
        "pg_notify('jobs', json_build_object('type', " + event + ", 'job_id', jobs.id, 'owner_id', jobs.owner_id, "
        "'revision', jobs.revision)::text)"
    )
