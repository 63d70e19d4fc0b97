"""The webhooks of an account: endpoints that are called when its jobs end or its videos are moderated."""

from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth.dependencies import AuthDep, JobsReader
from api.dependencies import ClientAddress, GatewayDep, Transaction
from api.mail import messages
from api.mail.notices import send_notice
from api.problems import NotFound, documented
from api.webhooks import signing
from api.webhooks.dependencies import EnabledWebhook, OwnedWebhook, Owner, ReadWebhook, new_webhook, webhook_change
from api.webhooks.problems import WebhookDisabled, WebhookUrlRefused
from api.webhooks.schemas import (
    DeliveryList,
    DeliveryView,
    NewWebhook,
    WebhookChange,
    WebhookList,
    WebhookView,
    WebhookWithSecret,
    delivery_list,
    delivery_view,
    webhook_list,
    webhook_view,
    webhook_with_secret,
)
from db import audit, webhooks
from db.errors import TooManyWebhooks
from db.tables import Action, Webhook

WEBHOOKS_PER_USER: Final = 10

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"])

Limit = Annotated[int, Query(ge=1, le=100)]
After = Annotated[UUID | None, Query(description="the last_id of the previous page")]


async def _record(session: AsyncSession, action: Action, webhook: Webhook, address: str) -> None:
    """Enter the action in the audit log: without the URL, which can contain a token."""
    details = {"events": list(webhook.events), "enabled": webhook.disabled_at is None}
    await audit.record(
        session,
        action=action,
        actor_id=webhook.owner_id,
        target=("webhook", webhook.id),
        address=address,
        details=details,
    )


@router.post(
    "", status_code=201, responses=documented(400, 401, 413, 415, 422, 429, WebhookUrlRefused, TooManyWebhooks)
)
async def create_webhook(
    session: Transaction,
    gateway: GatewayDep,
    auth: AuthDep,
    owner: Owner,
    address: ClientAddress,
    body: Annotated[NewWebhook, Depends(new_webhook)],
) -> WebhookWithSecret:
    """An endpoint. Its secret is shown once; every message is signed with it, by the Standard Webhooks rules."""
    secret = signing.new_secret()
    row = await webhooks.create(
        session,
        owner_id=owner.id,
        secret=signing.encrypt(auth.keys, secret),
        webhooks_per_user=WEBHOOKS_PER_USER,
        **body.model_dump(),
    )
    await _record(session, Action.WEBHOOK_CREATED, row, address)
    await send_notice(session, gateway, owner.email, messages.webhook_added(row.url))
    return webhook_with_secret(row, secret)


@router.get("", responses=documented(401, 422))
async def list_webhooks(
    session: Transaction,
    user: JobsReader,
    limit: Limit = 20,
    after: After = None,
    order: Literal["asc", "desc"] = "desc",
) -> WebhookList:
    """The webhooks of the account, the newest first."""
    return webhook_list(await webhooks.page(session, owner_id=user.id, limit=limit, after=after, order=order), limit)


@router.patch("/{webhook_id}", responses=documented(400, 401, 404, 413, 415, 422, 429, WebhookUrlRefused))
async def change_webhook(
    session: Transaction,
    webhook: OwnedWebhook,
    address: ClientAddress,
    body: Annotated[WebhookChange, Depends(webhook_change)],
) -> WebhookView:
    """Change the URL or the events, disable it, or enable it again."""
    row = await webhooks.change(session, webhook, **body.model_dump())
    await _record(session, Action.WEBHOOK_CHANGED, row, address)
    return webhook_view(row)


@router.delete("/{webhook_id}", status_code=204, responses=documented(401, 404))
async def delete_webhook(session: Transaction, webhook: OwnedWebhook, address: ClientAddress) -> None:
    """Delete a webhook and its log. What it has not received is not sent."""
    await _record(session, Action.WEBHOOK_DELETED, webhook, address)
    await webhooks.remove(session, webhook.id)


@router.post("/{webhook_id}/rotate-secret", responses=documented(401, 404, 429))
async def rotate_secret(
    session: Transaction, auth: AuthDep, owner: Owner, webhook: OwnedWebhook, address: ClientAddress
) -> WebhookWithSecret:
    """A new secret, which is shown once. The old one signs beside it for 24 hours."""
    secret = signing.new_secret()
    row = await webhooks.rotate(session, webhook, secret=signing.encrypt(auth.keys, secret))
    await _record(session, Action.WEBHOOK_SECRET_ROTATED, row, address)
    return webhook_with_secret(row, secret)


@router.post("/{webhook_id}/test", status_code=202, responses=documented(401, 404, 429, WebhookDisabled))
async def test_webhook(session: Transaction, webhook: EnabledWebhook) -> DeliveryView:
    """Send a message of type `webhook.test` within seconds. Its outcome is in the log."""
    return delivery_view(await webhooks.add_test(session, webhook))


@router.get("/{webhook_id}/deliveries", responses=documented(401, 404, 422))
async def list_deliveries(
    session: Transaction,
    webhook: ReadWebhook,
    limit: Limit = 20,
    after: After = None,
    order: Literal["asc", "desc"] = "desc",
) -> DeliveryList:
    """The log of the last 30 days, the newest first."""
    rows = await webhooks.deliveries(session, webhook.id, limit=limit, after=after, order=order)
    return delivery_list(rows, limit)


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/redeliver",
    status_code=202,
    responses=documented(401, 404, 429, WebhookDisabled),
)
async def redeliver(session: Transaction, webhook: EnabledWebhook, delivery_id: UUID) -> DeliveryView:
    """Send a message again, with the same id. The data is read again, so its links are fresh."""
    row = await webhooks.redeliver(session, webhook, delivery_id)
    if row is None:
        raise NotFound
    return delivery_view(row)
