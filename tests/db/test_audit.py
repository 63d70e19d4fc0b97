"""The audit log: pages by cursor, the retention, and what a page costs in a large table."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from db import audit, engine
from db.audit import MAX_ADDRESS_CHARS, Action, AuditEntry
from db.ids import first_uuid7, uuid7
from tests.conftest import Sessions

# One entry per second, the newest now, with ids as `uuid7` makes them.
FILL = """
    INSERT INTO audit_log (id, at, actor_id, action, target_type, target_id, address)
    SELECT (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 3)
        || '8' || substr(md5(n::text), 4, 15))::uuid,
        moment, md5((n % 1000)::text)::uuid, (ARRAY['sign_in', 'sign_in_refused', 'role_changed'])[1 + n % 3],
        'user', md5((n % 1000)::text)::uuid, '192.0.2.1'
    FROM (SELECT n, now() - n * interval '1 second' AS moment FROM generate_series(1, :rows) n) moments
"""


async def test_an_entry(sessions: Sessions) -> None:
    actor, target = uuid4(), uuid4()
    async with sessions.begin() as session:
        await audit.record(
            session,
            action=Action.ROLE_CHANGED,
            actor_id=actor,
            target=("user", target),
            address="a" * 1000,
            details={"to": "admin"},
        )
    async with sessions() as session:
        (entry,) = await audit.page(session, limit=10)
    assert (entry.actor_id, entry.target_type, entry.target_id) == (actor, "user", target)
    assert (entry.action, entry.details) == ("role_changed", {"to": "admin"})
    assert entry.address == "a" * MAX_ADDRESS_CHARS
    assert abs(entry.at - datetime.now(UTC)) < timedelta(seconds=30)


async def test_an_entry_is_rolled_back_with_its_action(sessions: Sessions) -> None:
    async with sessions() as session:
        await audit.record(session, action=Action.SIGN_IN, actor_id=None)
        await session.rollback()
        assert await audit.page(session, limit=1) == []


async def fill(session: AsyncSession, *entries: tuple[Action, UUID | None]) -> None:
    for action, actor in entries:
        await audit.record(session, action=action, actor_id=actor)


async def test_pages_and_filters(session: AsyncSession) -> None:
    alice, bob = uuid4(), uuid4()
    await fill(
        session, (Action.SIGN_IN, alice), (Action.SIGN_IN, bob), (Action.SIGN_OUT, alice), (Action.SIGN_IN, alice)
    )
    newest = await audit.page(session, limit=2)
    assert [(entry.action, entry.actor_id) for entry in newest] == [
        ("sign_in", alice), ("sign_out", alice), ("sign_in", bob),
    ]  # fmt: skip
    rest = await audit.page(session, limit=2, after=newest[1].id)
    assert [entry.actor_id for entry in rest] == [bob, alice]
    assert [entry.action for entry in await audit.page(session, limit=9, actor_id=alice)] == [
        "sign_in", "sign_out", "sign_in",
    ]  # fmt: skip
    assert len(await audit.page(session, limit=9, action="sign_in", actor_id=alice)) == 2
    assert await audit.page(session, limit=9, action="unknown") == []


async def test_the_oldest_entries_are_deleted_by_the_owner_only(owner_engine: AsyncEngine, sessions: Sessions) -> None:
    async with owner_engine.begin() as connection:
        await connection.execute(text(FILL), {"rows": 40})
    cutoff = datetime.now(UTC) - timedelta(days=1)
    async with sessions.begin() as session:
        for moment in (cutoff - timedelta(hours=2), cutoff - timedelta(hours=1), cutoff + timedelta(hours=1)):
            session.add(AuditEntry(id=first_uuid7(moment), action="sign_in", address=str(moment)))
    async with sessions.begin() as session:
        with pytest.raises(DBAPIError, match="permission denied"):
            await audit.purge(session, older_than_days=1, limit=10)
    async with engine.sessions(owner_engine).begin() as session:
        assert await audit.purge(session, older_than_days=1, limit=1) == 1
        assert await audit.purge(session, older_than_days=1, limit=10) == 1
        assert await audit.purge(session, older_than_days=1, limit=10) == 0
    async with sessions() as session:
        assert len(list(await session.scalars(select(AuditEntry.id)))) == 41


def test_the_first_id_of_a_moment_separates_earlier_and_later_ids() -> None:
    before, moment = uuid7(), datetime.now(UTC) + timedelta(milliseconds=2)
    assert before < first_uuid7(moment) < first_uuid7(moment + timedelta(milliseconds=1))
    assert first_uuid7(moment - timedelta(seconds=1)) < uuid7()
    assert (first_uuid7(moment).version, first_uuid7(moment).variant) == (7, before.variant)


QUERIES = {
    "newest": "SELECT * FROM audit_log ORDER BY id DESC LIMIT 21",
    "next page": "SELECT * FROM audit_log WHERE id < '{middle}' ORDER BY id DESC LIMIT 21",
    "one action": "SELECT * FROM audit_log WHERE action = 'role_changed' AND id < '{middle}' ORDER BY id DESC LIMIT 21",
    "a rare action": "SELECT * FROM audit_log WHERE action = 'rare' ORDER BY id DESC LIMIT 21",
    "one actor": "SELECT * FROM audit_log WHERE actor_id = '{actor}' ORDER BY id DESC LIMIT 21",
    "the oldest": "SELECT id FROM audit_log WHERE id < '{oldest}' ORDER BY id LIMIT 1000",
}


@pytest.mark.parametrize("query", QUERIES)
async def test_a_page_reads_an_index(owner_engine: AsyncEngine, query: str) -> None:
    """In 20,000 rows; the number of buffers does not depend on their number."""
    async with owner_engine.begin() as connection:
        await connection.execute(text(FILL), {"rows": 20_000})
    async with owner_engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        await connection.execute(text("ANALYZE audit_log"))
        middle = (await connection.execute(text("SELECT id FROM audit_log ORDER BY id OFFSET 10000 LIMIT 1"))).scalar()
        actor = (await connection.execute(text("SELECT actor_id FROM audit_log LIMIT 1"))).scalar()
        statement = QUERIES[query].format(
            middle=middle, actor=actor, oldest=first_uuid7(datetime(2020, 1, 1, tzinfo=UTC))
        )
        plan = "\n".join(
            row[0] for row in await connection.execute(text(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {statement}"))
        )
    assert "Seq Scan" not in plan, plan
    hits = plan.split("Buffers: shared hit=")[1].split()[0]
    assert int(hits) < 150, plan
