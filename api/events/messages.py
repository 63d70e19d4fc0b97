"""The messages of the WebSocket as models. `python -m api.events.messages` prints their JSON Schema for clients.

OpenAPI does not describe WebSockets. The gateway sends plain dictionaries; tests validate them against these models.
"""

import json
import sys
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from api.jobs.schemas import JobView, ResultView
from pipeline.contract.progress import Progress


class Data(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Envelope(Data):
    seq: int = Field(description="counts the messages of the connection, from 1")
    at: AwareDatetime


class ConnectionEnvelope(Envelope):
    """A message about the connection instead of a job."""

    job_id: None = None
    revision: None = None


class JobEnvelope(Envelope):
    job_id: UUID
    revision: int


class HelloData(Data):
    user_id: UUID
    expires_at: AwareDatetime
    ping_seconds: float


class SnapshotData(Data):
    jobs: list[JobView]
    complete: bool


class ProgressData(Data):
    attempt: int
    progress: Progress
    eta_seconds: float | None


class PreviewData(Data):
    attempt: int
    preview_url: str | None


class PositionData(Data):
    queue_position: int | None


class ErrorData(Data):
    code: Literal["reauthenticate"]
    expires_at: AwareDatetime


class PingData(Data):
    pass


class HelloMessage(ConnectionEnvelope):
    type: Literal["hello"]
    data: HelloData


class SnapshotMessage(ConnectionEnvelope):
    type: Literal["snapshot"]
    data: SnapshotData


class StatusMessage(JobEnvelope):
    type: Literal["job.status"]
    data: JobView


class ProgressMessage(JobEnvelope):
    type: Literal["job.progress"]
    data: ProgressData


class PreviewMessage(JobEnvelope):
    type: Literal["job.preview"]
    data: PreviewData


class OutputMessage(JobEnvelope):
    type: Literal["job.output"]
    data: ResultView


class PositionMessage(JobEnvelope):
    type: Literal["queue.position"]
    data: PositionData


class ErrorMessage(ConnectionEnvelope):
    type: Literal["error"]
    data: ErrorData


class PingMessage(ConnectionEnvelope):
    type: Literal["ping"]
    data: PingData


Message = Annotated[
    HelloMessage
    | SnapshotMessage
    | StatusMessage
    | ProgressMessage
    | PreviewMessage
    | OutputMessage
    | PositionMessage
    | ErrorMessage
    | PingMessage,
    Field(discriminator="type"),
]
MESSAGES: TypeAdapter[Message] = TypeAdapter(Message)


def document() -> dict[str, Any]:
    """The JSON Schema of a message from the gateway."""
    return {"title": "Message", **MESSAGES.json_schema(mode="serialization")}


def main() -> None:
    json.dump(document(), sys.stdout, indent=2)


if __name__ == "__main__":
    main()
