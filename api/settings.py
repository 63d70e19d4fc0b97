"""Settings of the gateway, from environment variables or `.env`, including those of the database and the store."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import NoDecode

from api.secret_key import kept_key, weakness
from api.server.settings import ServerSettings
from db.settings import DatabaseSettings, StorageSettings

# Where development mode keeps its key unless SECRET_KEY_FILE is set.
DEVELOPMENT_KEY_FILE = ".aura/gateway.key"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Registration(StrEnum):
    """Who may create an account."""

    OPEN = "open"
    INVITATION = "invitation"
    CLOSED = "closed"


class Settings(DatabaseSettings, StorageSettings, ServerSettings):
    aura_env: Environment = Environment.PRODUCTION
    secret_key: SecretStr = SecretStr("")
    # During a rotation: the key before, which still verifies.
    secret_key_previous: SecretStr = SecretStr("")
    secret_key_file: str = ""
    access_token_seconds: Annotated[int, Field(ge=5, le=86_400)] = 600
    refresh_token_days: Annotated[int, Field(ge=1, le=365)] = 30
    session_days: Annotated[int, Field(ge=1, le=3650)] = 90
    registration: Registration = Registration.OPEN
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()

    queued_per_user: Annotated[int, Field(ge=1)] = 50
    seconds_per_day: Annotated[float, Field(gt=0)] | None = None

    # The pipeline reads the same file and the same default.
    models_file: Path | None = None
    model_variant: str = "tiny"

    # Limits that all gateways share.
    failed_logins_per_minute: Annotated[int, Field(ge=1)] = 10
    registrations_per_minute: Annotated[int, Field(ge=1)] = 60
    submissions_per_minute: Annotated[int, Field(ge=1)] = 60
    # Per gateway process.
    sockets_per_user: Annotated[int, Field(ge=1)] = 20

    # Without a host, no mail is sent and no address is verified.
    smtp_host: str = ""
    smtp_port: Annotated[int, Field(ge=1, le=65_535)] = 587
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_from: str = ""

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())

    @model_validator(mode="after")
    def _check_secret_keys(self) -> Self:
        file = self.secret_key_file or (DEVELOPMENT_KEY_FILE if self.development else "")
        if not self.secret_key.get_secret_value() and file:
            try:
                self.secret_key = SecretStr(kept_key(Path(file)))
            except OSError as error:
                raise ValueError(f"SECRET_KEY must be set: {file}: {error.strerror}") from error
        if problem := weakness(self.secret_key.get_secret_value()):
            raise ValueError(f"SECRET_KEY {problem}")
        previous = self.secret_key_previous.get_secret_value()
        if previous and (problem := weakness(previous)):
            raise ValueError(f"SECRET_KEY_PREVIOUS {problem}")
        return self

    @model_validator(mode="after")
    def _check_smtp(self) -> Self:
        if self.smtp_host and not (self.smtp_from and self.public_url):
            raise ValueError("SMTP_HOST needs SMTP_FROM, and PUBLIC_URL for the links in mails")
        return self

    @property
    def development(self) -> bool:
        return self.aura_env is Environment.DEVELOPMENT

    @property
    def secure_cookies(self) -> bool:
        """Whether browsers send cookies over TLS only; a PUBLIC_URL with https implies it in development too."""
        return not self.development or self.public_url.startswith("https:")

    @property
    def trusts_loopback(self) -> bool:
        """Whether pages on the loopback address may sign in: in development, unless others can reach the gateway."""
        return self.development and (urlsplit(self.public_url).hostname or "localhost") in LOOPBACK

    @property
    def sends_mail(self) -> bool:
        return bool(self.smtp_host)

    @property
    def writes_mail(self) -> bool:
        """Whether mails are sent, or at least printed."""
        return self.sends_mail or self.development

    @property
    def origins(self) -> frozenset[str]:
        """The origins whose pages may send requests with the refresh cookie."""
        public = urlsplit(self.public_url)
        own = [f"{public.scheme}://{public.netloc}"] if public.netloc else []
        return frozenset([*self.allowed_origins, *own])

    @property
    def hosts(self) -> frozenset[str]:
        """The host names of this gateway, besides localhost and IP addresses."""
        return frozenset([*self.allowed_hosts, urlsplit(self.public_url).hostname or ""])


def load() -> Settings:
    """The settings of this process. Invalid ones end it with a line for each."""
    try:
        return Settings()
    except ValidationError as error:
        for problem in error.errors():
            names = " ".join(str(part).upper() for part in problem["loc"])
            reason = str(problem["msg"]).removeprefix("Value error, ")
            sys.stderr.write(f"api: {names}{': ' if names else ''}{reason}\n")
        raise SystemExit(2) from None
