"""The outbox: mails are written in the transaction that causes them, and sent afterwards."""

from datetime import timedelta
from typing import Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.ids import uuid7
from db.tables import Mail

# Lease of a claimed mail: after this time another process may claim it.
CLAIM_SECONDS: Final = 120
MAX_ATTEMPTS: Final = 8
# How long a mail is kept after it was sent or given up.
KEPT_DAYS: Final = 7


async def add(session: AsyncSession, *, recipient: str, subject: str, body: str, discard: bool = False) -> None:
    """Write a mail. With `discard` it is written and never sent, which takes the same time."""
    ended_at = func.now() if discard else None
    session.add(Mail(id=uuid7(), recipient=recipient, subject=subject, body=body, ended_at=ended_at))
    await session.flush()


async def claim(session: AsyncSession) -> Mail | None:
    """The next mail that is due, which no other process will claim for a while."""
    due = (
        select(Mail.id)
        .where(Mail.ended_at.is_(None), Mail.available_at <= func.now())
        .order_by(Mail.available_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return await session.scalar(
        update(Mail)
        .where(Mail.id == due.scalar_subquery())
        .values(available_at=func.now() + timedelta(seconds=CLAIM_SECONDS), attempts=Mail.attempts + 1)
        .returning(Mail)
        .execution_options(populate_existing=True)
    )


async def record_sent(session: AsyncSession, mail: Mail, *, keep_body: bool = False) -> None:
    values = {"ended_at": func.now()} if keep_body else {"ended_at": func.now(), "body": ""}
    await session.execute(update(Mail).where(Mail.id == mail.id).values(**values))


async def record_failure(session: AsyncSession, mail: Mail, error: str, *, permanent: bool) -> None:
    """Try the mail again later, or give it up after a permanent error or MAX_ATTEMPTS."""
    given_up = permanent or mail.attempts >= MAX_ATTEMPTS
    values = (
        {"ended_at": func.now(), "body": ""}
        if given_up
        else {"available_at": func.now() + timedelta(seconds=30 * 2**mail.attempts)}
    )
    await session.execute(update(Mail).where(Mail.id == mail.id).values(error=error[:300], **values))


async def purge(session: AsyncSession, *, limit: int) -> int:
    """Delete mails that were sent or given up some days ago, at most `limit`; how many were deleted."""
    old = (
        select(Mail.id)
        .where(Mail.ended_at < func.now() - timedelta(days=KEPT_DAYS))
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("batch")
    )
    return len(list(await session.scalars(delete(Mail).where(Mail.id.in_(select(old.c.id))).returning(Mail.id))))
