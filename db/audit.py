"""The audit log: entries are added in the transaction of the action, so that neither exists without the other."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.audit_tables import Action, AuditEntry
from db.ids import first_uuid7, uuid7
from db.keyset import page_of

__all__ = ["Action", "AuditEntry", "page", "purge", "record"]

MAX_ADDRESS_CHARS: Final = 100


async def record(
    session: AsyncSession,
    *,
    action: Action,
    actor_id: UUID | None,
    target: tuple[str, UUID] | None = None,
    address: str | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    """Add an entry. `target` is a type and an id; `details` has no passwords, tokens or e-mail addresses."""
    target_type, target_id = target or (None, None)
    session.add(
        AuditEntry(
            id=uuid7(),
            action=action,
            actor_id=actor_id,
            target_type=target_type,
            target_id=target_id,
            address=address and address[:MAX_ADDRESS_CHARS],
            details=details or {},
        )
    )
    await session.flush()


async def page(
    session: AsyncSession,
    *,
    limit: int,
    after: UUID | None = None,
    action: str | None = None,
    actor_id: UUID | None = None,
) -> list[AuditEntry]:
    """The entries after `after`, the newest first; one more than `limit` if there are more."""
    statement = page_of(select(AuditEntry), AuditEntry.id, limit=limit, after=after)
    if action is not None:
        statement = statement.where(AuditEntry.action == action)
    if actor_id is not None:
        statement = statement.where(AuditEntry.actor_id == actor_id)
    return list(await session.scalars(statement))


async def purge(session: AsyncSession, *, older_than_days: float, limit: int) -> int:
    """Delete the oldest entries, at most `limit`; how many were deleted. Only the owner of the tables may do this."""
    now: datetime = (await session.scalars(select(func.now()))).one()
    # By id, which sorts by time and has an index.
    oldest_kept = first_uuid7(now - timedelta(days=older_than_days))
    batch = select(AuditEntry.id).where(AuditEntry.id < oldest_kept).order_by(AuditEntry.id).limit(limit).cte("batch")
    statement = delete(AuditEntry).where(AuditEntry.id.in_(select(batch.c.id))).returning(AuditEntry.id)
    return len(list(await session.scalars(statement)))
