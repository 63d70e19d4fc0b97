"""The videos of a user: list, search, read, edit, trash."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from api.auth.dependencies import VideosReader, VideosWriter
from api.dependencies import ClientAddress, GatewayDep, Transaction
from api.problems import documented
from api.videos import bulk
from api.videos.dependencies import EditableVideo, FilterDep, OwnVideo, view, view_again, views
from api.videos.schemas import (
    BulkRequest,
    TagCount,
    TagList,
    VideoChange,
    VideoList,
    Videos,
    VideoView,
    video_list,
)
from db.errors import PromptInFile, TooManyTags
from db.videos import edits, publication, trash
from db.videos import queries as videos
from pipeline.contract.finish import repeating_spec
from pipeline.contract.spec import Spec

router = APIRouter(prefix="/api/videos", tags=["videos"])


@router.get("", responses=documented(401, 422))
async def list_videos(
    session: Transaction,
    gateway: GatewayDep,
    user: VideosReader,
    only: FilterDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    after: Annotated[UUID | None, Query(description="the last_id of the previous page")] = None,
    order: Literal["asc", "desc"] = "desc",
) -> VideoList:
    """The videos that fulfil every given condition, newest first. The last word of `q` may be incomplete."""
    page = await videos.page(session, owner_id=user.id, limit=limit, after=after, order=order, only=only)
    return video_list(page, await videos.objects(session, page.data), gateway.storage)


@router.get("/tags", responses=documented(401))
async def list_tags(session: Transaction, user: VideosReader) -> TagList:
    """The tags of the videos outside the trash, the most used first, at most 500."""
    counts = await videos.tags(session, owner_id=user.id)
    return TagList(data=[TagCount(tag=tag, count=count) for tag, count in counts])


@router.post("/bulk", responses=documented(400, 401, 404, 413, 415, 422, TooManyTags, PromptInFile))
async def change_videos(
    session: Transaction, gateway: GatewayDep, user: VideosWriter, address: ClientAddress, request: BulkRequest
) -> Videos:
    """Change up to 100 videos at once. If one of them does not exist, none is changed."""
    return await views(session, gateway, await bulk.apply(session, user.id, address, request))


@router.get("/{video_id}", responses=documented(401, 404))
async def get_video(session: Transaction, gateway: GatewayDep, video: OwnVideo) -> VideoView:
    return await view(session, gateway, video)


@router.patch("/{video_id}", responses=documented(400, 401, 404, 413, 415, 422, PromptInFile))
async def change_video(
    session: Transaction, gateway: GatewayDep, video: EditableVideo, address: ClientAddress, change: VideoChange
) -> VideoView:
    """Change the title, the tags, or who sees the video. The base clip of a favourite does not expire."""
    visibility, owner_id = change.visibility, video.owner_id
    await publication.record(session, [video.id], owner_id=owner_id, visibility=visibility, address=address)
    await edits.change(session, [video.id], owner_id=video.owner_id, values=change.values())
    return await view_again(session, gateway, video)


@router.delete("/{video_id}", responses=documented(401, 404))
async def move_to_trash(session: Transaction, gateway: GatewayDep, video: EditableVideo) -> VideoView:
    """Move a video to the trash. It can be restored for 30 days."""
    await trash.move(session, [video.id], owner_id=video.owner_id, trashed=True)
    return await view_again(session, gateway, video)


@router.post("/{video_id}/restore", responses=documented(401, 404))
async def restore(session: Transaction, gateway: GatewayDep, video: EditableVideo) -> VideoView:
    """Restore a video from the trash. A video that is not in the trash is returned unchanged."""
    await trash.move(session, [video.id], owner_id=video.owner_id, trashed=False)
    return await view_again(session, gateway, video)


@router.get("/{video_id}/recipe", responses=documented(401, 404))
async def get_recipe(video: OwnVideo) -> Spec:
    """A body for `POST /api/generate` that repeats the video: with its seed and the revision of its model."""
    return repeating_spec(Spec.from_row(video.spec), video.resolved)
