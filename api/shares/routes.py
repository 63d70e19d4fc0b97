"""Share links: made and revoked by the owner of a video, opened by everyone who has the link."""

import secrets
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from api.auth.dependencies import VideosReader, VideosWriter
from api.auth.tokens import token_hash
from api.dependencies import ClientAddress, GatewayDep, Transaction
from api.problems import NotFound, documented
from api.rate_limits import take_in_transaction
from api.shares.passwords import ProtectedRequest
from api.shares.problems import PasswordRequired, WrongSharePassword
from api.shares.schemas import NewShare, SharedVideo, ShareList, new_share, share_view
from api.shares.visit import open_share, open_with_password
from db import audit, shares
from db.audit import Action
from db.errors import PromptInFile, TooManyShares, VideoModerated
from db.rate_limits import Bucket

# 128 bits.
TOKEN_BYTES: Final = 16
SHARES_PER_MINUTE: Final = 30

router = APIRouter(prefix="/api", tags=["shares"])


async def no_index(response: Response) -> None:
    response.headers["X-Robots-Tag"] = "noindex, nofollow"


@router.post(
    "/videos/{video_id}/shares",
    status_code=201,
    responses=documented(400, 401, 404, 422, 429, VideoModerated, PromptInFile, TooManyShares),
)
async def share(
    protected: ProtectedRequest,
    session: Transaction,
    gateway: GatewayDep,
    user: VideosWriter,
    address: ClientAddress,
    video_id: UUID,
) -> NewShare:
    """A link to the video that needs no account. Only this answer contains its token."""
    await take_in_transaction(session, Bucket("new links of this account", str(user.id), SHARES_PER_MINUTE))
    token = secrets.token_urlsafe(TOKEN_BYTES)
    row = await shares.create(
        session,
        video_id=video_id,
        owner_id=user.id,
        token_hash=token_hash(token),
        password_hash=protected.password_hash,
        show_prompt=protected.body.show_prompt,
        days=protected.body.expires_in_days,
    )
    if row is None:
        raise NotFound
    details = {"video_id": str(video_id), "password": row.password_hash is not None}
    target = ("share", row.id)
    await audit.record(
        session, action=Action.SHARE_CREATED, actor_id=user.id, target=target, address=address, details=details
    )
    return new_share(row, token, gateway.settings.public_url)


@router.get("/videos/{video_id}/shares", responses=documented(401, 404))
async def list_shares(session: Transaction, user: VideosReader, video_id: UUID) -> ShareList:
    """The links of a video, the newest first, also those that have expired in the last 30 days."""
    rows = await shares.of_video(session, video_id, owner_id=user.id)
    if rows is None:
        raise NotFound
    return ShareList(data=[share_view(row) for row in rows])


@router.delete("/shares/{share_id}", status_code=204, responses=documented(401, 404))
async def revoke(session: Transaction, user: VideosWriter, address: ClientAddress, share_id: UUID) -> None:
    """Revoke a link. Links to files that were made before are valid for five more minutes at most."""
    video_id = await shares.revoke(session, share_id, owner_id=user.id)
    if video_id is None:
        raise NotFound
    details = {"video_id": str(video_id)}
    target = ("share", share_id)
    await audit.record(
        session, action=Action.SHARE_REVOKED, actor_id=user.id, target=target, address=address, details=details
    )


@router.get("/shared/{token}", dependencies=[Depends(no_index)], responses=documented(404, 429, PasswordRequired))
async def open_link(video: Annotated[SharedVideo, Depends(open_share)]) -> SharedVideo:
    """The video of a link. 401 `password_required` if the link has a password."""
    return video


@router.post(
    "/shared/{token}", dependencies=[Depends(no_index)], responses=documented(400, 404, 422, 429, WrongSharePassword)
)
async def open_link_with_password(video: Annotated[SharedVideo, Depends(open_with_password)]) -> SharedVideo:
    """The video of a link with a password. 401 `wrong_password` if it is another one."""
    return video
