"""The row behind `GET /api/status`."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from db import login_sessions, users
from db.direct import Direct
from db.jobs import status
from tests.conftest import MakeUser
from tests.db.conftest import Call, Life


@pytest.fixture
async def direct(database_url: str) -> AsyncIterator[Direct]:
    direct = Direct(database_url, size=1)
    yield direct
    await direct.close()


async def test_the_job_of_a_signed_in_user(life: Life, make_user: MakeUser, call: Call, direct: Direct) -> None:
    job = await life.queued()
    session = await call(login_sessions.create, user_id=life.owner, lifetime_seconds=60)
    values = {"user_id": life.owner, "session_id": session.id}
    found = await status.read(direct, job.id, **values)
    assert found.signed_in
    assert found.job is not None
    assert (found.job.id, found.job.spec, found.job.shown_status) == (job.id, job.spec, "queued")
    assert await status.read(direct, UUID(int=1), **values) == (True, None)

    other = await make_user()
    foreign = await call(login_sessions.create, user_id=other, lifetime_seconds=60)
    assert await status.read(direct, job.id, user_id=other, session_id=foreign.id) == (True, None)
    assert await status.read(direct, job.id, user_id=life.owner, session_id=foreign.id) == (False, None)

    await call(users.set_disabled, life.owner, disabled=True)
    assert await status.read(direct, job.id, **values) == (False, None)


@pytest.mark.parametrize("lifetime", [60, -1])
async def test_an_ended_session_is_signed_out(life: Life, call: Call, direct: Direct, lifetime: int) -> None:
    job = await life.queued()
    session = await call(login_sessions.create, user_id=life.owner, lifetime_seconds=lifetime)
    await call(login_sessions.revoke, session.id, user_id=life.owner)
    found = await status.read(direct, job.id, user_id=life.owner, session_id=session.id)
    assert found == (False, None)
