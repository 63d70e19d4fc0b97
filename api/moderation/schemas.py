"""Bodies of the moderation routes."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, WithJsonSchema

from api.auth.schemas import Body
from api.media import MediaView, media_view
from api.videos.schemas import ModerationView, VisibilityName
from db.reports import Queued
from db.storage.base import Storage
from db.tables import Artifact, Decision, Moderation, ModerationDecision, Report, ReportReason, User, Video, Visibility
from pipeline.contract.spec import Format

# As for the owner: a link to a hidden video that is valid for a shorter time is refused, see api/files/takedown.py.
LINK_SECONDS: Final = 3600
MAX_REASON_CHARS: Final = 100
MAX_STATEMENT_CHARS: Final = 4000

# Inline, because the docstrings of the classes are about the database.
ReasonName = Annotated[ReportReason, WithJsonSchema({"type": "string", "enum": [*ReportReason]})]
ActionName = Annotated[Decision, WithJsonSchema({"type": "string", "enum": [*Decision]})]
State = Literal["open", "closed"]


class ReportView(BaseModel):
    id: UUID
    video_id: UUID
    reason: ReasonName
    details: str
    email: str | None = Field(description="of the person who reported it; not for the owner of the video")
    created_at: AwareDatetime
    state: State
    closed_at: AwareDatetime | None


class QueuedReport(ReportView):
    reports_of_video: int = Field(description="the open reports of the same video, this one included")


class ReportQueue(BaseModel):
    data: list[QueuedReport]
    first_id: UUID | None
    last_id: UUID | None
    has_more: bool


class OwnerView(BaseModel):
    id: UUID
    email: str
    name: str
    disabled_at: AwareDatetime | None


class DecisionView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    moderator_id: UUID | None
    automatic: bool = Field(description="made by an urgent report, or by the list of removed files")
    action: ActionName
    reason: str
    statement: str
    created_at: AwareDatetime


class ModeratedVideo(BaseModel):
    """A video as moderators see it, whatever its state. A rejected one has no files."""

    id: UUID
    owner: OwnerView
    title: str
    prompt: str
    tags: list[str]
    visibility: VisibilityName
    format: Format
    created_at: AwareDatetime
    published_at: AwareDatetime | None
    trashed_at: AwareDatetime | None
    moderation: ModerationView
    video: MediaView | None
    poster: MediaView | None
    preview: MediaView | None
    resolved: dict[str, Any]
    reports: list[ReportView] = Field(description="the newest first, up to 100")
    decisions: list[DecisionView] = Field(description="the newest first, up to 100")


class DecisionRequest(Body):
    action: ActionName
    reason: Annotated[str, Field(min_length=1, max_length=MAX_REASON_CHARS, description="the rule, in a few words")]
    statement: Annotated[
        str, Field(min_length=1, max_length=MAX_STATEMENT_CHARS, description="the statement of reasons, for the owner")
    ]


def report_fields(report: Report) -> dict[str, Any]:
    names = ReportView.model_fields.keys() - {"state"}
    state: State = "open" if report.closed_at is None else "closed"
    return {**{name: getattr(report, name) for name in names}, "state": state}


def report_queue(rows: Sequence[Queued], limit: int) -> ReportQueue:
    """`rows` has one more than `limit` if there are more."""
    data = [QueuedReport(**report_fields(row.report), reports_of_video=row.reports_of_video) for row in rows[:limit]]
    first_id, last_id = (data[0].id, data[-1].id) if data else (None, None)
    return ReportQueue(data=data, first_id=first_id, last_id=last_id, has_more=len(rows) > limit)


def moderated_video(
    video: Video,
    owner: User,
    files: list[Artifact],
    reports: list[Report],
    decisions: list[ModerationDecision],
    storage: Storage,
) -> ModeratedVideo:
    media = {file.kind: media_view(file, storage, expires_seconds=LINK_SECONDS) for file in files}
    return ModeratedVideo(
        id=video.id,
        title=video.title,
        prompt=video.prompt,
        tags=video.tags,
        visibility=Visibility(video.visibility),
        format=Format(video.format),
        created_at=video.created_at,
        published_at=video.published_at,
        trashed_at=video.trashed_at,
        resolved=video.resolved,
        owner=OwnerView(id=owner.id, email=owner.email, name=owner.display_name, disabled_at=owner.disabled_at),
        moderation=ModerationView(
            state=Moderation(video.moderation_state),
            reason=video.moderation_reason,
            statement=video.moderation_statement,
            decided_at=video.moderated_at,
        ),
        video=media.get("video"),
        poster=media.get("poster"),
        preview=media.get("preview"),
        reports=[ReportView(**report_fields(report)) for report in reports],
        decisions=[DecisionView.model_validate(decision) for decision in decisions],
    )
