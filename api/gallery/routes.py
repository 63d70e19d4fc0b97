"""The public gallery: videos that their owners have published. No sign-in."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fastapi.exceptions import RequestValidationError

from api.dependencies import GatewayDep, Transaction
from api.gallery import caching
from api.gallery.schemas import GalleryPage, PublicVideo, gallery_page, gallery_url, named_place, public_video
from api.media import of_kind
from api.problems import NotFound, documented
from db import gallery
from db.gallery import Place

NOT_MODIFIED = "the cached response is current"

router = APIRouter(prefix="/api/gallery", tags=["gallery"])


async def get_place(
    after: Annotated[str | None, Query(max_length=64, description="the last_id of the previous page")] = None,
) -> Place | None:
    try:
        return named_place(after) if after is not None else None
    except ValueError:
        error = {"loc": ("query", "after"), "msg": "must be the last_id of a page", "type": "place"}
        raise RequestValidationError([error]) from None


@router.get("", response_model=GalleryPage, responses=documented(422, _304=NOT_MODIFIED))
async def list_gallery(
    session: Transaction,
    gateway: GatewayDep,
    after: Annotated[Place | None, Depends(get_place)],
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    if_none_match: caching.IfNoneMatch = None,
) -> Response:
    """The published videos, the most recently published first."""
    rows = await gallery.page(session, limit=limit, after=after)
    headers = caching.headers(tag := caching.tag_of(rows))
    if caching.is_current(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    media = await gallery.media(session, [video.id for video in rows[:limit]])
    page = gallery_page(rows, limit, media, gateway.storage, gateway.settings.public_url)
    return Response(page.model_dump_json(), media_type="application/json", headers=headers)


@router.get("/{video_id}", response_model=PublicVideo, responses=documented(404, _304=NOT_MODIFIED))
async def get_public_video(
    session: Transaction, gateway: GatewayDep, video_id: UUID, if_none_match: caching.IfNoneMatch = None
) -> Response:
    """A published video, with the properties of a page about it."""
    video = await gallery.get(session, video_id)
    files = (await gallery.media(session, [video_id])).get(video_id, [])
    if video is None or of_kind(files, "video") is None:
        raise NotFound
    headers = caching.headers(tag := caching.tag_of([video]))
    if caching.is_current(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    page = gallery_url(gateway.settings.public_url, video_id)
    view = public_video(video, files, gateway.storage, show_prompt=video.show_prompt, page=page)
    return Response(view.model_dump_json(), media_type="application/json", headers=headers)
