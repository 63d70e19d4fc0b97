"""Tickets: a WebSocket is opened with one, so that the access token need not be sent over it. Valid once, anywhere."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.auth.tokens import Access, access_of, data_of, new_token, token_hash
from api.problems import TokenRefused
from db import one_time_tokens
from db.tables import Purpose

TICKET_SECONDS: Final = 30


async def issue(session: AsyncSession, access: Access) -> str:
    """A ticket that opens one connection, which expires with the access token or API key."""
    ticket = new_token()
    await one_time_tokens.create(
        session,
        purpose=Purpose.SOCKET_TICKET,
        token_hash=token_hash(ticket),
        lifetime_seconds=TICKET_SECONDS,
        user_id=access.user_id,
        data=data_of(access),
    )
    return ticket


async def redeem(sessions: async_sessionmaker[AsyncSession], ticket: str) -> Access:
    """The access that the ticket was issued for, or TokenRefused."""
    async with sessions.begin() as session:
        found = await one_time_tokens.redeem(session, purpose=Purpose.SOCKET_TICKET, token_hash=token_hash(ticket))
    if found is None or found.user_id is None:
        raise TokenRefused
    return access_of(found.data, found.user_id)
