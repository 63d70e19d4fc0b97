"""Accounts, changed in the database itself: for the operator, who needs no password of the service."""

import asyncio

from sqlalchemy.ext.asyncio import AsyncSession

from api.auth.passwords import HASHER
from db import audit, login_sessions, one_time_tokens, users
from db import engine as engines
from db.audit import Action
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
                user = await users.create(session, email=email, password_hash=hashed, role=Role.ADMIN)
                await _record(session, Action.REGISTERED, user, role=user.role)

    async def set_role(self, email: str, role: Role) -> None:
        async with self._sessions.begin() as session:
            user = await self._find(email)
            await users.set_role(session, user.id, role)
            await _record(session, Action.ROLE_CHANGED, user, **{"from": user.role, "to": role})

    async def set_disabled(self, email: str, *, disabled: bool) -> None:
        async with self._sessions.begin() as session:
            user = await self._find(email)
            await users.set_disabled(session, user.id, disabled=disabled)
            await login_sessions.revoke_all(session, user.id)
            await _record(session, Action.ACCOUNT_DISABLED if disabled else Action.ACCOUNT_ENABLED, user)

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
            await _record(session, Action.INVITATION_CREATED, role=role)
        return token

    async def reset_token(self, email: str) -> str:
        """A token for POST /api/auth/password/reset, valid for an hour."""
        from api.auth.password_reset import new_link  # not above: it imports the web framework, and `aura up` waits

        async with self._sessions.begin() as session:
            user = await self._find(email)
            await _record(session, Action.PASSWORD_RESET_REQUESTED, user)
            return await new_link(session, user)

    async def _find(self, email: str) -> User:
        async with self._sessions() as session:
            user = await users.by_email(session, email)
        if user is None:
            raise NoSuchAccount(f"there is no account {email}")
        return user


async def _record(session: AsyncSession, action: Action, user: User | None = None, **details: str) -> None:
    """An entry of the audit log without an actor: the operator has no account here."""
    target = ("user", user.id) if user else None
    await audit.record(session, action=action, actor_id=None, target=target, details={"by": "operator"} | details)


def create_local_account(database_url: str, email: str, password: str) -> None:
    """The account of `aura generate`, which registration does not create where it is closed."""

    async def create() -> None:
        accounts = Accounts(database_url)
        try:
            await accounts.create_admin(email, password)
        finally:
            await accounts.close()

    asyncio.run(create())
