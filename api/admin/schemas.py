"""Bodies of the routes under /api/admin."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictBool, WithJsonSchema

from api.auth.schemas import Body
from db.tables import Role, User

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


class AccountChange(Body):
    role: RoleName | None = None
    disabled: StrictBool | None = Field(None, description="true: sign the account out everywhere and refuse it")


class InvitationRequest(Body):
    role: RoleName = Role.USER


class Invitation(BaseModel):
    invitation: str = Field(description="for POST /api/auth/register; valid once")
    expires_at: AwareDatetime
