"""Sends the deliveries of webhooks. Any number of gateways may do this at once."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth.keys import KeyRing
from api.dependencies import Gateway
from api.mail import messages
from api.mail.notices import send_notice
from api.settings import Settings
from api.webhooks import payloads, signing
from api.webhooks.destinations import Destination, Policy, parse
from api.webhooks.http import FAILURES, Client, reason
from db import webhook_queue
from db.errors import is_transient
from db.tables import User, Webhook, WebhookDelivery
from db.webhook_queue import Attempt, Batch

POLL_SECONDS: Final = 1.0
JITTER: Final = (0.8, 1.2)
# The endpoints that one gateway sends to at the same time.
ENDPOINTS: Final = 32
USER_AGENT: Final = "AuraAnim-Webhooks"
GONE: Final = 410
log = structlog.get_logger("api.webhooks")

Post = Callable[[Destination, Mapping[str, str], bytes], Awaitable[int]]


def policy_of(settings: Settings) -> Policy:
    return Policy(development=settings.development, loopback=settings.trusts_loopback)


class Sender:
    def __init__(self, gateway: Gateway, keys: KeyRing, post: Post | None = None) -> None:
        self._gateway, self._keys = gateway, keys
        self._policy = policy_of(gateway.settings)
        self._post = post or Client(self._policy).post
        self._free = asyncio.Semaphore(ENDPOINTS)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._free.acquire()
                batch = await self._claim_logged()
                if batch is None:
                    self._free.release()
                    await asyncio.sleep(POLL_SECONDS * random.uniform(*JITTER))
                else:
                    tasks.create_task(self._send_logged(batch))

    async def send_next(self) -> bool:
        """Send what is due at one endpoint. False if nothing is due."""
        batch = await self._claim()
        if batch is not None:
            await self._send(batch)
        return batch is not None

    async def _claim(self) -> Batch | None:
        async with self._gateway.sessions.begin() as session:
            return await webhook_queue.claim(session)

    async def _claim_logged(self) -> Batch | None:
        try:
            return await self._claim()
        except Exception as error:  # outermost loop of the process
            name = type(error).__name__
            log.warning("webhooks could not be read, retrying", error=name, exc_info=not is_transient(error))
            return None

    async def _send_logged(self, batch: Batch) -> None:
        try:
            await self._send(batch)
        except Exception as error:  # outermost loop of the task: another attempt follows when the lease has expired
            name = type(error).__name__
            log.warning("webhook was not sent, retrying", error=name, exc_info=not is_transient(error))
        finally:
            self._free.release()

    async def _send(self, batch: Batch) -> None:
        """Send a batch, without an open transaction, and record the outcome."""
        try:
            attempts = await self._attempts(batch)
        except asyncio.CancelledError:  # the gateway stops: another one sends the batch
            await self._finish(batch.webhook, [])
            raise
        await self._finish(batch.webhook, attempts)

    async def _attempts(self, batch: Batch) -> list[Attempt]:
        stored = [batch.webhook.secret, batch.webhook.previous_secret if batch.overlap else None]
        secrets = [signing.decrypt(self._keys, one) for one in stored if one]
        known = [secret for secret in secrets if secret is not None]
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(self._attempt(batch.webhook, one, known)) for one in batch.deliveries]
        return [task.result() for task in running]

    async def _attempt(self, webhook: Webhook, delivery: WebhookDelivery, secrets: list[str]) -> Attempt:
        started = time.monotonic()
        async with self._gateway.sessions() as session:
            body = await payloads.message(session, self._gateway.storage, delivery, owner_id=webhook.owner_id)
        if body is None:
            return Attempt(delivery, None, "the job or the video does not exist any more", 0, permanent=True)
        status, error = await self._request(webhook.url, str(delivery.id), body, secrets)
        duration_ms = round((time.monotonic() - started) * 1000)
        log.info("webhook sent", delivery_id=str(delivery.id), status=status, error=error, duration_ms=duration_ms)
        return Attempt(delivery, status, error, duration_ms, gone=status == GONE)

    async def _request(
        self, url: str, message_id: str, body: bytes, secrets: list[str]
    ) -> tuple[int | None, str | None]:
        """The status and the failure of one request; one of the two can be None."""
        if not secrets:
            return None, "the secret cannot be read any more: rotate it"
        headers = {"content-type": "application/json", "user-agent": USER_AGENT}
        headers |= signing.signed_headers(message_id, int(time.time()), body, secrets)
        try:
            status = await self._post(parse(url, self._policy), headers, body)
        except FAILURES as error:
            return None, reason(error)
        return status, None if 200 <= status < 300 else f"the answer was {status}"

    async def _finish(self, webhook: Webhook, attempts: list[Attempt]) -> None:
        """Record the attempts, and notify the owner if the endpoint was disabled."""
        async with self._gateway.sessions.begin() as session:
            disabled = await webhook_queue.finish(session, webhook, attempts)
            if renewed := signing.renewed(self._keys, webhook.secret):
                await webhook_queue.renew_secret(session, webhook, renewed)
            if disabled:
                log.warning("webhook disabled", webhook_id=str(webhook.id), reason=disabled)
                await self._write_to_owner(session, webhook)

    async def _write_to_owner(self, session: AsyncSession, webhook: Webhook) -> None:
        if owner := await session.get(User, webhook.owner_id):
            await send_notice(session, self._gateway, owner.email, messages.webhook_disabled(webhook.url))
