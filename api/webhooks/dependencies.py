"""The endpoint that a request names, and the limits of these routes."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Security
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth.dependencies import JobsReader, get_current_user
from api.dependencies import GatewayDep, Transaction
from api.problems import NotFound
from api.rate_limits import take_in_transaction
from api.settings import Settings
from api.webhooks.destinations import DestinationRefused, parse
from api.webhooks.problems import WebhookDisabled, WebhookUrlRefused
from api.webhooks.schemas import NewWebhook, WebhookChange
from api.webhooks.sender import policy_of
from db import webhooks
from db.rate_limits import Bucket
from db.tables import Scope, User, Webhook

CHANGES_PER_MINUTE: Final = 30
REQUESTED_PER_MINUTE: Final = 20

# A webhook receives what jobs:read reads, so a key needs both scopes.
WebhooksWriter = Annotated[User, Security(get_current_user, scopes=[Scope.JOBS_READ, Scope.JOBS_WRITE])]


def _check(url: str, settings: Settings) -> None:
    try:
        parse(url, policy_of(settings))
    except DestinationRefused as error:
        raise WebhookUrlRefused(f"the URL {error}", errors=[{"pointer": "/url", "detail": str(error)}]) from None


async def get_owner(session: Transaction, user: WebhooksWriter) -> User:
    """The caller, within the rate limit for changes of webhooks."""
    await take_in_transaction(
        session, Bucket("changes of the webhooks of this account", str(user.id), CHANGES_PER_MINUTE)
    )
    return user


Owner = Annotated[User, Depends(get_owner)]


async def new_webhook(gateway: GatewayDep, user: Owner, body: NewWebhook) -> NewWebhook:
    """A body whose URL is allowed. WebhookUrlRefused."""
    _check(body.url, gateway.settings)
    return body


async def webhook_change(gateway: GatewayDep, user: Owner, body: WebhookChange) -> WebhookChange:
    """A body whose URL is allowed, if it has one. WebhookUrlRefused."""
    if body.url is not None:
        _check(body.url, gateway.settings)
    return body


async def get_read(session: Transaction, user: JobsReader, webhook_id: UUID) -> Webhook:
    """The endpoint, for reading. NotFound."""
    return await _owned(session, user, webhook_id, lock=False)


async def get_owned(session: Transaction, user: WebhooksWriter, webhook_id: UUID) -> Webhook:
    """The endpoint, locked. NotFound."""
    return await _owned(session, user, webhook_id)


async def get_enabled(session: Transaction, user: WebhooksWriter, webhook_id: UUID) -> Webhook:
    """The endpoint of a message that its owner requests, within the rate limit. NotFound, WebhookDisabled."""
    await take_in_transaction(session, Bucket("webhooks sent on request", str(user.id), REQUESTED_PER_MINUTE))
    webhook = await _owned(session, user, webhook_id)
    if webhook.disabled_at is not None:
        raise WebhookDisabled
    return webhook


async def _owned(session: AsyncSession, user: User, webhook_id: UUID, *, lock: bool = True) -> Webhook:
    webhook = await webhooks.get(session, webhook_id, owner_id=user.id, lock=lock)
    if webhook is None:
        raise NotFound
    return webhook


ReadWebhook = Annotated[Webhook, Depends(get_read)]
OwnedWebhook = Annotated[Webhook, Depends(get_owned)]
EnabledWebhook = Annotated[Webhook, Depends(get_enabled)]
