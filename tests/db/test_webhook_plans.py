"""Webhooks with many users: no statement reads a whole table. tests/security measures the same with more rows."""

import re
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from db import webhook_queue, webhooks
from db.jobs import queries as jobs
from db.tables import Webhook, WebhookDelivery
from tests.conftest import Sessions
from tests.db.conftest import Call, Life
from tests.db.test_sharing_plans import explain
from tests.db.webhooks import claim, delivered, execute

FILL = """
    INSERT INTO users (id, email, password_hash)
    SELECT uuidv7(), n || '@example.com', 'x' FROM generate_series(1, {users}) AS n;
    INSERT INTO webhooks (id, owner_id, url, events, secret, due_at)
    SELECT uuidv7(), id, 'https://x.example/', '{{job.succeeded}}', 'x', now() + interval '1 day' FROM users;
    INSERT INTO webhook_deliveries (id, webhook_id, type, subject_id, state, available_at)
    SELECT uuidv7(), webhooks.id, 'job.succeeded', uuidv7(), CASE WHEN k = 1 THEN 'pending' ELSE 'delivered' END,
        now() + interval '1 day'
    FROM webhooks CROSS JOIN generate_series(1, 10) AS k;
    VACUUM ANALYZE users, webhooks, webhook_deliveries
"""


async def fill(owner_engine: AsyncEngine, users: int) -> None:
    """So many users with an endpoint, and ten times as many deliveries, of which a tenth waits for its attempt."""
    async with owner_engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        raw = await connection.get_raw_connection()
        for statement in FILL.format(users=users).split(";"):
            await raw.driver_connection.execute(statement, timeout=600)


async def empty(owner_engine: AsyncEngine) -> None:
    async with owner_engine.begin() as connection:
        await connection.execute(text("TRUNCATE users CASCADE"))


async def statements_read_whole(sessions: Sessions, call: Call) -> dict[str, str]:
    """The plans with a sequential scan of a large table."""
    async with sessions() as session:
        webhook = (await session.scalars(select(Webhook).limit(1))).one()
        delivery_id = (await session.scalars(select(WebhookDelivery.id).limit(1))).one()
    await execute(sessions, "UPDATE webhooks SET due_at = now() WHERE id = :id", id=webhook.id)
    await execute(sessions, "UPDATE webhook_deliveries SET available_at = now() WHERE webhook_id = :id", id=webhook.id)
    batch = await claim(call)
    # Only for the plan of the statement that enables it.
    webhook.disabled_at = datetime.now(UTC)
    calls: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]] = {
        "claim": (webhook_queue.claim, (), {}),
        "finish": (webhook_queue.finish, (batch.webhook, delivered(batch)), {}),
        "purge": (webhook_queue.purge, (), {"limit": 100}),
        "list": (webhooks.page, (), {"owner_id": webhook.owner_id, "limit": 20}),
        "log": (webhooks.deliveries, (webhook.id,), {"limit": 20}),
        "test": (webhooks.add_test, (webhook,), {}),
        "redeliver": (webhooks.redeliver, (webhook, delivery_id), {}),
        "enable": (webhooks.change, (webhook,), {"enabled": True}),
    }
    plans = {
        name: await explain(sessions, function, *args, **values) for name, (function, args, values) in calls.items()
    }
    await call(webhook_queue.finish, batch.webhook, delivered(batch))
    return {name: plan for name, plan in plans.items() if "Seq Scan" in plan}


async def measure(sessions: Sessions, life: Life, call: Call, owner: UUID) -> dict[str, float]:
    """The median milliseconds of a claim that finds nothing, and of the end of a job with and without an endpoint."""

    async def median(action: Any, repeats: int = 21) -> float:
        times = []
        for _ in range(repeats):
            prepared = await action(None)
            started = time.perf_counter()
            await action(prepared)
            times.append(time.perf_counter() - started)
        return sorted(times)[repeats // 2] * 1000

    async def claim_nothing(_: Any) -> Any:
        return await call(webhook_queue.claim)

    def end_of(user: UUID) -> Any:
        async def end(job: Any) -> Any:
            if job is None:
                return await life.queued(user)
            return await call(jobs.request_cancel, job.id, owner_id=user)

        return end

    return {
        "trigger, no endpoint": await trigger_ms(sessions, life.owner),
        "trigger, one endpoint": await trigger_ms(sessions, owner),
        "claim, nothing is due": await median(claim_nothing),
        "end of a job, no endpoint": await median(end_of(life.owner)),
        "end of a job, one endpoint": await median(end_of(owner)),
    }


async def trigger_ms(sessions: Sessions, owner: UUID, ended: int = 500) -> float:
    """The milliseconds that the trigger takes for the end of one job, as PostgreSQL measures them."""
    submit = """INSERT INTO jobs (id, owner_id, spec)
        SELECT uuidv7(), :owner, '{}' FROM generate_series(1, :ended)"""
    await execute(sessions, submit, owner=owner, ended=ended)
    end = """EXPLAIN (ANALYZE) UPDATE jobs SET status = 'canceled', cancel_requested_at = now(), finished_at = now()
        WHERE owner_id = :owner AND status = 'queued'"""
    async with sessions.begin() as session:
        plan = "\n".join(await session.scalars(text(end), {"owner": owner}))
    found = re.search(r"Trigger webhooks_follow_job: time=([\d.]+) calls=(\d+)", plan)
    assert found is not None, plan
    assert int(found[2]) == ended
    return float(found[1]) / ended


async def check_size(
    users: int, life: Life, call: Call, sessions: Sessions, owner_engine: AsyncEngine
) -> dict[str, float]:
    try:
        await fill(owner_engine, users)
        await execute(
            sessions,
            """UPDATE webhooks SET events = '{job.succeeded,job.canceled}'
            WHERE id = (SELECT id FROM webhooks WHERE owner_id <> :owner LIMIT 1)""",
            owner=life.owner,
        )
        async with sessions() as session:
            owner = (await session.scalars(text("SELECT owner_id FROM webhooks WHERE cardinality(events) = 2"))).one()
        assert await statements_read_whole(sessions, call) == {}
        await execute(sessions, "DELETE FROM webhooks WHERE owner_id = :owner", owner=life.owner)
        return await measure(sessions, life, call, owner)
    finally:
        await empty(owner_engine)


async def test_no_statement_reads_a_whole_table(
    life: Life, call: Call, sessions: Sessions, owner_engine: AsyncEngine
) -> None:
    await check_size(5_000, life, call, sessions, owner_engine)
