"""The leases of endpoints: one gateway at a time, no event is lost, old deliveries are purged."""

import asyncio

from db import webhook_queue, webhooks
from db.jobs import leases
from tests.conftest import Sessions
from tests.db.conftest import Call, Life, video
from tests.db.webhooks import add, claim, delivered, execute, failed, written


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
