"""Migration 0004 on filled tables, while a gateway of the release before keeps working."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from db import engine as engines
from db import login_sessions, migrate, refresh_tokens
from db.ids import uuid7
from tests.migrations.conftest import MakeDatabase, working

FAMILIES = 2000
JOBS = 20_000
FILL = f"""
    INSERT INTO users (id, email, password_hash)
    SELECT gen_random_uuid(), n || '@example.org', 'x' FROM generate_series(0, 99) n;
    INSERT INTO sessions (id, user_id, family_id, refresh_hash, user_agent, expires_at, created_at)
    SELECT gen_random_uuid(), users.id, gen_random_uuid(), users.id::text || n, 'browser',
        now() + interval '9 days', now() - interval '1 day'
    FROM users, generate_series(1, {FAMILIES // 100}) n;
    UPDATE sessions SET revoked_at = now() WHERE refresh_hash LIKE '%1';
    INSERT INTO jobs (id, owner_id, spec, status, cancel_requested_at, finished_at)
    SELECT gen_random_uuid(), (SELECT id FROM users LIMIT 1), '{{}}', 'canceled', now(), now()
    FROM generate_series(1, {JOBS});
"""
# The statements of the release before.
CREATE_FAMILY = """
    INSERT INTO sessions (id, user_id, family_id, refresh_hash, user_agent, expires_at)
    VALUES ($1, $2, $3, $4, 'browser', now() + interval '30 days')
"""
ROTATE = "UPDATE sessions SET rotated_at = clock_timestamp() WHERE refresh_hash = $1"
REVOKE = "UPDATE sessions SET revoked_at = now() WHERE family_id = $1 AND revoked_at IS NULL"
READ = "SELECT count(*) FROM users WHERE lower(email) = lower('0@example.org')"


async def use_a_session(connection: asyncpg.Connection, user: UUID, number: int) -> tuple[UUID, bool]:
    """Sign in, refresh, read, and revoke every third family."""
    family, revoked = uuid7(), number % 3 == 0
    await connection.execute(CREATE_FAMILY, uuid7(), user, family, f"old {number}")
    await connection.execute(ROTATE, f"old {number}")
    await connection.execute(CREATE_FAMILY, uuid7(), user, family, f"next {number}")
    await connection.fetchval(READ)
    if revoked:
        await connection.execute(REVOKE, family)
    return family, revoked


async def test_the_old_gateway_keeps_working_during_and_after_the_migration(database_at: MakeDatabase) -> None:
    url = await database_at("0003", FILL)
    async with working(url, use_a_session) as old:
        await asyncio.to_thread(migrate.upgrade, url, "0004")
    assert old.longest < 5
    engine = engines.connect(url)
    try:
        await check(engine, old.done)
    finally:
        await engine.dispose()


async def check(engine: AsyncEngine, families: dict[UUID, bool]) -> None:
    """Every family has its session; it is live unless it was revoked, and its token can be used by this release."""
    sessions = engines.sessions(engine)

    async def scalar(query: str) -> Any:
        async with engine.connect() as connection:
            return (await connection.exec_driver_sql(query)).scalar()

    assert len(families) > 10
    assert await scalar("SELECT count(*) FROM login_sessions") == FAMILIES + len(families)
    assert (
        await scalar("""SELECT count(*) FROM login_sessions JOIN sessions ON family_id = login_sessions.id
        WHERE (login_sessions.revoked_at IS NULL) <> (sessions.revoked_at IS NULL)""")
        == 0
    )
    assert await scalar("SELECT bool_and(created_at <= now()) FROM login_sessions")
    async with sessions() as session:
        live = await login_sessions.live_ids(session, families)
    assert live == {family for family, revoked in families.items() if not revoked}
    async with sessions.begin() as session:
        token = await session.get_one(refresh_tokens.LoginSession, next(iter(live)))
        number = list(families).index(token.id)
        rotated = await refresh_tokens.rotate(
            session, refresh_hash=f"next {number}", new_hash="new", lifetime_seconds=60
        )
        assert rotated is not None
        assert await login_sessions.revoke(session, token.id, user_id=token.user_id)
    assert await scalar(f"SELECT bool_and(revoked_at IS NOT NULL) FROM sessions WHERE family_id = '{token.id}'")
