"""Bodies of the account routes."""

import re
import unicodedata
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from api.auth.passwords import MAX_CHARS, MIN_CHARS, normalize
from pipeline.contract.spec import plain_text

# The syntax that browsers accept in <input type="email">. No DNS lookup, so addresses of a private network work too.
LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
EMAIL = re.compile(rf"[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{LABEL}(?:\.{LABEL})*")
MAX_NAME_CHARS = 80


def _email(value: str) -> str:
    if not EMAIL.fullmatch(value := value.strip()):
        raise ValueError("must be an email address")
    return value


def _new_password(value: str) -> str:
    if not MIN_CHARS <= len(value := normalize(value)) <= MAX_CHARS:
        raise ValueError(f"must have {MIN_CHARS} to {MAX_CHARS} characters")
    return value


def _name(value: str) -> str:
    return unicodedata.normalize("NFC", plain_text(value))


Email = Annotated[str, Field(max_length=254), AfterValidator(_email)]
# Any password that was ever valid.
Password = Annotated[str, Field(min_length=1, max_length=MAX_CHARS), AfterValidator(normalize)]
NewPassword = Annotated[
    str,
    Field(
        description=f"{MIN_CHARS} to {MAX_CHARS} characters; none that is easily guessed",
        json_schema_extra={"minLength": MIN_CHARS, "maxLength": MAX_CHARS},
    ),
    AfterValidator(_new_password),
]
Token = Annotated[str, Field(min_length=1, max_length=100)]
Code = Annotated[str, Field(min_length=6, max_length=32, description="of the authenticator, or a recovery code")]


Name = Annotated[str, Field(max_length=MAX_NAME_CHARS), AfterValidator(_name)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Credentials(Body):
    email: Email
    password: Password
    code: Code | None = None


class Registration(Body):
    email: Email
    password: NewPassword
    invitation: Token | None = None


class PasswordResetRequest(Body):
    email: Email


class PasswordReset(Body):
    token: Token
    password: NewPassword


class EmailVerification(Body):
    token: Token


class Account(BaseModel):
    """The answer to a registration, which is the same whether or not the address had an account before."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    email: str
    created_at: AwareDatetime
    email_verification_required: bool = Field(description="the account exists once the link in the mail was opened")


class AccessToken(BaseModel):
    access_token: str
    token_type: str = "bearer"  # noqa: S105  (the name of a scheme)
    expires_in: int = Field(description="seconds")
