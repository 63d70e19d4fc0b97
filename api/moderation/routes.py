"""Reports and decisions, for moderators."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Query

from api.auth.dependencies import Moderator
from api.auth.problems import RoleRequired
from api.dependencies import ClientAddress, GatewayDep, Transaction
from api.moderation.decide import decide, read_video, remove_objects
from api.moderation.schemas import DecisionRequest, ModeratedVideo, ReportQueue, State, report_queue
from api.problems import documented
from db import reports
from db.errors import AlreadyDecided

router = APIRouter(prefix="/api/moderation", tags=["moderation"])


@router.get("/reports", responses=documented(401, 422, RoleRequired))
async def list_reports(
    session: Transaction,
    _: Moderator,
    state: State = "open",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    after: Annotated[UUID | None, Query(description="the last_id of the previous page")] = None,
) -> ReportQueue:
    """The open reports, urgent ones first, then the oldest first; or the closed ones, the newest first."""
    rows = await reports.page(session, limit=limit, after=after, closed=state == "closed")
    return report_queue(rows, limit)


@router.get("/videos/{video_id}", responses=documented(401, 404, RoleRequired))
async def get_reported_video(session: Transaction, gateway: GatewayDep, _: Moderator, video_id: UUID) -> ModeratedVideo:
    """Any video, with its owner, its reports and the decisions about it."""
    return await read_video(session, gateway.storage, video_id)


@router.post("/videos/{video_id}", responses=documented(400, 401, 404, 422, RoleRequired, AlreadyDecided))
async def decide_about_video(
    session: Transaction,
    gateway: GatewayDep,
    moderator: Moderator,
    address: ClientAddress,
    after_commit: BackgroundTasks,
    video_id: UUID,
    body: DecisionRequest,
) -> ModeratedVideo:
    """Hide, reject or restore a video, and close its reports. A rejection is final: its files are deleted.

    409 `already_decided` if another moderator was faster.
    """
    removed = await decide(session, gateway.settings, moderator, address, video_id, body)
    after_commit.add_task(remove_objects, gateway.storage, removed)
    return await read_video(session, gateway.storage, video_id)
