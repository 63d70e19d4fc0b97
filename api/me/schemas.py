"""Bodies of the routes under /api/me."""

from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.auth.schemas import Body, Code, Email, Name, NewPassword, Password, Token
from db.tables import LoginSession, User


class Profile(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    email: str
    created_at: AwareDatetime
    display_name: str
    role: str
    email_verified_at: AwareDatetime | None
    second_factor: bool


def profile(user: User) -> Profile:
    columns = {name: getattr(user, name) for name in Profile.model_fields if name != "second_factor"}
    return Profile.model_validate(columns | {"second_factor": user.totp_enabled_at is not None})


class ProfileChange(Body):
    display_name: Name


class PasswordChange(Body):
    current_password: Password
    new_password: NewPassword


class EmailChange(Body):
    password: Password
    email: Email


class EmailChangeAnswer(BaseModel):
    """The answer to a change of the address, which is the same whether or not another account has the new one."""

    email_verification_required: bool = Field(
        description="true: the address changes once the token of the mail is confirmed; false: it has changed already"
    )


class EmailConfirmation(Body):
    token: Token


class PasswordConfirmation(Body):
    password: Password


class CodeConfirmation(Body):
    code: Code


class SessionView(BaseModel):
    id: UUID
    user_agent: str
    created_at: AwareDatetime
    last_used_at: AwareDatetime
    expires_at: AwareDatetime
    current: bool = Field(description="the session of this request")


class SessionList(BaseModel):
    data: list[SessionView]
    first_id: UUID | None
    last_id: UUID | None
    has_more: bool


def session_view(row: LoginSession, current: UUID) -> SessionView:
    columns = {name: getattr(row, name) for name in SessionView.model_fields if name != "current"}
    return SessionView(current=row.id == current, **columns)


def session_list(rows: list[LoginSession], limit: int, current: UUID) -> SessionList:
    data = [session_view(row, current) for row in rows[:limit]]
    first_id, last_id = (data[0].id, data[-1].id) if data else (None, None)
    return SessionList(data=data, first_id=first_id, last_id=last_id, has_more=len(rows) > limit)


class NewSecondFactor(BaseModel):
    secret: str
    uri: str = Field(description="otpauth:// for a QR code")


class RecoveryCodes(BaseModel):
    recovery_codes: list[str] = Field(description="each is valid once; they are not shown again")
