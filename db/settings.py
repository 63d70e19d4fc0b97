"""Where rows and objects live, read from the environment or `.env`."""

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_ENVIRONMENT = SettingsConfigDict(
    env_file=".env", env_ignore_empty=True, case_sensitive=True, extra="ignore", hide_input_in_errors=True
)
_SCHEMES = {"postgres", "postgresql", "postgresql+asyncpg"}


def asyncpg_url(url: str) -> str:
    """The URL as SQLAlchemy's asyncpg dialect reads it; `postgres://` and libpq's `sslmode` are understood."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in _SCHEMES or not urlsplit(f"//{rest}").netloc:
        raise ValueError("DATABASE_URL must look like postgresql://user:password@host:port/database")
    return f"postgresql+asyncpg://{rest.replace('sslmode=', 'ssl=')}"


def plain_url(url: str) -> str:
    """The same address for asyncpg itself."""
    rest = asyncpg_url(url).partition("://")[2]
    return f"postgresql://{rest.replace('ssl=', 'sslmode=')}"


class DatabaseSettings(BaseSettings):
    model_config = _ENVIRONMENT

    DATABASE_URL: Annotated[str, AfterValidator(asyncpg_url)]


class StorageSettings(BaseSettings):
    """Objects lie either in a local folder (STORAGE_DIR) or in an S3 bucket (S3_*)."""

    model_config = _ENVIRONMENT

    STORAGE_DIR: str | None = None
    STORAGE_SIGNING_KEY: SecretStr | None = Field(None, description="signs local links; at least 32 bytes")
    PUBLIC_URL: str = Field("", description="the browser-visible origin of the gateway; empty: relative links")
    S3_ENDPOINT: str | None = Field(None, description="host:port or http(s)://host:port")
    S3_PUBLIC_ENDPOINT: str | None = Field(None, description="as the browser sees it; default: S3_ENDPOINT")
    S3_ACCESS_KEY: str = ""
    S3_SECRET_KEY: SecretStr = SecretStr("")
    S3_BUCKET: str = "auraanim"
    S3_REGION: str = "us-east-1"
    S3_SECURE: bool = False

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.STORAGE_DIR is None) == (self.S3_ENDPOINT is None):
            raise ValueError("set either STORAGE_DIR or S3_ENDPOINT")
        if self.STORAGE_DIR is not None and len(self.signing_key) < 32:
            raise ValueError("STORAGE_DIR needs a STORAGE_SIGNING_KEY of at least 32 bytes")
        if self.S3_ENDPOINT is not None and not (self.S3_ACCESS_KEY and self.S3_SECRET_KEY.get_secret_value()):
            raise ValueError("S3_ENDPOINT needs S3_ACCESS_KEY and S3_SECRET_KEY")
        return self

    @property
    def signing_key(self) -> bytes:
        return self.STORAGE_SIGNING_KEY.get_secret_value().encode() if self.STORAGE_SIGNING_KEY else b""
