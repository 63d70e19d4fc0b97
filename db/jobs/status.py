"""The row behind `GET /api/status`: the login session or API key, the account and the job in one statement."""

from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import String, Uuid, and_, bindparam, select

from db import api_keys, login_sessions
from db.api_keys import KeyFacts
from db.direct import Direct, Row, Statement
from db.jobs.sql import JOB_ATTRIBUTES, JOB_COLUMNS
from db.tables import ApiKey, Job, LoginSession, User

_user_id: Final = bindparam("user_id", type_=Uuid())
READ: Final = Statement.of(
    select(*JOB_COLUMNS)
    .select_from(LoginSession)
    .join(User, User.id == LoginSession.user_id)
    .outerjoin(Job, and_(Job.id == bindparam("job_id", type_=Uuid()), Job.owner_id == _user_id))
    .where(LoginSession.id == bindparam("session_id", type_=Uuid()), User.id == _user_id, *login_sessions.live)
)
READ_BY_KEY: Final = Statement.of(
    select(*JOB_COLUMNS, *api_keys.columns)
    .select_from(ApiKey)
    .join(User, User.id == ApiKey.user_id)
    .outerjoin(Job, and_(Job.id == bindparam("job_id", type_=Uuid()), Job.owner_id == ApiKey.user_id))
    .where(ApiKey.key_hash == bindparam("key_hash", type_=String()), *api_keys.live)
)


class Found(NamedTuple):
    # False: the session was revoked or has expired, or the account is disabled.
    signed_in: bool
    # None if it does not exist, or another user owns it.
    job: Job | None


async def read(direct: Direct, job_id: UUID, *, user_id: UUID, session_id: UUID) -> Found:
    rows = await direct.read(READ, {"job_id": job_id, "user_id": user_id, "session_id": session_id})
    return Found(signed_in=bool(rows), job=_job(rows[0]) if rows else None)


async def read_by_key(direct: Direct, job_id: UUID, *, key_hash: str) -> tuple[KeyFacts | None, Job | None]:
    """The key, or None if it is not valid; and the job, or None if it does not exist or another user owns it."""
    rows = await direct.read(READ_BY_KEY, {"job_id": job_id, "key_hash": key_hash})
    return (KeyFacts.of(rows[0]), _job(rows[0])) if rows else (None, None)


def _job(row: Row) -> Job | None:
    return Job(**{name: row[name] for name in JOB_ATTRIBUTES}) if row["id"] else None
