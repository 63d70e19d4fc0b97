"""The triggers that write deliveries, and the limit of a user."""

import asyncio

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from db import webhook_queue, webhooks
from db.errors import TooManyWebhooks
from db.jobs import leases
from db.jobs import queries as jobs
from db.tables import Moderation, Webhook, WebhookDelivery, WebhookEvent
from tests.conftest import MakeUser, Sessions
from tests.db.conftest import Call, Life, video
from tests.db.webhooks import add, execute, written


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


async def test_only_endpoints_registered_for_the_event_get_it(
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
