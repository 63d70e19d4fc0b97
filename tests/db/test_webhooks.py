"""The triggers that write deliveries, and the leases of endpoints."""

import asyncio
import re
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from db import webhook_queue, webhooks
from db.errors import TooManyWebhooks
from db.jobs import leases
from db.jobs import queries as jobs
from db.tables import Moderation, Webhook, WebhookDelivery, WebhookEvent
from db.webhook_queue import Attempt, Batch
from tests.conftest import MakeUser, Sessions
from tests.db.conftest import Call, Life, video
from tests.db.test_sharing_plans import explain

ENDED = [WebhookEvent.JOB_SUCCEEDED, WebhookEvent.JOB_FAILED, WebhookEvent.JOB_CANCELED]


async def add(call: Call, owner: UUID, *events: WebhookEvent, **values: Any) -> Webhook:
    options = {"url": "https://x.example/", "description": "", "secret": "x", "webhooks_per_user": 10, **values}
    made: Webhook = await call(webhooks.create, owner_id=owner, events=events or ENDED, **options)
    return made


async def written(sessions: Sessions) -> list[WebhookDelivery]:
    async with sessions() as session:
        return list(await session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))


async def execute(sessions: Sessions, statement: str, **values: Any) -> None:
    async with sessions.begin() as session:
        await session.execute(text(statement), values)


async def claim(call: Call) -> Batch:
    batch = await call(webhook_queue.claim)
    assert batch is not None
    return batch  # type: ignore[no-any-return]


def delivered(batch: Batch) -> list[Attempt]:
    return [Attempt(one, 200, None, 5) for one in batch.deliveries]


def failed(batch: Batch) -> list[Attempt]:
    return [Attempt(one, 500, "the answer was 500", 5) for one in batch.deliveries]


async def test_every_end_of_a_job_writes_a_delivery(life: Life, call: Call, sessions: Sessions) -> None:
    webhook = await add(call, life.owner)
    succeeded, failed_job, canceled = await life.succeeded(), await life.failed(), await life.canceled()
    stopped = await life.running()
    await call(jobs.request_cancel, stopped.job_id, owner_id=life.owner)
    await call(leases.cancel, stopped)
    lost = await life.running(lease_seconds=-1)
    await life.change(lost.job_id, "losses = 2, attempt = 3")
    await execute(sessions, "UPDATE attempts SET attempt = 3 WHERE job_id = :id", id=lost.job_id)
    await life.rescue()
    found = [(one.type, one.subject_id) for one in await written(sessions)]
    assert found == [
        ("job.succeeded", succeeded.job_id), ("job.failed", failed_job.job_id), ("job.canceled", canceled.id),
        ("job.canceled", stopped.job_id), ("job.failed", lost.job_id),
    ]  # fmt: skip
    assert {one.webhook_id for one in await written(sessions)} == {webhook.id}


async def test_nothing_else_writes_a_delivery(life: Life, call: Call, sessions: Sessions) -> None:
    await add(call, life.owner)
    lease = await life.running()
    await call(leases.beat, lease, lease_seconds=30)
    await call(leases.progress, lease, progress={"value": 0.5}, eta_seconds=1)
    await life.fail(lease, retry=True)
    ended = await life.succeeded()
    await execute(sessions, "UPDATE jobs SET trashed_at = now(), finished_at = now() WHERE id = :id", id=ended.job_id)
    assert [one.type for one in await written(sessions)] == ["job.succeeded"]


async def test_a_delivery_exists_with_the_end_of_the_job_or_not_at_all(
    life: Life, call: Call, sessions: Sessions
) -> None:
    await add(call, life.owner)
    lease = await life.running()
    async with sessions() as session:
        await leases.publish(session, lease, resolved={"seed": 7}, warnings=[], artifacts=[video(lease)])
        assert len(list(await session.scalars(select(WebhookDelivery)))) == 1
        await session.rollback()
    assert await written(sessions) == []
    assert await call(webhook_queue.claim) is None


async def test_only_endpoints_that_want_the_event_get_it(
    life: Life, call: Call, sessions: Sessions, make_user: MakeUser
) -> None:
    wanting = await add(call, life.owner)
    await add(call, life.owner, WebhookEvent.JOB_FAILED)
    await add(call, await make_user())
    disabled = await add(call, life.owner)
    await call(webhooks.change, disabled, enabled=False)
    await life.succeeded()
    assert [one.webhook_id for one in await written(sessions)] == [wanting.id]


@pytest.mark.parametrize("state", [Moderation.HIDDEN, Moderation.REJECTED])
async def test_decisions_on_videos_write_deliveries(life: Life, call: Call, sessions: Sessions, state: str) -> None:
    await add(call, life.owner, *WebhookEvent)
    await life.succeeded()
    change = "UPDATE videos SET moderation_state = :state, moderated_at = now()"
    for one in (state, state, Moderation.VISIBLE):
        await execute(sessions, change, state=one)
    assert [one.type for one in await written(sessions)] == ["job.succeeded", f"video.{state}", "video.restored"]


async def test_every_event_that_a_trigger_can_write_is_known(sessions: Sessions, life: Life, call: Call) -> None:
    events = {"job.succeeded", "job.failed", "job.canceled", "video.hidden", "video.rejected", "video.restored"}
    assert {*WebhookEvent} == events
    webhook = await add(call, life.owner)
    with pytest.raises(IntegrityError, match="ck_webhooks_events"):
        await execute(sessions, "UPDATE webhooks SET events = '{job.started}' WHERE id = :id", id=webhook.id)
    with pytest.raises(IntegrityError, match="ck_webhooks_disabled_has_reason"):
        await execute(sessions, "UPDATE webhooks SET disabled_at = now()")
    await life.succeeded()
    with pytest.raises(IntegrityError, match="ck_webhook_deliveries_state"):
        await execute(sessions, "UPDATE webhook_deliveries SET state = 'sent'")


async def test_the_limit_of_a_user_is_exact(call: Call, life: Life) -> None:
    made = await asyncio.gather(*(add(call, life.owner, webhooks_per_user=3) for _ in range(8)), return_exceptions=True)
    assert [type(one) for one in made if not isinstance(one, Webhook)] == [TooManyWebhooks] * 5


async def test_an_endpoint_is_leased_to_one_gateway(life: Life, call: Call) -> None:
    await add(call, life.owner)
    for _ in range(7):
        await life.succeeded()
    batch = await claim(call)
    assert len(batch.deliveries) == webhook_queue.BATCH
    assert await call(webhook_queue.claim) is None
    assert await call(webhook_queue.finish, batch.webhook, delivered(batch)) is None
    assert len((await claim(call)).deliveries) == 2


async def test_two_gateways_claim_two_endpoints(life: Life, call: Call) -> None:
    for _ in range(2):
        await add(call, life.owner)
    await life.succeeded()
    batches = await asyncio.gather(claim(call), claim(call))
    assert len({batch.webhook.id for batch in batches}) == 2


async def test_a_lease_that_was_lost_records_nothing(life: Life, call: Call, sessions: Sessions) -> None:
    await add(call, life.owner)
    await life.succeeded()
    first = await claim(call)
    await execute(sessions, "UPDATE webhooks SET leased_until = now() - interval '1 second'")
    second = await claim(call)
    await call(webhook_queue.finish, first.webhook, failed(first))
    (delivery,) = await written(sessions)
    assert (delivery.state, delivery.attempts) == ("pending", 0)
    assert await call(webhook_queue.claim) is None, "the lease of the second gateway was returned by the first"
    await call(webhook_queue.finish, second.webhook, delivered(second))
    (delivery,) = await written(sessions)
    assert (delivery.state, delivery.attempts) == ("delivered", 1)


async def test_an_event_while_the_endpoint_is_leased_is_not_forgotten(life: Life, call: Call) -> None:
    await add(call, life.owner)
    await life.succeeded()
    batch = await claim(call)
    await life.succeeded()
    await call(webhook_queue.finish, batch.webhook, delivered(batch))
    assert len((await claim(call)).deliveries) == 1


async def test_an_event_that_commits_while_the_lease_is_returned_is_not_forgotten(
    life: Life, call: Call, sessions: Sessions
) -> None:
    """The return of the lease waits for the row, and must read the deliveries only then."""
    await add(call, life.owner)
    await life.succeeded()
    batch = await claim(call)
    lease = await life.running()
    async with sessions.begin() as session:
        await leases.publish(session, lease, resolved={"seed": 7}, warnings=[], artifacts=[video(lease)])
        returning = asyncio.create_task(call(webhook_queue.finish, batch.webhook, delivered(batch)))
        await asyncio.sleep(0.2)
        assert not returning.done()
    await returning
    assert len((await claim(call)).deliveries) == 1


async def test_a_delivery_that_was_requested_again_meanwhile_is_sent_again(
    life: Life, call: Call, sessions: Sessions
) -> None:
    webhook = await add(call, life.owner)
    await life.succeeded()
    first = await claim(call)
    await call(webhook_queue.finish, first.webhook, failed(first))
    await execute(sessions, "UPDATE webhook_deliveries SET available_at = now()")
    await execute(sessions, "UPDATE webhooks SET due_at = now()")
    second = await claim(call)
    await call(webhooks.redeliver, webhook, second.deliveries[0].id)
    await call(webhook_queue.finish, second.webhook, failed(second))
    (delivery,) = await written(sessions)
    assert (delivery.state, delivery.attempts) == ("pending", 0)
    assert len((await claim(call)).deliveries) == 1


async def test_deliveries_are_purged_after_30_days(life: Life, call: Call, sessions: Sessions) -> None:
    webhook = await add(call, life.owner)
    await life.succeeded()
    old = """INSERT INTO webhook_deliveries (id, webhook_id, type)
        SELECT uuidv7(- interval '31 days'), :webhook_id, 'webhook.test' FROM generate_series(1, 5)"""
    await execute(sessions, old, webhook_id=webhook.id)
    await execute(sessions, old.replace("31", "29"), webhook_id=webhook.id)
    assert [await call(webhook_queue.purge, limit=3) for _ in range(3)] == [3, 2, 0]
    assert len(await written(sessions)) == 6


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
