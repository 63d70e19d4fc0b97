"""Database work that is repeated while the database is unreachable, and only then."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.worker.retry import persist
from tests.conftest import Sessions


async def test_a_write_is_repeated_until_the_database_answers(sessions: Sessions) -> None:
    calls = 0

    async def write(session: AsyncSession) -> int:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise OperationalError("UPDATE", {}, ConnectionResetError())
        return int((await session.execute(text("SELECT 7"))).scalar_one())

    assert await persist(sessions, write, job_id="1") == 7
    assert calls == 3


async def test_a_wrong_statement_is_raised_at_once(sessions: Sessions) -> None:
    calls = 0

    async def write(session: AsyncSession) -> None:
        nonlocal calls
        calls += 1
        await session.execute(text("SELECT no_such_column FROM jobs"))

    with pytest.raises(ProgrammingError):
        await persist(sessions, write, job_id="1")
    assert calls == 1
