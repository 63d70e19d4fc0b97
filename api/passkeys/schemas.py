"""Bodies of the passkey routes."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.auth.schemas import Body, Name

Credential = Annotated[dict[str, Any], Field(description="the browser's PublicKeyCredential.toJSON()")]


class PasskeyOptions(BaseModel):
    options: dict[str, Any] = Field(
        description="for PublicKeyCredential.parseCreationOptionsFromJSON() or parseRequestOptionsFromJSON(); its "
        "challenge is valid once, for five minutes"
    )


class PasskeyRegistration(Body):
    name: Annotated[Name, Field(min_length=1)]
    credential: Credential


class PasskeySignIn(Body):
    credential: Credential


class PasskeyChange(Body):
    name: Annotated[Name, Field(min_length=1)]


class PasskeyView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    backed_up: bool = Field(description="whether the authenticator synchronizes it with other devices")
    created_at: AwareDatetime
    last_used_at: AwareDatetime | None


class PasskeyList(BaseModel):
    data: list[PasskeyView]
