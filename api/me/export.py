"""Everything that is stored about an account, as a zip that is written while it is sent.

Neither the rows nor the files are in memory at once, and no database connection is held between two pages.
"""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from zipstream import ZIP_DEFLATED, ZIP_STORED, ZipStream

from api.auth.dependencies import live_user
from api.auth.tokens import Access
from api.dependencies import Gateway
from db import api_keys, audit, login_sessions, passkeys, webhooks
from db.errors import ObjectMissing
from db.jobs import queries as jobs
from db.tables import Artifact, AuditEntry, Base, Job, Video
from db.videos import queries as videos
from db.videos.queries import Filter, Objects

PAGE: Final = 50
# Entries of the audit log in one file.
ACTIONS_PAGE: Final = 500
MAX_KEYS: Final = 1000
# Of no use to the owner, or secret.
HIDDEN: Final = frozenset(
    {
        "password_hash",
        "totp_secret",
        "totp_last_step",
        "lease_owner",
        "request_hash",
        "owner_id",
        "key_hash",
        "words",
        "public_key",
        "secret",
        "previous_secret",
        "leased_until",
    }
)


async def export_stream(gateway: Gateway, access: Access) -> AsyncIterator[bytes]:
    """The chunks of the zip. Raises Unauthenticated before the first of them if the session has ended."""
    async with gateway.sessions() as session:
        user = await live_user(session, access)
        account = _columns(user) | {
            "sessions": [_columns(row) for row in await login_sessions.of_user(session, user.id)],
            "api_keys": [_columns(row) for row in await api_keys.page(session, user_id=user.id, limit=MAX_KEYS)],
            "passkeys": [_columns(row) for row in await passkeys.of_user(session, user.id)],
            "webhooks": [_columns(row) for row in await webhooks.page(session, owner_id=user.id, limit=MAX_KEYS)],
        }
    return _chunks(gateway, user.id, account)


async def _chunks(gateway: Gateway, user_id: UUID, account: dict[str, Any]) -> AsyncIterator[bytes]:
    archive = ZipStream(compress_type=ZIP_DEFLATED)
    archive.add(_json(account), "account.json")
    for chunk in archive.all_files():
        yield chunk
    async for page in _all_actions(gateway, user_id):
        archive.add(_json([_columns(entry) for entry in page]), f"activity/{page[0].id}.json")
        for chunk in archive.all_files():
            yield chunk
    for trashed in (False, True):
        async for job in _all_jobs(gateway, user_id, trashed=trashed):
            archive.add(_json(_columns(job)), f"jobs/{job.id}/job.json")
            for chunk in archive.all_files():
                yield chunk
        async for video, objects in _all_videos(gateway, user_id, trashed=trashed):
            archive.add(_json(_columns(video)), f"videos/{video.id}/video.json")
            for artifact in objects.files.values():
                await _add_object(gateway, archive, video, artifact)
            for chunk in archive.all_files():
                yield chunk
    for chunk in archive.finalize():
        yield chunk


async def _all_actions(gateway: Gateway, user_id: UUID) -> AsyncIterator[list[AuditEntry]]:
    """Pages of the entries of the audit log of which the user is the actor."""
    after, has_more = None, True
    while has_more:
        async with gateway.sessions() as session:
            rows = await audit.page(session, limit=ACTIONS_PAGE, after=after, actor_id=user_id)
        if page := rows[:ACTIONS_PAGE]:
            yield page
            after = page[-1].id
        has_more = len(rows) > ACTIONS_PAGE


async def _all_jobs(gateway: Gateway, user_id: UUID, *, trashed: bool) -> AsyncIterator[Job]:
    after = None
    while True:
        async with gateway.sessions() as session:
            page = await jobs.page(session, owner_id=user_id, limit=PAGE, after=after, trashed=trashed)
        for job in page.data:
            yield job
        if not page.has_more:
            return
        after = page.data[-1].id


async def _all_videos(gateway: Gateway, user_id: UUID, *, trashed: bool) -> AsyncIterator[tuple[Video, Objects]]:
    after = None
    only = Filter(trashed=trashed)
    while True:
        async with gateway.sessions() as session:
            page = await videos.page(session, owner_id=user_id, limit=PAGE, after=after, only=only)
            objects = await videos.objects(session, page.data)
        for video in page.data:
            yield video, objects[video.id]
        if not page.has_more:
            return
        after = page.data[-1].id


async def _add_object(gateway: Gateway, archive: ZipStream, video: Video, artifact: Artifact) -> None:
    """Add a file, unless it was deleted meanwhile."""
    try:
        data = await gateway.storage.get(artifact.key)
    except ObjectMissing:
        return
    suffix = artifact.key.rpartition(".")[2]
    archive.add(data, f"videos/{video.id}/{artifact.kind}.{suffix}", compress_type=ZIP_STORED)


def _columns(row: Base) -> dict[str, Any]:
    names = [column.name for column in row.__table__.columns]
    return {name: getattr(row, name) for name in names if name not in HIDDEN}


def _json(value: dict[str, Any] | list[dict[str, Any]]) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=2, default=_text).encode()


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
