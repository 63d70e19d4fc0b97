"""Accounts, changed in the database itself: for the operator, who needs no password of the service."""

import asyncio

from api.auth.passwords import HASHER
from db import engine as engines
from db import login_sessions, one_time_tokens, users
from db.tables import Purpose, Role, User

INVITATION_SECONDS = 7 * 86_400


class NoSuchAccount(Exception):
    """There is no account with this e-mail address."""


class Accounts:
    """Each method is one transaction."""

    def __init__(self, url: str) -> None:
        self._engine = engines.connect(url)
        self._sessions = engines.sessions(self._engine)

    async def close(self) -> None:
        await self._engine.dispose()

    async def create_admin(self, email: str, password: str) -> None:
        """An account with the role admin; nothing if it exists."""
        async with self._sessions.begin() as session:
            if await users.by_email(session, email) is None:
                hashed = HASHER.hash(password)
                await users.create(session, email=email, password_hash=hashed, role=Role.ADMIN)

    async def set_role(self, email: str, role: Role) -> None:
        async with self._sessions.begin() as session:
            user = await self._find(email)
            await users.set_role(session, user.id, role)

    async def set_disabled(self, email: str, *, disabled: bool) -> None:
        async with self._sessions.begin() as session:
            user = await self._find(email)
            await users.set_disabled(session, user.id, disabled=disabled)
            await login_sessions.revoke_all(session, user.id)

    async def invite(self, role: Role) -> str:
        from api.auth.tokens import new_token, token_hash  # not above, see `reset_token`

        token = new_token()
        async with self._sessions.begin() as session:
            await one_time_tokens.create(
                session,
                purpose=Purpose.INVITATION,
                token_hash=token_hash(token),
                lifetime_seconds=INVITATION_SECONDS,
                data={"role": role},
            )
        return token

    async def reset_token(self, email: str) -> str:
        """A token for POST /api/auth/password/reset, valid for an hour."""
        from api.auth.password_reset import new_link  # not above: it imports the web framework, and `aura up` waits

        async with self._sessions.begin() as session:
            return await new_link(session, await self._find(email))

    async def _find(self, email: str) -> User:
        async with self._sessions() as session:
            user = await users.by_email(session, email)
        if user is None:
            raise NoSuchAccount(f"there is no account {email}")
        return user


def create_local_account(database_url: str, email: str, password: str) -> None:
    """The account of `aura generate`, which registration does not create where it is closed."""

    async def create() -> None:
        accounts = Accounts(database_url)
        try:
            await accounts.create_admin(email, password)
        finally:
            await accounts.close()

    asyncio.run(create())
