"""Bodies of the routes under /api/webhooks."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StrictBool, WithJsonSchema

from api.auth.schemas import Body
from api.webhooks.destinations import MAX_URL_CHARS
from db.tables import DeliveryState, DisabledReason, Webhook, WebhookDelivery, WebhookEvent
from pipeline.contract.spec import plain_text

# Inline, because the docstrings of these types are about the database.
EventName = Annotated[WebhookEvent, WithJsonSchema({"type": "string", "enum": [*WebhookEvent]})]
StateName = Annotated[DeliveryState, WithJsonSchema({"type": "string", "enum": [*DeliveryState]})]
ReasonName = Annotated[DisabledReason, WithJsonSchema({"type": "string", "enum": [*DisabledReason]})]


def _distinct(events: list[WebhookEvent]) -> list[WebhookEvent]:
    if len(set(events)) < len(events):
        raise ValueError("an event can be named once")
    return events


Events = Annotated[list[EventName], Field(min_length=1, max_length=len(WebhookEvent)), AfterValidator(_distinct)]
Url = Annotated[str, Field(min_length=1, max_length=MAX_URL_CHARS, description="https, with port 443 or 8443")]
Description = Annotated[str, Field(max_length=100), AfterValidator(plain_text)]


class NewWebhook(Body):
    url: Url
    events: Events
    description: Description = ""


class WebhookChange(Body):
    """What is left out, or null, is not changed."""

    url: Url | None = None
    events: Events | None = None
    description: Description | None = None
    enabled: StrictBool | None = Field(None, description="true: also what it has not received yet is sent")


class WebhookView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    url: str
    description: str
    events: list[EventName]
    created_at: AwareDatetime
    enabled: bool
    disabled_at: AwareDatetime | None
    disabled_reason: ReasonName | None = Field(description="gone: it answered 410; failures: it failed for days")
    failures: int = Field(description="failed attempts since the last success")
    failing_since: AwareDatetime | None
    previous_secret_until: AwareDatetime | None = Field(description="until then, the secret before signs too")


class WebhookWithSecret(WebhookView):
    secret: str = Field(description="shown once: it is stored encrypted", examples=["whsec_…"])


class WebhookList(BaseModel):
    data: list[WebhookView]
    first_id: UUID | None
    last_id: UUID | None
    has_more: bool


class DeliveryView(BaseModel):
    """A message, and its last attempt. `id` is the header `webhook-id` of all attempts."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    webhook_id: UUID
    type: str = Field(description="an event, or webhook.test")
    subject_id: UUID | None = Field(description="the job or the video")
    state: StateName
    attempts: int
    created_at: AwareDatetime
    next_attempt_at: AwareDatetime | None
    attempted_at: AwareDatetime | None
    response_status: int | None
    error: str | None
    duration_ms: int | None


class DeliveryList(BaseModel):
    data: list[DeliveryView]
    first_id: UUID | None
    last_id: UUID | None
    has_more: bool


def webhook_view(row: Webhook) -> WebhookView:
    columns = {name: getattr(row, name) for name in WebhookView.model_fields if name != "enabled"}
    return WebhookView.model_validate({**columns, "enabled": row.disabled_at is None})


def webhook_with_secret(row: Webhook, secret: str) -> WebhookWithSecret:
    return WebhookWithSecret(secret=secret, **webhook_view(row).model_dump())


def webhook_list(rows: list[Webhook], limit: int) -> WebhookList:
    data = [webhook_view(row) for row in rows[:limit]]
    first_id, last_id = (data[0].id, data[-1].id) if data else (None, None)
    return WebhookList(data=data, first_id=first_id, last_id=last_id, has_more=len(rows) > limit)


def delivery_view(row: WebhookDelivery) -> DeliveryView:
    columns = {name: getattr(row, name) for name in DeliveryView.model_fields if name != "next_attempt_at"}
    next_attempt_at = row.available_at if row.state == DeliveryState.PENDING else None
    return DeliveryView.model_validate({**columns, "next_attempt_at": next_attempt_at})


def delivery_list(rows: list[WebhookDelivery], limit: int) -> DeliveryList:
    data = [delivery_view(row) for row in rows[:limit]]
    first_id, last_id = (data[0].id, data[-1].id) if data else (None, None)
    return DeliveryList(data=data, first_id=first_id, last_id=last_id, has_more=len(rows) > limit)
