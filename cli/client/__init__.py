"""A typed client of the gateway: `Client(url, api_key=…)`, or `Client(url)` and `sign_in`."""

from cli.client.client import Client
from cli.client.connection import Json
from cli.client.errors import ApiError, GatewayUnavailable, NotUnderstood, TemporaryError, TooManyRequests
from cli.client.models import (
    TERMINAL_STATES,
    ApiKey,
    Job,
    Media,
    NewApiKey,
    NewShare,
    Output,
    Page,
    Progress,
    Result,
    Share,
    Video,
)

__all__ = [
    "TERMINAL_STATES",
    "ApiError",
    "ApiKey",
    "Client",
    "GatewayUnavailable",
    "Job",
    "Json",
    "Media",
    "NewApiKey",
    "NewShare",
    "NotUnderstood",
    "Output",
    "Page",
    "Progress",
    "Result",
    "Share",
    "TemporaryError",
    "TooManyRequests",
    "Video",
]
