"""The row behind `GET /api/status`: the login session, the account and the job in one statement."""

from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import Uuid, and_, bindparam, select

from db.direct import Direct, Statement
from db.login_sessions import live
from db.tables import Job, LoginSession, User

_user_id: Final = bindparam("user_id", type_=Uuid())
READ: Final = Statement.of(
    select(*Job.__table__.c)
    .select_from(LoginSession)
    .join(User, User.id == LoginSession.user_id)
    .outerjoin(Job, and_(Job.id == bindparam("job_id", type_=Uuid()), Job.owner_id == _user_id))
    .where(LoginSession.id == bindparam("session_id", type_=Uuid()), User.id == _user_id, *live)
)


class Found(NamedTuple):
    # False: the session was revoked or has expired, or the account is disabled.
    signed_in: bool
    # None if it does not exist, or another user owns it.
    job: Job | None


async def read(direct: Direct, job_id: UUID, *, user_id: UUID, session_id: UUID) -> Found:
    rows = await direct.read(READ, {"job_id": job_id, "user_id": user_id, "session_id": session_id})
    job = Job(**rows[0]) if rows and rows[0]["id"] else None
    return Found(signed_in=bool(rows), job=job)
