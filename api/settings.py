"""Settings of the gateway, from environment variables or `.env`, including those of the database and the store."""

from enum import StrEnum
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from db.settings import DatabaseSettings, StorageSettings

DEVELOPMENT_KEY = "development only: everyone knows this key"
MIN_KEY_BYTES = 32


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Settings(DatabaseSettings, StorageSettings):
    aura_env: Environment = Environment.PRODUCTION
    secret_key: SecretStr = SecretStr("")
    access_token_seconds: Annotated[int, Field(ge=5, le=86_400)] = 900
    refresh_token_days: Annotated[int, Field(ge=1, le=365)] = 30
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()

    queued_per_user: Annotated[int, Field(ge=1)] = 50
    seconds_per_day: Annotated[float, Field(gt=0)] | None = None

    # Limits per gateway process: n gateways allow n times as much.
    failed_logins_per_minute: Annotated[int, Field(ge=1)] = 10
    registrations_per_minute: Annotated[int, Field(ge=1)] = 60
    sockets_per_user: Annotated[int, Field(ge=1)] = 20

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())

    @model_validator(mode="after")
    def _check_secret_key(self) -> Self:
        if not self.secret_key.get_secret_value() and self.development:
            self.secret_key = SecretStr(DEVELOPMENT_KEY)
        if len(self.secret_key.get_secret_value().encode()) < MIN_KEY_BYTES:
            raise ValueError(f"SECRET_KEY must be set and have at least {MIN_KEY_BYTES} bytes")
        return self

    @property
    def development(self) -> bool:
        return self.aura_env is Environment.DEVELOPMENT

    @property
    def origins(self) -> frozenset[str]:
        """The origins whose pages may send requests with the refresh cookie."""
        public = urlsplit(self.public_url)
        own = [f"{public.scheme}://{public.netloc}"] if public.netloc else []
        return frozenset([*self.allowed_origins, *own])
