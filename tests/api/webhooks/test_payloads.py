"""Deliveries from an event to a verified signature, with a real receiver."""

import asyncio
from datetime import UTC, datetime, timedelta

from api.dependencies import Gateway
from api.webhooks.sender import Sender
from db.jobs import queries as jobs
from db.storage.local import LocalStorage
from pipeline.worker.dispatcher import Dispatcher
from tests.api.conftest import ApiUser, Worker
from tests.api.public_videos import make_video
from tests.api.webhooks.conftest import Deliveries, MakeWebhook, execute, finished_job, running, until
from tests.api.webhooks.receiver import Receiver
from tests.pipeline.worker.conftest import SETTINGS, InProcessCluster


async def test_from_the_prompt_to_a_verified_signature(
    alice: ApiUser,
    gateway: Gateway,
    sender: Sender,
    receiver: Receiver,
    make_webhook: MakeWebhook,
    deliveries: Deliveries,
) -> None:
    """A job is submitted over HTTP, a dispatcher runs its stages, and the loop of the gateway calls the receiver."""
    webhook = await make_webhook()
    assert isinstance(gateway.storage, LocalStorage)
    cluster = InProcessCluster(gateway.storage)
    cluster.release.set()
    dispatcher = Dispatcher(
        owner="dispatcher", sessions=gateway.sessions, storage=gateway.storage, cluster=cluster,
        settings=SETTINGS, database_url=gateway.settings.database_url,
    )  # fmt: skip
    async with running(dispatcher.run(asyncio.Event()), sender.run()):
        job_id = await alice.generate()
        await until(lambda: len(receiver.messages) == 1)
        (message,) = receiver.messages
        received = message.verified(webhook["secret"])
        async with asyncio.timeout(15):
            while (await deliveries())[0].state == "pending":  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert (await alice.get(f"/api/status/{job_id}")).json() == {
            name: value for name, value in received["data"].items() if name != "result"
        }
    assert message.path == "/hook?token=x"
    assert message.headers["content-type"] == "application/json"
    assert received["type"] == "job.succeeded"
    assert abs(datetime.fromisoformat(received["timestamp"]) - datetime.now(UTC)) < timedelta(minutes=1)
    result = (await alice.get(f"/api/result/{job_id}", headers={"accept": "application/json"})).json()
    assert received["data"]["result"].keys() == result.keys()
    link = received["data"]["result"]["url"]
    assert (await alice.http.get(link)).content == b"a video"
    (delivery,) = await deliveries()
    assert (message.id, delivery.state, delivery.attempts) == (str(delivery.id), "delivered", 1)
    assert (delivery.response_status, delivery.error) == (204, None)


async def test_failed_and_canceled_jobs_are_delivered_and_other_events_are_not(
    alice: ApiUser, gateway: Gateway, worker: Worker, sender: Sender, receiver: Receiver, make_webhook: MakeWebhook
) -> None:
    webhook = await make_webhook(events=["job.failed", "job.canceled"])
    await worker.enqueue(alice.id)
    await worker.fail(await worker.claim())
    canceled = await worker.enqueue(alice.id)
    async with gateway.sessions.begin() as session:
        await jobs.request_cancel(session, canceled.id, owner_id=alice.id)
    await finished_job(worker, alice)
    assert [await sender.send_next() for _ in range(2)] == [True, False]
    received = [message.verified(webhook["secret"]) for message in receiver.messages]
    assert {one["type"] for one in received} == {"job.failed", "job.canceled"}
    failed = next(one for one in received if one["type"] == "job.failed")
    assert failed["data"]["error"]["code"] == "stage_failed"
    assert failed["data"]["result"] is None


async def test_decisions_of_moderators_are_delivered(
    alice: ApiUser, gateway: Gateway, worker: Worker, sender: Sender, receiver: Receiver, make_webhook: MakeWebhook
) -> None:
    webhook = await make_webhook(events=["video.hidden", "video.restored"])
    video_id = await make_video(worker, alice)
    hide = "UPDATE videos SET moderation_state = :state, moderation_reason = 'spam', moderated_at = now()"
    await execute(gateway, hide, state="hidden")
    assert await sender.send_next()
    await execute(gateway, hide, state="visible")
    assert await sender.send_next()
    received = [message.verified(webhook["secret"]) for message in receiver.messages]
    assert [one["type"] for one in received] == ["video.hidden", "video.restored"]
    assert received[0]["data"]["video_id"] == str(video_id)
    assert received[0]["data"]["moderation"]["reason"] == "spam"


async def test_jobs_of_other_users_are_not_delivered(
    bob: ApiUser, worker: Worker, sender: Sender, make_webhook: MakeWebhook, deliveries: Deliveries
) -> None:
    await make_webhook()
    await finished_job(worker, bob)
    assert not await sender.send_next()
    assert await deliveries() == []


async def test_a_job_that_was_purged_is_given_up_without_a_failure_of_the_endpoint(
    alice: ApiUser,
    gateway: Gateway,
    worker: Worker,
    sender: Sender,
    receiver: Receiver,
    make_webhook: MakeWebhook,
    deliveries: Deliveries,
) -> None:
    await make_webhook()
    await finished_job(worker, alice)
    await execute(gateway, "DELETE FROM jobs")
    assert [await sender.send_next() for _ in range(2)] == [True, False]
    (delivery,) = await deliveries()
    assert (delivery.state, delivery.error) == ("failed", "the job or the video does not exist any more")
    assert (await alice.get("/api/webhooks")).json()["data"][0]["failures"] == 0
    assert receiver.messages == []


async def test_webhooks_of_a_disabled_account_are_not_called(
    alice: ApiUser, gateway: Gateway, worker: Worker, sender: Sender, receiver: Receiver, make_webhook: MakeWebhook
) -> None:
    await make_webhook()
    await finished_job(worker, alice)
    await execute(gateway, "UPDATE users SET disabled_at = now()")
    assert [await sender.send_next() for _ in range(2)] == [True, False]
    assert receiver.messages == []
