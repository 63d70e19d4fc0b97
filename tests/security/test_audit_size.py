"""What the audit log costs when it has ten million entries."""

import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from db import audit, engine
from db.audit import Action
from tests.conftest import Sessions
from tests.db.test_audit import FILL

ROWS = 10_000_000
REPEATS = 50
LIMIT_SECONDS = 0.05


@pytest.fixture
async def filled(owner_engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection of the owner. The entries take about 3.5 GB on the disk while the test runs."""
    async with owner_engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        raw = await connection.get_raw_connection()
        await raw.driver_connection.execute(FILL.replace(":rows", str(ROWS)), timeout=1000)
        await raw.driver_connection.execute("VACUUM ANALYZE audit_log", timeout=300)
        yield connection
        await connection.execute(text("TRUNCATE audit_log"))


@pytest.mark.long_attack
@pytest.mark.timeout(1200)
async def test_ten_million_entries(
    filled: AsyncConnection, owner_engine: AsyncEngine, sessions: Sessions, capsys: pytest.CaptureFixture[str]
) -> None:
    size = (await filled.execute(text("SELECT pg_total_relation_size('audit_log')"))).scalar_one()
    actor = (await filled.execute(text("SELECT actor_id FROM audit_log LIMIT 1"))).scalar_one()
    pages: dict[str, dict[str, Any]] = {
        "newest page": {}, "page in the middle": {"after": await id_at(filled, ROWS // 2)},
        "page of one action": {"action": "role_changed"}, "page of one actor": {"actor_id": actor},
        "page of one actor and one action": {"actor_id": actor, "action": "sign_in"},
        "page of an action that is missing": {"action": "missing"},
    }  # fmt: skip
    found = {"size of one entry with its indexes": f"{size / ROWS:.0f} bytes"}
    found |= {name: await median(sessions, partial(audit.page, limit=20, **pages[name])) for name in pages}
    new_entry = partial(audit.record, action=Action.SIGN_IN, actor_id=actor, address="192.0.2.1")
    found["one new entry"] = await median(sessions, new_entry)
    started = time.perf_counter()
    async with engine.sessions(owner_engine).begin() as session:
        deleted = await audit.purge(session, older_than_days=ROWS / 86_400 - 0.1, limit=10_000)
    found[f"deletion of {deleted} entries"] = f"{time.perf_counter() - started:.2f} s"
    with capsys.disabled():
        sys.stdout.writelines(f"\n| {name} | {value} |" for name, value in found.items())


async def id_at(connection: AsyncConnection, position: int) -> UUID:
    found = await connection.execute(text("SELECT id FROM audit_log ORDER BY id OFFSET :n LIMIT 1"), {"n": position})
    return UUID(str(found.scalar_one()))


async def median(sessions: Sessions, call: Callable[[AsyncSession], Awaitable[Any]]) -> str:
    seconds = []
    for _ in range(REPEATS):
        async with sessions.begin() as session:
            started = time.perf_counter()
            await call(session)
            seconds.append(time.perf_counter() - started)
    assert statistics.median(seconds) < LIMIT_SECONDS
    return f"{statistics.median(seconds) * 1000:.1f} ms"
