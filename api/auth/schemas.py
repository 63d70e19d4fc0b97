"""Bodies of the authentication routes."""

import re
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

# The syntax that browsers accept in <input type="email">. No DNS lookup, so addresses of a private network work too.
LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
EMAIL = re.compile(rf"[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{LABEL}(?:\.{LABEL})*")


def _email(value: str) -> str:
    if not EMAIL.fullmatch(value := value.strip()):
        raise ValueError("must be an email address")
    return value


class Credentials(BaseModel):
    model_config = ConfigDict(extra="forbid")

    email: Annotated[str, Field(max_length=254), AfterValidator(_email)]
    password: Annotated[str, Field(min_length=8, max_length=256)]


class Account(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    email: str
    created_at: AwareDatetime


class AccessToken(BaseModel):
    access_token: str
    token_type: str = "bearer"  # noqa: S105  (the name of a scheme)
    expires_in: int = Field(description="seconds")
