"""Bodies of the routes under /api/keys."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StrictInt, WithJsonSchema

from api.auth.schemas import Body
from db.tables import ApiKey, Scope
from pipeline.contract.spec import plain_text, visible

MAX_DAYS = 3650
# Inline, because the docstring of Scope is about the database.
ScopeName = Annotated[Scope, WithJsonSchema({"type": "string", "enum": [*Scope]})]


def _distinct(scopes: list[Scope]) -> list[Scope]:
    if len(set(scopes)) < len(scopes):
        raise ValueError("a scope can be named once")
    return scopes


class NewKey(Body):
    name: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(plain_text), AfterValidator(visible)]
    scopes: Annotated[list[ScopeName], Field(min_length=1, max_length=len(Scope)), AfterValidator(_distinct)]
    expires_in_days: Annotated[StrictInt, Field(ge=1, le=MAX_DAYS)] | None = Field(None, description="null: no expiry")


class KeyView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    prefix: str = Field(description="the first characters of the key")
    scopes: list[ScopeName]
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    last_used_at: AwareDatetime | None = Field(description="exact to about a minute")


class CreatedKey(KeyView):
    key: str = Field(description="shown once: only its hash is stored", examples=["aura_sk_…"])


class KeyList(BaseModel):
    data: list[KeyView]
    first_id: UUID | None
    last_id: UUID | None
    has_more: bool


def created_key(row: ApiKey, key: str) -> CreatedKey:
    return CreatedKey(key=key, **KeyView.model_validate(row).model_dump())


def key_list(rows: list[ApiKey], limit: int) -> KeyList:
    data = [KeyView.model_validate(row) for row in rows[:limit]]
    first_id, last_id = (data[0].id, data[-1].id) if data else (None, None)
    return KeyList(data=data, first_id=first_id, last_id=last_id, has_more=len(rows) > limit)
