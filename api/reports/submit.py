"""A report of a video, also without sign-in. Urgent reasons hide the video at once."""

from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth.tokens import token_hash
from api.dependencies import ClientAddress, Gateway, GatewayDep, Transaction
from api.moderation.notices import notify_owners
from api.networks import network_of, site_of
from api.problems import NotFound
from api.rate_limits import RateLimitsDep
from api.reports.schemas import ReportReceipt, ReportRequest
from db import audit, gallery, reports, shares
from db.audit import Action
from db.moderation import decisions
from db.moderation_tables import URGENT
from db.rate_limits import Bucket

# Reports in ten minutes from one network.
PER_NETWORK: Final = 10
SECONDS: Final = 600
SITE_FACTOR: Final = 3
# Urgent reports in an hour from one network: each can hide a video.
URGENT_PER_NETWORK: Final = 5
URGENT_SECONDS: Final = 3600
log = structlog.get_logger("api.reports")


def buckets(address: str, *, urgent: bool) -> list[Bucket]:
    network, site = network_of(address), site_of(address)
    taken = [
        Bucket("reports from this network", network, PER_NETWORK, SECONDS),
        Bucket("reports from this site", site, PER_NETWORK * SITE_FACTOR, SECONDS),
    ]
    if urgent:
        taken += [
            Bucket("urgent reports from this network", network, URGENT_PER_NETWORK, URGENT_SECONDS),
            Bucket("urgent reports from this site", site, URGENT_PER_NETWORK * SITE_FACTOR, URGENT_SECONDS),
        ]
    return taken


async def limit_reports(limits: RateLimitsDep, address: ClientAddress, body: ReportRequest) -> ReportRequest:
    """The report, if the address has not sent too many. Committed at once, whatever becomes of the request."""
    await limits.take(*buckets(address, urgent=body.reason in URGENT))
    return body


async def submit(
    session: Transaction, gateway: GatewayDep, address: ClientAddress, body: ReportRequest
) -> ReportReceipt:
    """Add a report to the queue. NotFound unless the video is in the gallery, or the link is valid."""
    video_id = await _reported_video(session, body)
    if video_id is None:
        raise NotFound
    report_id = await reports.add(
        session, video_id=video_id, reason=body.reason, details=body.details, email=body.email
    )
    if body.reason in URGENT:
        await _hide(session, gateway, address, video_id, body.reason)
    return ReportReceipt(id=report_id)


async def _reported_video(session: AsyncSession, body: ReportRequest) -> UUID | None:
    if body.share_token is not None:
        shared = await shares.find(session, token_hash(body.share_token))
        return shared.video.id if shared else None
    video = await gallery.get(session, body.video_id) if body.video_id else None
    return video.id if video else None


async def _hide(session: AsyncSession, gateway: Gateway, address: str, video_id: UUID, reason: str) -> None:
    decided = await decisions.hide_reported(session, video_id, reason=reason)
    if decided is None:
        return
    await notify_owners(session, gateway.settings, decided)
    await audit.record(
        session,
        action=Action.VIDEO_HIDDEN_BY_REPORT,
        actor_id=None,
        target=("video", video_id),
        address=address,
        details={"reason": reason},
    )
    log.warning("video hidden by a report", video_id=str(video_id), reason=reason)
