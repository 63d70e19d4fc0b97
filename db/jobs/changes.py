"""What the event hub of a gateway reads: jobs regardless of their owner, so never for a request."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, select

from db.direct import Direct, Statement
from db.jobs.sql import JOB_COLUMNS
from db.tables import Job

_JOBS: Final = Statement.of(select(*JOB_COLUMNS).where(Job.id == any_(bindparam("ids", type_=ARRAY(Uuid())))))
_VERSIONS: Final = Statement.of("""
    SELECT id, owner_id, status, revision, updated_at FROM jobs
    WHERE owner_id = ANY(CAST(:owner_ids AS uuid[])) AND status = 'queued'
    UNION
    SELECT id, owner_id, status, revision, updated_at FROM jobs
    WHERE owner_id = ANY(CAST(:owner_ids AS uuid[])) AND status = 'running'
    UNION
    SELECT id, owner_id, status, revision, updated_at FROM jobs WHERE id = ANY(CAST(:ids AS uuid[]))
    UNION
    SELECT newest.* FROM unnest(CAST(:owner_ids AS uuid[])) AS owners(id) CROSS JOIN LATERAL (
        SELECT jobs.id, owner_id, status, revision, updated_at FROM jobs WHERE owner_id = owners.id
        ORDER BY jobs.id DESC LIMIT :newest
    ) AS newest""")
# Has the members of every notification of this channel, because gateways of earlier versions read them.
_PROBE: Final = Statement.of("""
    SELECT pg_notify('jobs', json_build_object('type', 'probe', 'job_id', CAST(:hub AS uuid),
        'owner_id', '00000000-0000-0000-0000-000000000000', 'revision', 0)::text)""")


@dataclass(frozen=True, slots=True)
class Version:
    """The columns of a job that show whether it has changed."""

    id: UUID
    owner_id: UUID
    status: str
    revision: int
    updated_at: datetime


async def jobs(direct: Direct, ids: Iterable[UUID]) -> list[Job]:
    """These jobs, as far as they exist."""
    return [Job(**row) for row in await direct.read(_JOBS, {"ids": list(ids)})]


async def versions(direct: Direct, owner_ids: Iterable[UUID], ids: Collection[UUID], *, newest: int) -> list[Version]:
    """The open jobs of these users, their newest jobs, and these jobs."""
    values = {"owner_ids": list(owner_ids), "ids": list(ids), "newest": newest}
    return [Version(**row) for row in await direct.read(_VERSIONS, values)]


async def probe(direct: Direct, hub: UUID) -> None:
    """Notify the hub of this id."""
    await direct.read(_PROBE, {"hub": hub})
