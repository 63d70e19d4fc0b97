"""What an operator may set, by environment variable or `.env`. The database's and the store's settings come along."""

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
    AURA_ENV: Environment = Environment.PRODUCTION
    SECRET_KEY: SecretStr = SecretStr("")
    ACCESS_TOKEN_SECONDS: Annotated[int, Field(ge=5, le=86_400)] = 900
    REFRESH_TOKEN_DAYS: Annotated[int, Field(ge=1, le=365)] = 30
    ALLOWED_ORIGINS: Annotated[tuple[str, ...], NoDecode] = ()

    QUEUED_PER_USER: Annotated[int, Field(ge=1)] = 50
    SECONDS_PER_DAY: Annotated[float, Field(gt=0)] | None = None

    # Each process counts for itself: with n gateways a caller has up to n times as many tries.
    FAILED_LOGINS_PER_MINUTE: Annotated[int, Field(ge=1)] = 10
    REGISTRATIONS_PER_MINUTE: Annotated[int, Field(ge=1)] = 60
    SOCKETS_PER_USER: Annotated[int, Field(ge=1)] = 20

    @field_validator("ALLOWED_ORIGINS", mode="before")
    @classmethod
    def _comma_separated(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())

    @model_validator(mode="after")
    def _secret_is_long(self) -> Self:
        if not self.SECRET_KEY.get_secret_value() and self.development:
            self.SECRET_KEY = SecretStr(DEVELOPMENT_KEY)
        if len(self.SECRET_KEY.get_secret_value().encode()) < MIN_KEY_BYTES:
            raise ValueError(f"SECRET_KEY must be set and have at least {MIN_KEY_BYTES} bytes")
        return self

    @property
    def development(self) -> bool:
        return self.AURA_ENV is Environment.DEVELOPMENT

    @property
    def origins(self) -> frozenset[str]:
        """The web pages that may act with a visitor's cookie."""
        public = urlsplit(self.PUBLIC_URL)
        own = [f"{public.scheme}://{public.netloc}"] if public.netloc else []
        return frozenset([*self.ALLOWED_ORIGINS, *own])
