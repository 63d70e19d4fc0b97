"""Settings of the database and the object store, read from the environment or `.env`."""

from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_ENVIRONMENT: Final = SettingsConfigDict(
    env_file=".env", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
)
_SCHEMES: Final = {"postgres", "postgresql", "postgresql+asyncpg"}


def asyncpg_url(url: str) -> str:
    """The URL in the form of SQLAlchemy's asyncpg dialect. Accepts `postgres://` and libpq's `sslmode` too."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in _SCHEMES or not urlsplit(f"//{rest}").netloc:
        raise ValueError("DATABASE_URL must look like postgresql://user:password@host:port/database")
    return f"postgresql+asyncpg://{rest.replace('sslmode=', 'ssl=')}"


def plain_url(url: str) -> str:
    """The URL in the form of asyncpg itself."""
    rest = asyncpg_url(url).partition("://")[2]
    return f"postgresql://{rest.replace('ssl=', 'sslmode=')}"


class DatabaseSettings(BaseSettings):
    model_config = _ENVIRONMENT

    database_url: Annotated[str, AfterValidator(asyncpg_url)]


class MigrationSettings(BaseSettings):
    """The role that owns the tables and runs the migrations, if it is another one than that of DATABASE_URL."""

    model_config = _ENVIRONMENT

    owner_database_url: Annotated[str, AfterValidator(asyncpg_url)] | None = None
    # How long `db.audit_retention` keeps the entries of the audit log.
    audit_days: Annotated[int, Field(ge=1)] = 365


class RoleSettings(DatabaseSettings):
    """The URLs name one database, and carry the name and the password of three roles."""

    admin_database_url: Annotated[str, AfterValidator(asyncpg_url)]
    owner_database_url: Annotated[str, AfterValidator(asyncpg_url)]


class StorageSettings(BaseSettings):
    """Objects are stored in a local directory (STORAGE_DIR) or in an S3 bucket (S3_*)."""

    model_config = _ENVIRONMENT

    storage_dir: str | None = None
    storage_signing_key: SecretStr | None = Field(None, description="key that signs local links; at least 32 bytes")
    public_url: str = Field("", description="origin of the gateway as the browser sees it; empty: relative links")
    s3_endpoint: str | None = Field(None, description="host:port or http(s)://host:port")
    s3_public_endpoint: str | None = Field(None, description="endpoint as the browser sees it; default: S3_ENDPOINT")
    s3_access_key: str = ""
    s3_secret_key: SecretStr = SecretStr("")
    s3_bucket: str = "auraanim"
    s3_region: str = "us-east-1"
    s3_secure: bool = False

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.storage_dir is None) == (self.s3_endpoint is None):
            raise ValueError("set either STORAGE_DIR or S3_ENDPOINT")
        if self.storage_dir is not None and len(self.signing_key) < 32:
            raise ValueError("STORAGE_DIR needs a STORAGE_SIGNING_KEY of at least 32 bytes")
        if self.s3_endpoint is not None and not (self.s3_access_key and self.s3_secret_key.get_secret_value()):
            raise ValueError("S3_ENDPOINT needs S3_ACCESS_KEY and S3_SECRET_KEY")
        return self

    @property
    def signing_key(self) -> bytes:
        return self.storage_signing_key.get_secret_value().encode() if self.storage_signing_key else b""


class RootStorageSettings(BaseSettings):
    """The root user of a MinIO server, which `db.storage.provision` needs and nothing else."""

    model_config = _ENVIRONMENT

    s3_root_user: str = "aura-root"
    s3_root_password: SecretStr
