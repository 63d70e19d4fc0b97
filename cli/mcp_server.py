"""The tools of `aura mcp`: a video is made by generate, then status, then result."""

from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Final, Literal, ParamSpec, TypeVar

import httpx
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import BaseModel, Field

from cli.client import ApiError, Client, Job, Video
from cli.progress_bars import status_line
from pipeline.contract.version import VERSION

INSTRUCTIONS: Final = (
    "Make short videos from a prompt. Call `generate`, then `status` every few seconds until `status` is succeeded, "
    "failed or canceled, then `result` for links to the file. A video takes seconds to minutes."
)
READS: Final = ToolAnnotations(read_only_hint=True, open_world_hint=False)
P = ParamSpec("P")
T = TypeVar("T")


class JobState(BaseModel):
    job_id: str
    status: str = Field(description="queued, running, canceling, succeeded, failed or canceled")
    message: str
    progress: float = Field(description="0 to 1")
    eta_seconds: float | None
    queue_position: int | None
    error: str | None


class VideoFile(BaseModel):
    job_id: str
    url: str = Field(description="works without a key until expires_at")
    expires_at: str
    content_type: str
    width: int
    height: int
    fps: float
    frames: int
    duration_seconds: float
    size_bytes: int
    sha256: str
    seed: int | None = Field(description="the same request with this seed makes the same video")
    warnings: list[str]


class VideoEntry(BaseModel):
    video_id: str
    job_id: str | None
    title: str
    prompt: str
    created_at: str
    format: str
    url: str | None


class VideoPage(BaseModel):
    videos: list[VideoEntry]
    next: str | None = Field(description="value of `after` for the next page")


def create_server(client: Client) -> MCPServer[Any]:
    """A server whose tools use this client."""
    server: MCPServer[Any] = MCPServer("auraanim", title="AuraAnim", instructions=INSTRUCTIONS, version=VERSION)

    @server.tool(annotations=ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False))
    @reported
    def generate(
        prompt: Annotated[str, Field(description="what the video shows")],
        duration_seconds: Annotated[float | None, Field(description="0.5 to 20; default 2")] = None,
        fps: Annotated[int | None, Field(description="8 to 60; default 24")] = None,
        width: Annotated[int | None, Field(description="pixels, even, 64 to 2048; default 512")] = None,
        height: Annotated[int | None, Field(description="pixels, even, 64 to 2048; default 512")] = None,
        negative_prompt: Annotated[str | None, Field(description="what the video should not show")] = None,
        seed: Annotated[int | None, Field(description="default: random")] = None,
        model: Annotated[str | None, Field(description="default: that of the server")] = None,
        format: Annotated[Literal["mp4", "webm", "gif"] | None, Field(description="default mp4")] = None,
    ) -> JobState:
        """Queue one video and return its job at once."""
        values = {
            "prompt": prompt, "duration_seconds": duration_seconds, "fps": fps, "width": width, "height": height,
            "negative_prompt": negative_prompt, "seed": seed, "model": model, "format": format,
        }  # fmt: skip
        spec = {name: value for name, value in values.items() if value is not None}
        return job_state(client.status(client.generate(spec)))

    @server.tool(annotations=READS)
    @reported
    def status(job_id: str) -> JobState:
        """The state of a job and its progress."""
        return job_state(client.status(job_id))

    @server.tool(annotations=READS)
    @reported
    def result(job_id: str) -> VideoFile:
        """A link to the file of a succeeded job, and its properties."""
        return video_file(client, job_id)

    @server.tool(name="list", annotations=READS)
    @reported
    def list_videos(
        search: Annotated[str, Field(description="words of the title, the prompt or the tags")] = "",
        limit: Annotated[int, Field(ge=1, le=50)] = 10,
        after: Annotated[str | None, Field(description="`next` of the previous page")] = None,
    ) -> VideoPage:
        """The videos of the account, the newest first."""
        page = client.list_videos(limit=limit, after=after, q=search or None)
        return VideoPage(
            videos=[entry(client, video) for video in page.data], next=page.last_id if page.has_more else None
        )

    return server


def reported(tool: Callable[P, T]) -> Callable[P, T]:
    """The assistant reads the errors of the gateway."""

    @wraps(tool)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return tool(*args, **kwargs)
        except ApiError as error:
            raise ToolError(f"{error.code}: {error}") from error
        except httpx.HTTPError as error:
            raise ToolError(f"the gateway cannot be reached: {error}") from error

    return call


def job_state(job: Job) -> JobState:
    return JobState(
        job_id=job.job_id,
        status=job.status,
        message=status_line(job),
        progress=job.progress.value,
        eta_seconds=job.eta_seconds,
        queue_position=job.queue_position,
        error=job.error.message if job.error else None,
    )


def video_file(client: Client, job_id: str) -> VideoFile:
    found = client.result(job_id)
    video = found.video
    shown = ("content_type", "width", "height", "fps", "frames", "size_bytes", "sha256")
    return VideoFile(
        job_id=job_id,
        url=absolute(client, video.url),
        expires_at=found.expires_at.isoformat(),
        duration_seconds=video.duration,
        seed=found.resolved.get("seed"),
        warnings=found.warnings,
        **{name: getattr(video, name) for name in shown},
    )


def entry(client: Client, video: Video) -> VideoEntry:
    return VideoEntry(
        video_id=video.id,
        job_id=video.job_id,
        title=video.title,
        prompt=video.prompt,
        created_at=video.created_at.isoformat(),
        format=video.format,
        url=absolute(client, video.video.url) if video.video else None,
    )


def absolute(client: Client, url: str) -> str:
    """Links of a gateway without PUBLIC_URL are relative."""
    return f"{client.url}{url}" if url.startswith("/") else url
