"""The running dispatchers, and the jobs that they hold. For administrators: no transition of a job reads this."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db.tables import Dispatcher, Json

# How often a dispatcher writes that it runs.
SEEN_SECONDS: Final = 10.0
# A dispatcher that has not written for this long is shown as lost. Ray may take 15 s to say how many replicas run.
LOST_SECONDS: Final = 45.0
# How long a lost dispatcher is listed.
KEPT_DAYS: Final = 1
MAX_LISTED: Final = 100
MAX_HELD: Final = 1000


@dataclass(frozen=True, slots=True)
class Seen:
    dispatcher: Dispatcher
    lost: bool


@dataclass(frozen=True, slots=True)
class Held:
    """A running job and the worker that holds it."""

    owner: str
    job_id: UUID
    user_id: UUID
    attempt: int
    # The running stage, and the progress of the job from 0 to 1.
    stage: str | None
    value: float
    started_at: datetime
    lease_expires_at: datetime
    cancel_requested: bool


async def seen(session: AsyncSession, *, owner: str, version: str, jobs: int, replicas: Json) -> None:
    """Record that this dispatcher runs."""
    new = insert(Dispatcher).values(owner=owner, version=version, jobs=jobs, replicas=replicas)
    changed = {"replicas": new.excluded.replicas, "seen_at": func.now()}
    await session.execute(new.on_conflict_do_update(index_elements=[Dispatcher.owner], set_=changed))


async def remove(session: AsyncSession, owner: str) -> None:
    """Forget a dispatcher that stops."""
    await session.execute(delete(Dispatcher).where(Dispatcher.owner == owner))


async def purge(session: AsyncSession, *, limit: int) -> int:
    """Forget the dispatchers that were lost a day ago, at most `limit`; how many were forgotten."""
    long_ago = func.now() - timedelta(days=KEPT_DAYS)
    old = select(Dispatcher.owner).where(Dispatcher.seen_at < long_ago).limit(limit)
    statement = delete(Dispatcher).where(Dispatcher.owner.in_(old.scalar_subquery())).returning(Dispatcher.owner)
    return len(list(await session.scalars(statement)))


async def listed(session: AsyncSession) -> list[Seen]:
    """The dispatchers, the newest first, at most MAX_LISTED."""
    lost = Dispatcher.seen_at < func.now() - timedelta(seconds=LOST_SECONDS)
    rows = await session.execute(select(Dispatcher, lost).order_by(Dispatcher.started_at.desc()).limit(MAX_LISTED))
    return [Seen(dispatcher, is_lost) for dispatcher, is_lost in rows]


async def held(session: AsyncSession) -> list[Held]:
    """The running jobs of all dispatchers, at most MAX_HELD and one more if there are more."""
    rows: list[Any] = list(await session.execute(text(HELD), {"limit": MAX_HELD + 1}))
    return [Held(*row) for row in rows]


# In the order of an index: the planner must not read the whole table for a LIMIT.
HELD: Final = """
    SELECT lease_owner, id, owner_id, attempt, progress ->> 'stage', (progress ->> 'value')::float8, started_at,
        lease_expires_at, cancel_requested_at IS NOT NULL
    FROM jobs WHERE status = 'running' ORDER BY owner_id LIMIT :limit
"""
