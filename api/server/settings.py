"""Limits of one gateway process on connections, requests and clients. docs/SECURITY.md describes what each bounds."""

from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

Seconds = Annotated[float, Field(gt=0, le=3600)]
Count = Annotated[int, Field(ge=1)]


class ServerSettings(BaseSettings):
    """A client is a user, or an IPv4 address or IPv6 /64 network without a valid access token."""

    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()

    connections: Count = 1000
    connections_per_address: Count = 100
    new_connections_per_minute: Count = 1200
    header_bytes: Annotated[int, Field(ge=4096, le=65_536)] = 16_384
    header_seconds: Seconds = 10
    body_bytes: Annotated[int, Field(ge=1024)] = 65_536
    body_seconds: Seconds = 20
    idle_seconds: Seconds = 5
    unread_seconds: Seconds = 30
    unread_bytes: Annotated[int, Field(ge=1_048_576)] = 67_108_864

    requests_per_client: Count = 4
    waiting_per_client: Annotated[int, Field(ge=0)] = 100

    socket_auth_seconds: Seconds = 5
    socket_frames_per_minute: Annotated[int, Field(ge=10)] = 300
    socket_bytes_per_minute: Annotated[int, Field(ge=16_384)] = 262_144

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(part.strip().lower() for part in value.split(",") if part.strip())
