"""Bodies of the routes under /api/me."""

import unicodedata
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from api.auth.schemas import Body, Code, NewPassword, Password
from db.tables import LoginSession, User
from pipeline.contract.spec import plain_text

MAX_NAME_CHARS = 80


def _name(value: str) -> str:
    return unicodedata.normalize("NFC", plain_text(value))


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
    display_name: Annotated[str, Field(max_length=MAX_NAME_CHARS), AfterValidator(_name)]


class PasswordChange(Body):
    current_password: Password
    new_password: NewPassword


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


def session_view(row: LoginSession, current: UUID) -> SessionView:
    columns = {name: getattr(row, name) for name in SessionView.model_fields if name != "current"}
    return SessionView(current=row.id == current, **columns)


class NewSecondFactor(BaseModel):
    secret: str
    uri: str = Field(description="otpauth:// for a QR code")


class RecoveryCodes(BaseModel):
    recovery_codes: list[str] = Field(description="each is valid once; they are not shown again")
