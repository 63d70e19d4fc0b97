"""Bodies of the routes under /api/admin."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictBool, WithJsonSchema

from api.auth.schemas import Body
from db.tables import AuditEntry, Role, User

# Inline, because the docstring of Role is about the database.
RoleName = Annotated[Role, WithJsonSchema({"type": "string", "enum": [*Role]})]


class AccountView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    email: str
    display_name: str
    role: RoleName
    created_at: AwareDatetime
    email_verified_at: AwareDatetime | None
    disabled_at: AwareDatetime | None


class AccountList(BaseModel):
    data: list[AccountView]
    first_id: UUID | None
    last_id: UUID | None
    has_more: bool


def account_list(rows: list[User], limit: int) -> AccountList:
    data = [AccountView.model_validate(row) for row in rows[:limit]]
    first_id, last_id = (data[0].id, data[-1].id) if data else (None, None)
    return AccountList(data=data, first_id=first_id, last_id=last_id, has_more=len(rows) > limit)


class AuditView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    at: AwareDatetime
    actor_id: UUID | None = Field(description="null: a stranger, or a command of the operator")
    action: str
    target_type: str | None
    target_id: UUID | None
    address: str | None = Field(description="the network address of the client")
    details: dict[str, Any]


class AuditList(BaseModel):
    data: list[AuditView]
    first_id: UUID | None
    last_id: UUID | None
    has_more: bool


def audit_list(rows: list[AuditEntry], limit: int) -> AuditList:
    data = [AuditView.model_validate(row) for row in rows[:limit]]
    first_id, last_id = (data[0].id, data[-1].id) if data else (None, None)
    return AuditList(data=data, first_id=first_id, last_id=last_id, has_more=len(rows) > limit)


class AccountChange(Body):
    role: RoleName | None = None
    disabled: StrictBool | None = Field(None, description="true: sign the account out everywhere and refuse it")


class InvitationRequest(Body):
    role: RoleName = Role.USER


class Invitation(BaseModel):
    invitation: str = Field(description="for POST /api/auth/register; valid once")
    expires_at: AwareDatetime
