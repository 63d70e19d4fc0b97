"""Everything that is stored about an account, as a zip that is written while it is sent.

Neither the rows nor the files are in memory at once, and no database connection is held between two pages of jobs.
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
from db import login_sessions
from db.errors import ObjectMissing
from db.jobs import queries as jobs
from db.tables import Artifact, Base, Job

PAGE: Final = 50
# Of no use to the owner, or secret.
HIDDEN: Final = frozenset({"password_hash", "totp_secret", "totp_last_step", "lease_owner", "request_hash", "owner_id"})


async def export_stream(gateway: Gateway, access: Access) -> AsyncIterator[bytes]:
    """The chunks of the zip. Raises Unauthenticated before the first of them if the session has ended."""
    async with gateway.sessions() as session:
        user = await live_user(session, access)
        account = _columns(user) | {
            "sessions": [_columns(row) for row in await login_sessions.of_user(session, user.id)]
        }
    return _chunks(gateway, user.id, account)


async def _chunks(gateway: Gateway, user_id: UUID, account: dict[str, Any]) -> AsyncIterator[bytes]:
    archive = ZipStream(compress_type=ZIP_DEFLATED)
    archive.add(_json(account), "account.json")
    for chunk in archive.all_files():
        yield chunk
    for trashed in (False, True):
        async for job, artifacts in _all_jobs(gateway, user_id, trashed=trashed):
            archive.add(_json(_columns(job)), f"jobs/{job.id}/job.json")
            for artifact in artifacts:
                await _add_object(gateway, archive, job, artifact)
            for chunk in archive.all_files():
                yield chunk
    for chunk in archive.finalize():
        yield chunk


async def _all_jobs(gateway: Gateway, user_id: UUID, *, trashed: bool) -> AsyncIterator[tuple[Job, list[Artifact]]]:
    after = None
    while True:
        async with gateway.sessions() as session:
            page = await jobs.page(session, owner_id=user_id, limit=PAGE, after=after, trashed=trashed)
            rows = [(job, await jobs.artifacts(session, job.id, owner_id=user_id)) for job in page.data]
        for row in rows:
            yield row
        if not page.has_more:
            return
        after = page.data[-1].id


async def _add_object(gateway: Gateway, archive: ZipStream, job: Job, artifact: Artifact) -> None:
    """Add a file, unless it was deleted meanwhile."""
    try:
        data = await gateway.storage.get(artifact.key)
    except ObjectMissing:
        return
    suffix = artifact.key.rpartition(".")[2]
    archive.add(data, f"jobs/{job.id}/{artifact.kind}.{suffix}", compress_type=ZIP_STORED)


def _columns(row: Base) -> dict[str, Any]:
    names = [column.name for column in row.__table__.columns]
    return {name: getattr(row, name) for name in names if name not in HIDDEN}


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=2, default=_text).encode()


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
